"""
How long to stay away: seconds before the next connection attempt, from what happened and a random number.

Two regimes. The *ordinary* one serves everything that may pass: a floor, which the server can set, plus a
random part whose reach doubles with each failure in a row. The *slow* one serves refusals (a wrong key, a
wrong address): from the fourth in a row on, minutes and then an hour, because knocking sooner helps nobody.
It never gives up.

Thousands of clients that one edge drops at the same moment are spread by the random part, which therefore
begins at 0 after a stream. After an attempt that failed there is a pause first, as long as that spread: the
second attempts begin when the first ones are through, and do not come on top of them. `python -m tests.fleet` shows
what comes of it.
"""

from __future__ import annotations

__all__ = ["MAX_RETRY_AFTER", "Backoff"]

FIRST_SPREAD = 1.9
"""
Seconds over which the first attempts of all clients are spread.

From two demands: 10,000 clients cut at once put at most 640 attempts (a quarter of what 1, 2, 5, 10, 30 s ±
0.2 s makes) into the busiest 100 ms, and 99 of 100 are back within 2 s. Anything from 1.8 to 2.0 would do.
"""

FAILURE_PAUSE = FIRST_SPREAD
"""
Seconds that an attempt which failed is always followed by.

Without it, clients that are refused at once put 1,200 attempts into the busiest 100 ms of an outage; with it 600,
and after an outage of 3 s they are back sooner (99 of 100 after 5 s, not after 10).
"""

FAILURE_SPREAD = 2.2
"""
Seconds over which the attempts after the first failure are spread.

With 1.9, an outage of 3 s ends just where most second attempts are: 560 of 10,000 clients in 100 ms, a little more than
a quarter of what the schedule of 1.0.3 makes there (2,190). With this 490, and 99 of 100 are back 0.6 s later.
"""

MAX_DELAY = 30.0
"""Seconds at which ordinary delays stop growing; a floor as high as this gets `FIRST_SPREAD` on top."""

MIN_RETRY = 0.1
"""Seconds: the least a server's `retry` field can ask for."""

MAX_RETRY_AFTER = 300.0
"""Seconds: the most a `Retry-After` can ask for. A slip of one digit must not blind clients for a day."""

PATIENT_REFUSALS = 3
"""Refusals in a row that wait as ordinary failures do: ingresses answer 404 for a moment in a roll-out."""

FIRST_SLOW_DELAY = 300.0
MAX_SLOW_DELAY = 3600.0

BRIEF_HEALTH = 10.0
"""Seconds a stream must live for its end to be followed by a short delay: some proxies cut every 55 s."""

FULL_HEALTH = 60.0
"""Seconds a stream must live to clear the record; less, and a flapping server is knocked on every second."""


class Backoff:
    """Counts what failed in a row and says how long to wait. One for one run, used by one task."""

    __slots__ = ("_failures", "_floor", "_refusals")

    def __init__(self) -> None:
        self._floor = 0.0
        self._failures = 0
        self._refusals = 0

    def suggest(self, retry_ms: int) -> None:
        """Take the server's `retry` field, in milliseconds, as the floor of delays, within 0.1 to 30 s."""
        self._floor = max(MIN_RETRY, min(retry_ms / 1000, MAX_DELAY))

    def after_failure(self, *, is_refusal: bool, retry_after: float, roll: float) -> float:
        """
        Seconds to wait after an attempt that gave no stream.

        Args:
            is_refusal: The service answered, and the answer is no.
            retry_after: Seconds the service asked us to stay away, 0 if it did not; honoured up to 5 minutes.
            roll: A number in [0, 1) chosen by the caller; spreads clients apart.

        Returns:
            In the ordinary regime 1.9 s to less than 32 s, and at least what the server asked for; in the
            slow one 4 minutes to an hour. Never raises.
        """
        floor = max(self._floor, FAILURE_PAUSE)
        spread = self._spread(FAILURE_SPREAD, floor, self._failures)
        floor = max(floor, min(retry_after, MAX_RETRY_AFTER))
        self._failures += 1
        self._refusals = self._refusals + 1 if is_refusal else 0
        doublings = self._refusals - PATIENT_REFUSALS - 1
        if doublings < 0:
            return floor + roll * spread
        # The exponent is held down because a float overflows where an integer would not.
        slow = min(FIRST_SLOW_DELAY * 2.0 ** min(doublings, 4), MAX_SLOW_DELAY)
        return max(floor, slow * (1 - 0.2 * roll))

    def after_stream(self, *, lived: float, delivered: bool, roll: float) -> float:
        """
        Seconds to wait after a stream has ended, by whichever side.

        Args:
            lived: Seconds from the accepted answer to the end.
            delivered: Whether an event came.
            roll: A number in [0, 1) chosen by the caller.

        Returns:
            Less than 2 s above the floor after a stream that delivered and lived 10 s; one that lived 60 s
            also clears the record. A shorter one, or a silent one, counts as a failure. Never raises.
        """
        self._refusals = 0
        if not delivered or lived < BRIEF_HEALTH:
            spread = self._spread(FIRST_SPREAD, self._floor, self._failures)
            self._failures += 1
        else:
            spread = FIRST_SPREAD
            if lived >= FULL_HEALTH:
                self._failures = 0
        return self._floor + roll * spread

    @staticmethod
    def _spread(first: float, floor: float, failures: int) -> float:
        """Seconds that the random part reaches over: `first`, doubled by each failure in a row before this one."""
        doubled = first * 2.0 ** min(failures, 5)  # 1.9 * 2**4 is beyond the cap already
        return max(FIRST_SPREAD, min(MAX_DELAY - floor, doubled))
