"""What an update is made of: decode, compare, parse, free. The swap itself is one assignment."""

from __future__ import annotations

from tests.benchmarks.figures import Figure, Result
from tests.benchmarks.harness import Harness

__all__ = ["measure"]


def measure(harness: Harness) -> Result:
    figures = []
    for title, make, flags in (
        ("106,000 plain flags", "large_payload", 106_000),
        ("38,500 flags with an object each", "object_payload", 38_500),
    ):
        size, repetitions = (2_000, 3) if harness.quick else (flags, 10)
        found = [
            harness.ask("update_process", make=make, flags=size, repetitions=repetitions) for _ in range(harness.rounds)
        ]
        figures += [Figure(f"{title}: {step}", [each[step] for each in found], "ms") for step in found[0]]
    return Result("Steps of an update, 4.5 MB", figures)
