"""Measures the memory of its own process, as the kernel counts it (Linux)."""

from __future__ import annotations

import gc
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import orjson

import soasap
from tests.benchmarks.kernel import forget_peak, peak, resident

__all__ = ["main"]

Figures = dict[str, float]


def main(what: str, **request: Any) -> Figures:
    """One of the measurements below; bytes and counts."""
    return MEASUREMENTS[what](**request)


def snapshots(base_url: str) -> Figures:
    """
    A client that gets an empty snapshot and then two large ones. Prints a line before each event it expects.

    Returns:
        What the first large one took, the peak while the second replaced it, and what was left then; each above the
        memory before.
    """
    client = soasap.create_soasap_client(api_key="benchmark", base_url=base_url, backend="threads")
    _next_event(client)
    before = _resident()
    _next_event(client)
    first = _resident()
    forget_peak()
    _next_event(client)
    most, after = peak(), _resident()
    return {"first": first - before, "peak": most - before, "after": after - before}


def parsed(path: str) -> Figures:
    """What the same flags take when orjson has parsed them, and nothing else; `scratch` is what it needs meanwhile."""
    payload = Path(path).read_bytes()
    orjson.loads(b"{}")
    before = _resident()
    forget_peak()
    flags = orjson.loads(payload)
    most, after = peak(), _resident()
    return {"parsed": after - before, "scratch": most - after, "payload": len(payload), "flags": len(flags)}


def clients(base_url: str, backend: Literal["threads", "gevent"], count: int) -> Figures:
    """What each of many clients takes that have a stream and a flag each: bytes, threads and descriptors."""
    made: list[soasap.SoasapClientImpl] = []

    def take_stock() -> tuple[int, int, int]:
        return _resident(), threading.active_count(), len(os.listdir("/proc/self/fd"))

    def make() -> None:
        made.append(soasap.create_soasap_client(api_key="benchmark", base_url=base_url, backend=backend))
        assert made[-1].wait_ready(30), made[-1].status()

    make()  # what every process pays once
    before = take_stock()
    for _ in range(count):
        make()
    growth = [(after - earlier) / count for earlier, after in zip(before, take_stock(), strict=True)]
    return dict(zip(("bytes", "threads", "descriptors"), growth, strict=True))


MEASUREMENTS: dict[str, Callable[..., Figures]] = {"snapshots": snapshots, "parsed": parsed, "clients": clients}


def _next_event(client: soasap.SoasapClientImpl) -> None:
    events = client.status().events
    print("next", flush=True)
    _wait(lambda: client.status().events > events)
    time.sleep(0.3)  # the old snapshot is freed, the new one saved


def _wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "the flags did not come"
        time.sleep(0.01)


def _resident() -> int:
    gc.collect()
    return resident()
