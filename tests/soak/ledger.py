"""
Keeps count of what arrives: on each connection every event, in order, and how old it was.

The service numbers the events of a connection from 0, so a hole shows at once, and what is missing at the end shows
when its own count is laid beside this one.
"""

from __future__ import annotations

import time

from soasap._runtime.run import Run
from soasap._sansio.snapshot import FlagSnapshot


class Ledger:
    """
    A sink on the client's store, which is told of every snapshot.

    Attributes:
        received: By connection, in the order of their first events: how many events came.
        holes: What came out of order, in words.
        events: How many came in all.
        newest: When the newest change was made, monotonic; `None` before the first.
        slowest: Seconds from a change to its place in the ledger, the worst.
        slowest_one: Connection and number of that event.
    """

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Begin anew, in a forked child."""
        self.received: dict[int, int] = {}
        self.holes: list[str] = []
        self.events = 0
        self.newest: float | None = None
        self.slowest = 0.0
        self.slowest_one = (0, 0)

    def sink(self, run: Run, previous: FlagSnapshot, current: FlagSnapshot) -> None:
        """Take in one snapshot."""
        if current.source != "stream":
            return
        connection, sequence = current.flags["connection"], current.flags["sequence"]
        expected = self.received.get(connection, 0)
        if sequence != expected:
            self.holes.append(f"connection {connection}: event {sequence} came where {expected} was due")
        self.received[connection] = sequence + 1
        self.events += 1
        self.newest = current.flags["at"]
        took = time.monotonic() - current.flags["at"]
        if took > self.slowest:
            self.slowest, self.slowest_one = took, (connection, sequence)

    def behind(self) -> float:
        """Seconds that the flags are behind the service's, which change all the time; infinite before the first."""
        return float("inf") if self.newest is None else time.monotonic() - self.newest
