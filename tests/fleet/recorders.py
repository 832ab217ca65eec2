"""Readers that remember every number they saw, and when: real clients, and bare connections that never wait."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise

from soasap._runtime.run import Run
from soasap._sansio.snapshot import FlagSnapshot
from tests.clients import API_KEY, open_client
from tests.devserver.stream_reader import StreamReader
from tests.fleet.counter import FLAG

__all__ = ["Record", "connection", "latest_change", "real_client"]

RECONNECT_SECONDS = 0.05

SILENCE_SECONDS = 5.0
"""After which a bare connection is given up, as a client of a process that is stopped would be left alone for ever."""


class Record:
    """
    What one reader saw.

    Args:
        relay: Which of the relays it reads, counted from 0.
        kind: For people.

    Attributes:
        seen: Moments (monotonic) and numbers, in order.
    """

    def __init__(self, relay: int, kind: str) -> None:
        self.relay = relay
        self.kind = kind
        self.seen: list[tuple[float, int]] = []

    @property
    def newest(self) -> int:
        """The number seen last, 0 before the first."""
        return self.seen[-1][1] if self.seen else 0

    def note(self, number: int) -> None:
        """It sees this now."""
        self.seen.append((time.monotonic(), number))

    def steps_back(self) -> list[tuple[int, int]]:
        """Where a number was followed by a smaller one."""
        numbers = [number for _, number in self.seen]
        return [(before, after) for before, after in pairwise(numbers) if after < before]

    def __repr__(self) -> str:
        return f"<{self.kind} of relay {self.relay}, newest {self.newest}>"


@contextmanager
def real_client(relay: int, url: str) -> Iterator[Record]:
    """A client of ours, as applications have it, without a disk cache."""
    record = Record(relay, "client")

    def sink(run: Run, previous: FlagSnapshot, current: FlagSnapshot) -> None:
        number = current.flags[FLAG]
        assert isinstance(number, int)
        record.note(number)

    with open_client(url) as client:
        client._store.sinks.append(sink)
        client.status()  # starts it
        yield record


@contextmanager
def connection(relay: int, url: str) -> Iterator[Record]:
    """A bare connection, made anew as soon as it ends: it sees what a relay serves in its first moments."""
    record, leaving = Record(relay, "connection"), threading.Event()
    thread = threading.Thread(target=_read, args=(url, record, leaving), name="connection", daemon=True)
    thread.start()
    try:
        yield record
    finally:
        leaving.set()
        thread.join(SILENCE_SECONDS * 2)


def _read(url: str, record: Record, leaving: threading.Event) -> None:
    while not leaving.wait(RECONNECT_SECONDS):
        try:
            with StreamReader(url, headers={"X-API-Key": API_KEY}, timeout=SILENCE_SECONDS) as reader:
                while not leaving.is_set() and (data := reader.next_event()) is not None:
                    record.note(json.loads(data)[FLAG])
        except (OSError, AssertionError):  # cut, silent, or within an event: the next one will tell
            pass


def latest_change(written: Mapping[int, float], records: Sequence[Record]) -> float:
    """
    How long the slowest change took to its last reader, in seconds.

    A number that a reader never saw counts until it saw a greater one: that is when it knew better. What was written
    before a reader's first number does not count.
    """
    slowest = 0.0
    for record in records:
        due = iter(sorted(written.items()))
        number, moment = next(due)
        for place, (seen_at, seen) in enumerate(record.seen):
            while number <= seen:
                if place > 0:
                    slowest = max(slowest, seen_at - moment)
                number, moment = next(due, (seen + 1, 0.0))
    return slowest
