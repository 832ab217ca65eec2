"""Bytes to events: what the decoder adds to the memory copy and the parse that nobody can do without."""

from __future__ import annotations

from tests.benchmarks.figures import Figure, Result, at_most
from tests.benchmarks.harness import Harness

__all__ = ["measure"]


def measure(harness: Harness) -> Result:
    sizes = (2_000, 1_000, 3) if harness.quick else (94_000, 20_000, 30)
    flags, small_events, repetitions = sizes
    found = [
        harness.ask("decoder_process", flags=flags, small_events=small_events, repetitions=repetitions)
        for _ in range(harness.rounds)
    ]
    ratio = [each["ratio"] for each in found]
    return Result(
        "Decoder, a 4 MB event in chunks of 64 KiB",
        [
            Figure("decode and `orjson.loads` / memory copy and `orjson.loads`", ratio, "×", at_most(1.05)),
            Figure("decode / memory copy", [each["decode"] / each["copy"] for each in found]),
            Figure("decode alone", [each["decode"] for each in found], "ms"),
            Figure("an event of 100 bytes, many in a chunk", [each["small event"] for each in found], "µs"),
        ],
    )
