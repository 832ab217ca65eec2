"""Measures the decoder in its own process: large events in chunks, and small ones by the thousand."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable

import orjson

from soasap._sansio.sse import ServerSentEvent, SseDecoder
from tests.benchmarks.flag_sets import large_payload

CHUNK = 64 * 1024


def main(flags: int, small_events: int, repetitions: int) -> dict[str, float]:
    """
    Milliseconds of the thread's CPU, the best of so many repetitions; of a small event microseconds.

    `ratio` is decoding and parsing against copying and parsing: the median of pairs measured one after the other,
    because a parse takes twenty times as long as the rest and is not as steady.

    Args:
        flags: In the large event.
        small_events: How many at once.
        repetitions: Of each measurement.
    """
    payload = large_payload(flags)
    bare, chunks = _cut(payload), _cut(b"data: " + payload + b"\n\n")
    small = _cut((b"data: " + b"x" * 92 + b"\n\n") * small_events)
    works: dict[str, Callable[[], object]] = {
        "copy": lambda: b"".join(bare),
        "decode": lambda: _decode(chunks),
        "small event": lambda: _drain(small),
        "copy and parse": lambda: orjson.loads(b"".join(bare)),
        "decode and parse": lambda: orjson.loads(_decode(chunks)),
    }
    times: dict[str, list[float]] = {name: [] for name in works}
    for repetition in range(repetitions):
        for name in list(works)[:: 1 if repetition % 2 == 0 else -1]:
            times[name].append(_timed(works[name]))
    pairs = zip(times["decode and parse"], times["copy and parse"], strict=True)
    best = {name: min(taken) for name, taken in times.items()}
    best["small event"] *= 1e3 / small_events
    return {**best, "ratio": statistics.median(decoded / copied for decoded, copied in pairs)}


def _cut(stream: bytes) -> list[bytes]:
    return [stream[start : start + CHUNK] for start in range(0, len(stream), CHUNK)]


def _decode(chunks: list[bytes]) -> bytes:
    decoder = SseDecoder()
    events = [event for chunk in chunks for event in decoder.feed(chunk)]
    assert isinstance(events[0], ServerSentEvent)
    return events[0].data


def _drain(chunks: list[bytes]) -> None:
    decoder = SseDecoder()
    for chunk in chunks:
        decoder.feed(chunk)


def _timed(work: Callable[[], object]) -> float:
    """Milliseconds; what the work made is freed afterwards, and no garbage of others is collected in between."""
    gc.collect()
    started = time.thread_time()
    made = work()
    ended = time.thread_time()
    del made
    return (ended - started) * 1e3
