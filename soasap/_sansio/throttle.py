"""At most so many in so long: times go in, yes or no comes out."""

from __future__ import annotations

from collections import deque

__all__ = ["Throttle"]


class Throttle:
    """
    Admits at most `limit` in any `period`.

    Args:
        limit: How many.
        period: Seconds.
    """

    def __init__(self, limit: int, period: float) -> None:
        self._period = period
        self._admitted: deque[float] = deque(maxlen=limit)

    def admit(self, now: float) -> bool:
        """Whether one more may pass at `now`, monotonic seconds. Those refused do not count."""
        admitted = self._admitted
        if len(admitted) == admitted.maxlen and now - admitted[0] < self._period:
            return False
        admitted.append(now)
        return True
