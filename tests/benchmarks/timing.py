"""Timing of small calls: in CPU time of the thread, so that a busy machine disturbs little, and the best of many."""

from __future__ import annotations

import time
import timeit
from collections.abc import Mapping
from typing import Any

__all__ = ["best_of"]

SLICE = 0.004
"""Seconds of one repetition: short enough that some repetition meets no disturbance, long against the clock's own."""


def best_of(statements: Mapping[str, str], scope: Mapping[str, Any], repetitions: int) -> dict[str, float]:
    """Nanoseconds of each statement, by name: its best repetition. The statements take turns."""
    timers = {
        name: timeit.Timer(statement, timer=time.thread_time, globals=dict(scope))
        for name, statement in statements.items()
    }
    calls = {name: max(1, int(SLICE / (min(timer.repeat(3, 100)) / 100))) for name, timer in timers.items()}
    best = dict.fromkeys(timers, float("inf"))
    for _ in range(repetitions):
        for name, timer in timers.items():
            best[name] = min(best[name], timer.timeit(calls[name]) / calls[name] * 1e9)
    return best
