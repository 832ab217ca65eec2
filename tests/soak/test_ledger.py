"""The ledger: what comes in order is counted, and what does not is told."""

from __future__ import annotations

import time

from soasap._runtime.run import Run
from soasap._sansio.snapshot import EMPTY, parse_snapshot
from soasap.concurrency.threads import ThreadsBackend
from tests.soak.ledger import Ledger
from tests.soak.service import payload


def note(ledger: Ledger, connection: int, *sequences: int) -> None:
    run = Run(ThreadsBackend())
    for sequence in sequences:
        ledger.sink(run, EMPTY, parse_snapshot(payload(connection, sequence), source="stream", received_at=None))


def test_no_hole() -> None:
    """Each connection begins at 0 and counts on; how many came of each is known."""
    ledger = Ledger()
    note(ledger, 0, 0, 1, 2)
    note(ledger, 4, 0, 1)

    assert ([], {0: 3, 4: 2}, 5) == (ledger.holes, ledger.received, ledger.events)
    assert 0 <= ledger.behind() < 10
    assert 0 < ledger.slowest < 10


def test_holes() -> None:
    """A missing beginning, a gap, a repetition and a step back are four holes."""
    ledger = Ledger()
    note(ledger, 0, 1)
    note(ledger, 1, 0, 2, 2, 1)

    assert [
        "connection 0: event 1 came where 0 was due",
        "connection 1: event 2 came where 1 was due",
        "connection 1: event 2 came where 3 was due",
        "connection 1: event 1 came where 3 was due",
    ] == ledger.holes


def test_behind() -> None:
    """How old the newest change is grows while nothing comes; before the first it has no end."""
    ledger = Ledger()

    assert float("inf") == ledger.behind()
    note(ledger, 0, 0)
    ledger.newest = time.monotonic() - 5

    assert 5 <= ledger.behind() < 15


def test_disk_is_not_the_stream() -> None:
    """A snapshot from the cache is no event."""
    ledger = Ledger()
    ledger.sink(Run(ThreadsBackend()), EMPTY, parse_snapshot(payload(0, 9), source="disk", received_at=None))

    assert (0, {}) == (ledger.events, ledger.received)
