"""
What the contract says a client is, as plain data: what reads give, where it comes from, what is counted.

Nothing here is shared with the client. A step of the world is a method; what a client must show after it are the
attributes, and `read`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from soasap.types import ClientState, SnapshotSource

__all__ = ["GETTERS", "ClientModel", "read"]

GETTERS = ("get_bool", "get_flag", "get_number", "get_int", "get_string", "get_json")


@dataclass
class ClientModel:
    """
    One client in one process, from its first read on.

    Attributes:
        flags: What reads look into.
        payload: The bytes of `flags`.
        source: Where they came from.
        state: As `status()` names it.
        ready: Whether the stream has brought flags.
        events: Events with data, good or bad.
        connects: Streams opened.
        errors: Errors of the network and of payloads; the disk's are counted apart.
    """

    flags: dict[str, Any] = field(default_factory=dict)
    payload: bytes = b""
    source: SnapshotSource = "none"
    state: ClientState = "connecting"
    ready: bool = False
    events: int = 0
    connects: int = 0
    errors: int = 0

    def start_warm(self, flags: dict[str, Any], payload: bytes) -> None:
        """The cache file had these flags."""
        self.flags, self.payload, self.source = flags, payload, "disk"

    def open(self) -> None:
        """An answer was accepted as a stream."""
        self.connects += 1
        self.state = "live"

    def take(self, flags: dict[str, Any], payload: bytes) -> None:
        """A valid event came, and replaced all flags."""
        self.events += 1
        self.flags, self.payload, self.source = flags, payload, "stream"
        self.ready = True

    def refuse_event(self) -> None:
        """An event came that is not believed: nothing but a report."""
        self.events += 1
        self.errors += 1

    def fail(self) -> None:
        """An attempt to connect failed: nothing but a report."""
        self.errors += 1

    def lose(self, *, reported: bool) -> None:
        """The stream ended, by the server's choice, or by a fault, which is reported."""
        self.state = "stale"
        self.errors += reported

    def close(self) -> None:
        """The application closed the client. Reads go on."""
        self.state = "closed"
        self.ready = False


def read(flags: dict[str, Any], getter: str, key: Any, default: Any) -> Any:
    """What this getter gives for this key; a `dict` or `list` is equal to what must come, and not the same."""
    value = flags.get(key) if isinstance(key, str) else None
    is_bool = isinstance(value, bool)
    is_number = isinstance(value, (int, float)) and not is_bool
    if getter in ("get_bool", "get_flag"):
        return value if is_bool else default
    if getter == "get_number":
        return float(value) if is_number else default  # type: ignore[arg-type]
    if getter == "get_int":
        if isinstance(value, int) and not is_bool:
            return value
        fits = isinstance(value, float) and value % 1 == 0 and abs(value) <= 2**53
        return int(value) if fits else default  # type: ignore[arg-type]
    if getter == "get_string":
        return value if isinstance(value, str) else default
    return value if isinstance(value, (dict, list)) else default
