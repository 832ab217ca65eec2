"""
Measures in its own gevent process how long nothing else runs while snapshots arrive.

A greenlet asks to be woken every half millisecond, and looks how much CPU the thread has used since it ran last: the
most is the stall. In CPU time, because on a busy machine a process stands still for reasons of its own; the wall clock
is watched beside it. The process is patched as Gunicorn's gevent worker is, and its client saves to disk.
"""

from gevent import monkey

monkey.patch_all()

import gc  # noqa: E402  # after the patch
import time  # noqa: E402
from typing import Any  # noqa: E402

import gevent  # noqa: E402
import orjson  # noqa: E402

import soasap  # noqa: E402

TICK = 0.0005
SETTLED = 0.1
"""Seconds after an update in which everything that belongs to it is done: the old snapshot freed, the file saved."""


class Ticker:
    """The greenlet, and the longest pause since it was asked last."""

    def __init__(self) -> None:
        self._longest = (0.0, 0.0)
        gevent.spawn(self._tick)

    def longest(self) -> tuple[float, float]:
        """Milliseconds of CPU, and of the wall clock."""
        (cpu, wall), self._longest = self._longest, (0.0, 0.0)
        return cpu * 1e3, wall * 1e3

    def _tick(self) -> None:
        cpu, wall = time.thread_time(), time.perf_counter()
        while True:
            gevent.sleep(TICK)
            cpu_now, wall_now = time.thread_time(), time.perf_counter()
            self._longest = (
                max(self._longest[0], cpu_now - cpu),
                max(self._longest[1], wall_now - wall - TICK),
            )
            cpu, wall = cpu_now, wall_now


def main(base_url: str, repetitions: int) -> dict[str, list[float]]:
    """
    Milliseconds of each repetition: idle, at another snapshot, at an equal one, and `orjson.loads` of it.

    Prints a line before each event it expects, the first one included.
    """
    ticker = Ticker()
    client = soasap.create_soasap_client(api_key="benchmark", base_url=base_url)
    found: dict[str, list[float]] = {"parse": []}

    def note(kind: str) -> None:
        for clock, longest in zip(("", ", wall clock"), ticker.longest(), strict=True):
            found.setdefault(f"{kind}{clock}", []).append(longest)

    _next_event(client, 0)
    for _ in range(repetitions):
        found["parse"].append(_parse(client))
        gevent.sleep(SETTLED)
        ticker.longest()
        gevent.sleep(SETTLED)
        note("idle")
        for kind in ("changed", "unchanged"):
            _next_event(client, client.status().events)
            note(kind)
    client.close()
    return found


def _next_event(client: Any, events: int) -> None:
    """Ask for an event, and wait until it was taken and everything after it is done."""
    print("next", flush=True)
    deadline = time.monotonic() + 60
    while client.status().events == events:
        assert time.monotonic() < deadline, client.status()
        gevent.sleep(0.02)
    gevent.sleep(SETTLED)


def _parse(client: Any) -> float:
    """Milliseconds of CPU, beside everything that lives in a process with a client."""
    payload = client._store.known().payload
    gc.collect()
    started = time.thread_time()
    parsed = orjson.loads(payload)
    taken = time.thread_time() - started
    del parsed
    return taken * 1e3
