"""What `soasap watch` knows: the flags, what changed last, and how the connection is. It shows nothing itself."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from soasap.types import FlagChange

__all__ = ["LAST", "Board", "Change"]

LAST = 8
"""Changes that are remembered."""


@dataclass(frozen=True, slots=True)
class Change:
    """
    One flag that changed.

    Attributes:
        at: When it was seen, in seconds since the epoch.
        key: The flag.
        old, new: Its values; `None` if it was not there, or is gone.
        delay: Seconds since the server's write, `None` if unknown.
    """

    at: float
    key: str
    old: Any
    new: Any
    delay: float | None


class Board:
    """
    Flags and changes.

    Args:
        patterns: Which flags to look at, as a shell writes file names; empty means all.

    Attributes:
        flags: What is known, sorted by key.
        changes: The newest first.
        since: By key, when it changed last, in seconds since the epoch.
    """

    def __init__(self, patterns: Collection[str] = ()) -> None:
        self._patterns = patterns
        self.flags: dict[str, Any] = {}
        self.changes: deque[Change] = deque(maxlen=LAST)
        self.since: dict[str, float] = {}

    def begin(self, flags: Mapping[str, Any]) -> None:
        """All flags at the beginning; none of them is a change."""
        self.flags = {key: flags[key] for key in sorted(flags) if self._is_wanted(key)}

    def take(
        self, at: float, changed: Mapping[str, FlagChange], present: Collection[str], delay: float | None
    ) -> list[Change]:
        """
        What changed; the changes that are news, sorted by key.

        Args:
            at: When it was seen, in seconds since the epoch.
            changed: As `subscribe` gives it.
            present: The keys of all flags: `None` in a change means null for these, and gone for others.
            delay: Seconds since the server's write, `None` if unknown.
        """
        news = []
        for key in sorted(changed):
            new = changed[key].new
            is_there = new is not None or key in present
            if not self._is_wanted(key) or ((key in self.flags) == is_there and _is_same(self.flags.get(key), new)):
                continue
            news.append(Change(at, key, self.flags.get(key), new, delay))
            self.since[key] = at
            if is_there:
                self.flags[key] = new
            else:
                del self.flags[key]
        self.flags = {key: self.flags[key] for key in sorted(self.flags)}
        self.changes.extendleft(news)
        return news

    def _is_wanted(self, key: str) -> bool:
        return not self._patterns or any(fnmatchcase(key, pattern) for pattern in self._patterns)


def _is_same(one: Any, other: Any) -> bool:
    """Equal, and of one type: `1` and `true` are different flags."""
    return type(one) is type(other) and bool(one == other)
