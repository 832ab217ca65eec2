"""The flags of the demo, how they change, and reading one by the getter that fits."""

from __future__ import annotations

from typing import Any

from soasap import SoasapClientImpl

__all__ = ["CHANGES", "SAMPLE", "WHILE_AWAY", "read"]

SAMPLE: dict[str, Any] = {
    "new-checkout": False,
    "banner": "Welcome",
    "max-upload-mb": 25,
    "sampling": 0.1,
    "limits": {"free": 10, "paid": 1000},
}
CHANGES: list[tuple[str, Any]] = [
    ("new-checkout", True),
    ("banner", "Sale ends tonight"),
    ("max-upload-mb", 100),
    ("limits", {"free": 20, "paid": 5000}),
    ("sampling", 0.25),
    ("new-checkout", False),
    ("banner", "Thank you"),
    ("new-checkout", True),
]
WHILE_AWAY = ("banner", "Back again")
"""Changed while no server runs; what the client reads when it has found the server again."""


def read(client: SoasapClientImpl, key: str, like: Any) -> Any:
    """The flag by the getter that fits a value such as `like`; `None` if there is none of that kind."""
    nothing: Any = None  # a default comes back as given, of whatever type
    if isinstance(like, bool):
        return client.get_bool(key, nothing)
    if isinstance(like, int):
        return client.get_int(key, nothing)
    if isinstance(like, float):
        return client.get_number(key, nothing)
    if isinstance(like, str):
        return client.get_string(key, nothing)
    return client.get_json(key, nothing)
