"""Measures in its own process what an update is made of: each step alone, in CPU time of the thread."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager

from soasap._sansio.snapshot import FlagSnapshot, parse_snapshot
from soasap._sansio.sse import ServerSentEvent, SseDecoder
from tests.benchmarks import flag_sets

CHUNK = 64 * 1024


class Steps:
    """The best time of each step, by its name: milliseconds."""

    def __init__(self) -> None:
        self.best: dict[str, float] = {}

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        started = time.thread_time()
        yield
        taken = (time.thread_time() - started) * 1e3
        self.best[name] = min(self.best.get(name, taken), taken)


def main(make: str, flags: int, repetitions: int) -> dict[str, float]:
    """Milliseconds of each step, the best of so many repetitions, while a snapshot replaces another."""
    payloads = [getattr(flag_sets, make)(flags, seed) for seed in (0, 1)]
    steps = Steps()
    current = _parse(payloads[1])
    for repetition in range(repetitions):
        expected = payloads[repetition % 2]
        event = b"data: " + expected + b"\n\n"
        chunks = [event[start : start + CHUNK] for start in range(0, len(event), CHUNK)]
        gc.collect()
        with steps.of("decode"):
            payload = _decode(chunks)
        with steps.of("compare with an equal one"):
            assert payload == expected
        previous = current
        with steps.of("parse"):
            current = _parse(payload)
        with steps.of("free the old one"):
            del previous
    gc.collect()
    gc.disable()  # here alone, to see what the collector adds to a parse
    for _ in range(repetitions):
        with steps.of("parse without the garbage collector"):
            _parse(payload)
    return steps.best


def _parse(payload: bytes) -> FlagSnapshot:
    return parse_snapshot(payload, source="stream", received_at=0.0)


def _decode(chunks: list[bytes]) -> bytes:
    decoder = SseDecoder()
    events = [event for chunk in chunks for event in decoder.feed(chunk)]
    assert isinstance(events[0], ServerSentEvent)
    return events[0].data
