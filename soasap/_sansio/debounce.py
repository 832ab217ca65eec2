"""
When a snapshot may go to its cache: the first change after quiet at once, later ones at most once per
interval.

Timing only. Which snapshot is saved is the caller's matter: always the newest, so that those between cost
nothing.
"""

from __future__ import annotations

__all__ = ["Debounce"]

FAILURE_PAUSE = 30.0
"""Seconds after a failed save: a full disk is not emptied by trying, and every try is a report."""


class Debounce:
    """
    Says how long a save has to wait.

    All times are monotonic seconds: the wall clock may be set back, and then saves would stop for as long.

    Args:
        interval: Seconds between saves.
    """

    __slots__ = ("_due", "_interval")

    def __init__(self, interval: float = 2.5) -> None:
        self._interval = interval
        self._due = float("-inf")

    def wait(self, now: float) -> float:
        """Seconds until a save is allowed, 0 if it is allowed now."""
        return max(0.0, self._due - now)

    def saved(self, now: float) -> None:
        """A save succeeded now: the next one is due an interval later."""
        self._due = now + self._interval

    def failed(self, now: float) -> None:
        """A save failed now: the next attempt is due 30 s later, or an interval later if that is longer."""
        self._due = now + max(self._interval, FAILURE_PAUSE)
