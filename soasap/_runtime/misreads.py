"""
Tells developers of reads that cannot give what the flag has: once per flag, never in the read itself.

A read that hits pays nothing. One that misses writes its key into a set of bounded size, and the task that reads the
stream logs it, at the next sign of life of the server.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["CAPACITY", "Misreads"]

CAPACITY = 1000
"""Flags that are told of, in the life of a client; a key may come from a request."""

_NAMES = {bool: "a boolean", int: "a number", float: "a number", str: "a string", dict: "an object", list: "an array"}

logger = logging.getLogger("soasap")


class Misreads:
    """
    Reads that gave the default though there were flags.

    Attributes:
        on_curiosity: Told when unknown keys are to be noted too, and when no longer: they are logged at DEBUG, where
            mostly nobody listens.
    """

    __slots__ = ("_is_curious", "_noted", "_told", "on_curiosity")

    def __init__(self) -> None:
        self.on_curiosity: Callable[[bool], None] = lambda is_curious: None
        self._is_curious = False
        self._noted: dict[str, tuple[str, str]] = {}
        self._told: set[tuple[str, str]] = set()

    def note(self, key: object, asked: str, value: Any) -> None:
        """By the read: this key was asked for as `asked`, and its value is another kind of thing, or `None`."""
        seen = _NAMES.get(type(value), "")
        if type(key) is str and (key, seen) not in self._told and len(self._noted) + len(self._told) < CAPACITY:
            self._noted[key] = (asked, seen)

    def tell(self, flags: Mapping[str, Any]) -> None:
        """By the task, with the flags that there are now: a key that was only asked for too early is no news."""
        is_curious = logger.isEnabledFor(logging.DEBUG)
        if is_curious is not self._is_curious:
            self._is_curious = is_curious
            self.on_curiosity(is_curious)
        while self._noted:
            key, (asked, seen) = self._noted.popitem()
            if not seen and key in flags:
                continue
            self._told.add((key, seen))
            if seen:
                logger.warning(
                    "soasap: the flag %r is %s, asked for as %s: that reads as the default", key, seen, asked
                )
            else:
                logger.debug("soasap: there is no flag %r: it reads as the default", key)
