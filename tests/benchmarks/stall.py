"""How long the event loop of a gevent process stands still when a large snapshot arrives."""

from __future__ import annotations

import statistics
import threading
from collections.abc import Callable

from tests.benchmarks.figures import Figure, Result, at_most
from tests.benchmarks.flag_sets import large_payload, object_payload
from tests.benchmarks.harness import Harness
from tests.flagserver import Connection, ScriptedServer

__all__ = ["measure"]


def measure(harness: Harness) -> Result:
    repetitions = 2 if harness.quick else 10
    size = 2_000 if harness.quick else None
    figures: list[Figure] = []
    for title, make, most in (
        ("plain flags", large_payload, 1.2),
        ("an object in each flag", object_payload, 1.3),
    ):
        payloads = [make(seed=seed) if size is None else make(size, seed) for seed in (0, 1)]
        found = [_run(harness, payloads, repetitions) for _ in range(harness.rounds)]
        figures += [
            Figure(
                f"{title}: stall at another snapshot / `orjson.loads`", _ratio(found, "changed"), "×", at_most(most)
            ),
            Figure(f"{title}: at an equal snapshot / `orjson.loads`", _ratio(found, "unchanged"), "×", at_most(0.05)),
            *(
                Figure(f"{title}: {what}", [each[name] for each in found], "ms")
                for what, name in (
                    ("`orjson.loads`", "parse"),
                    ("stall at another snapshot", "changed"),
                    ("the same by the wall clock", "changed, wall clock"),
                    ("stall at an equal snapshot", "unchanged"),
                    ("the same by the wall clock", "unchanged, wall clock"),
                    ("stall while idle, by the wall clock: the machine's own", "idle, wall clock"),
                )
            ),
        ]
    return Result(f"Event loop of a gevent process, {len(payloads[0]) / 1e6:.1f} MB snapshots", figures)


def _ratio(found: list[dict[str, float]], kind: str) -> list[float]:
    return [each[kind] / each["parse"] for each in found]


def _run(harness: Harness, payloads: list[bytes], repetitions: int) -> dict[str, float]:
    """Milliseconds, the median of the repetitions in one process."""
    asked = threading.Semaphore(0)

    def script(connection: Connection, index: int) -> None:
        connection.head()
        wait: Callable[[], object] = asked.acquire
        wait()
        connection.event(payloads[0])
        for repetition in range(1, repetitions + 1):
            payload = payloads[repetition % 2]
            for _ in ("changed", "unchanged"):
                wait()
                connection.event(payload)
        connection.hang()

    with (
        ScriptedServer(script) as server,
        harness.started("stall_process", base_url=server.base_url, repetitions=repetitions) as child,
    ):
        for _ in range(1 + 2 * repetitions):
            assert child.line() == "next"
            asked.release()
        answer = child.answer()
    return {name: statistics.median(values) for name, values in answer.items()}
