"""
The smallest possible Python methods: one look-up and one type check, and nothing that makes a client of it.

What a read of ours is measured against. The instance has a `__dict__` and the class slots, as ours.
"""

from __future__ import annotations

from typing import Any

__all__ = ["Smallest"]


class Smallest:
    """Reads from a dictionary."""

    __slots__ = ("__dict__", "_flags")

    def __init__(self, flags: dict[str, Any]) -> None:
        self._flags = flags

    def get_bool(self, flag_key: str, default_value: bool = False) -> Any:
        value = self._flags.get(flag_key)
        return value if value is True or value is False else default_value

    def get_string(self, flag_key: str, default_value: str = "") -> Any:
        value = self._flags.get(flag_key)
        return value if type(value) is str else default_value

    def get_int(self, flag_key: str, default_value: int = 0) -> Any:
        value = self._flags.get(flag_key)
        return value if type(value) is int else default_value

    def get_number(self, flag_key: str, default_value: float = 0) -> Any:
        value = self._flags.get(flag_key)
        return value if type(value) is float else default_value
