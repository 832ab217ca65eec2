"""
From a server's write to the value a reader sees: ours beside LaunchDarkly's SDK, each with its own protocol.

The same server program sends both, from this process. Ours carries all flags in each event, as our protocol has it;
LaunchDarkly's carries the one flag that changed, in a `patch` after the first `put`.
"""

from __future__ import annotations

import json
import statistics
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from tests.benchmarks.figures import Comparison, Figure, Result, at_most, ratios
from tests.benchmarks.harness import Harness
from tests.benchmarks.latency_process import FIRST, KEY
from tests.flagserver import Connection, ScriptedServer

__all__ = ["measure"]

OURS, PEER = "soasap", "LaunchDarkly"
INTERVAL = 0.01
"""Seconds between two updates."""


def measure(harness: Harness) -> Result:
    updates = 20 if harness.quick else 300
    results = [_compare(harness, updates, flags) for flags in ((100,) if harness.quick else (100, 1000))]
    return Result(
        f"Write to visible value, {updates} updates {INTERVAL * 1e3:g} ms apart",
        [figure for result in results for figure in result.figures],
        [comparison for result in results for comparison in result.comparisons],
    )


def _compare(harness: Harness, updates: int, flags: int) -> Result:
    contenders: dict[str, Callable[[], list[float]]] = {OURS: partial(_run, harness, OURS, "", updates, flags)}
    if harness.peers:
        contenders[PEER] = partial(_run, harness, PEER, harness.peers, updates, flags)
    found = harness.alternate(contenders)
    middle = {who: [statistics.median(delays) for delays in rounds] for who, rounds in found.items()}
    tail = {who: [_percentile(delays, 0.99) for delays in rounds] for who, rounds in found.items()}
    figures = []
    if harness.peers:
        figures = [
            Figure(f"p50, {flags:,} flags, ours / LaunchDarkly", ratios(middle[OURS], middle[PEER]), "×", at_most(1.0)),
            Figure(f"p99, {flags:,} flags, ours / LaunchDarkly", ratios(tail[OURS], tail[PEER]), "×", at_most(1.0)),
        ]
    title = f"{flags:,} flags, delay"
    return Result("", figures, [Comparison(f"{title} p50", "ms", middle), Comparison(f"{title} p99", "ms", tail)])


def _percentile(values: list[float], share: float) -> float:
    return sorted(values)[round(share * (len(values) - 1))]


def _run(harness: Harness, contender: str, python: str, updates: int, flags: int) -> list[float]:
    """Milliseconds of each update. Fails if the client did not get every one."""
    begin = threading.Event()
    written: dict[int, float] = {}

    def script(connection: Connection, index: int) -> None:
        first, update = PROTOCOLS[contender](flags)
        connection.head()
        connection.chunk(first)
        begin.wait()
        for number in range(1, updates + 1):
            time.sleep(INTERVAL)
            message = update(number)
            written[number] = time.monotonic()
            connection.chunk(message)
        connection.hang()

    with ScriptedServer(script) as server:
        request = {"contender": contender, "url": server.base_url, "updates": updates}
        with harness.started("latency_process", python=python, **request) as child:
            assert child.line() == "ready"
            begin.set()
            answer = child.answer()
    seen = {int(value): moment for value, moment in answer["seen"].items()}
    assert answer["received"] >= updates, f"{contender} got {answer['received']} of {updates} updates"
    return [(seen[number] - written[number]) * 1e3 for number in written if number in seen]


def _ours(flags: int) -> tuple[bytes, Callable[[int], bytes]]:
    others = {f"flag-{i}": i % 2 == 0 for i in range(flags - 1)}

    def event(number: int) -> bytes:
        return b"data: " + json.dumps({KEY: number, **others}, separators=(",", ":")).encode() + b"\n\n"

    return event(FIRST), event


def _launchdarkly(flags: int) -> tuple[bytes, Callable[[int], bytes]]:
    def flag(key: str, value: Any, version: int) -> dict[str, Any]:
        fallthrough = {"variation": 0}
        shape = {"on": True, "fallthrough": fallthrough, "offVariation": 0, "variations": [value], "salt": ""}
        return {"key": key, "version": version, "targets": [], "rules": [], "prerequisites": [], **shape}

    def event(kind: str, path: str, data: object) -> bytes:
        return f"event: {kind}\ndata: {json.dumps({'path': path, 'data': data}, separators=(',', ':'))}\n\n".encode()

    all_flags = {f"flag-{i}": flag(f"flag-{i}", i % 2 == 0, 1) for i in range(flags - 1)}
    all_flags[KEY] = flag(KEY, FIRST, 1)
    return (
        event("put", "/", {"flags": all_flags, "segments": {}}),
        lambda number: event("patch", f"/flags/{KEY}", flag(KEY, number, number + 1)),
    )


PROTOCOLS: dict[str, Callable[[int], tuple[bytes, Callable[[int], bytes]]]] = {OURS: _ours, PEER: _launchdarkly}
"""The first message, and what makes the message of an update."""
