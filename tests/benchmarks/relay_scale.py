"""Ten thousand clients on one `soasap relay` process: memory of each, and how soon they have a change made upstream."""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from soasap._devserver.process import ServerProcess
from soasap._relay.process import RelayProcess
from tests.benchmarks.figures import Figure, Result, at_most
from tests.benchmarks.harness import Harness
from tests.benchmarks.kernel import cpu_seconds, resident
from tests.benchmarks.server_scale import CHANGES, MAX_ROUNDS, PAYLOAD_BYTES, write

__all__ = ["measure"]

API_KEY = "benchmark"
IDLE_SECONDS = 30.0
"""Two comments for each stream."""


@dataclass(frozen=True)
class _Relayed:
    """
    One round.

    Attributes:
        base: Megabytes of a relay without clients.
        kilobytes: Of the relay for each client.
        accepting: Milliseconds of its processor for each client that comes.
        seconds: From the file's new name upstream to the first client, one in the middle, and the last.
        cpu: Seconds of its processor for a change.
        idle: Share of a processor while nothing changes.
    """

    base: float
    kilobytes: float
    accepting: float
    seconds: tuple[float, float, float]
    cpu: float
    idle: float


def measure(harness: Harness) -> Result:
    count = 30 if harness.quick else 10_000
    with tempfile.TemporaryDirectory(prefix="soasap-benchmark-") as name:
        rounds = [_run(harness, Path(name), count) for _ in range(min(harness.rounds, MAX_ROUNDS))]
    clients = f"{count:,} clients"
    reached = f"{clients}: {PAYLOAD_BYTES // 1000} kB from the write upstream to the"
    return Result(
        f"Clients on one relay process, {CHANGES} changes a round",
        [
            Figure("a relay without clients: memory", [each.base for each in rounds], "MB"),
            Figure(f"{clients}: memory of each", [each.kilobytes for each in rounds], "kB", at_most(40)),
            Figure(f"{clients}: the relay's CPU for each that comes", [each.accepting for each in rounds], "ms"),
            Figure(f"{reached} first", [each.seconds[0] for each in rounds], "s"),
            Figure(f"{reached} one in the middle", [each.seconds[1] for each in rounds], "s"),
            Figure(f"{reached} last", [each.seconds[2] for each in rounds], "s", at_most(2)),
            Figure(f"{clients}: the relay's CPU for a change", [each.cpu for each in rounds], "s"),
            Figure(f"{clients}: a core's share while nothing changes", [each.idle * 100 for each in rounds], "%"),
        ],
    )


def _run(harness: Harness, directory: Path, count: int) -> _Relayed:
    """One relay behind one server; the medians of the changes."""
    path = directory / "flags.json"
    write(path, 0)
    cache = ("--cache-directory", str(directory / "cache"))
    with ServerProcess(str(path)) as server, RelayProcess("--upstream", server.url, *cache, api_key=API_KEY) as relay:
        while not relay.environment()["has_snapshot"]:
            time.sleep(0.01)
        before, used = resident(relay.pid), cpu_seconds(relay.pid)
        with harness.started(
            "scale_process", port=relay.port, authority="", count=count, changes=CHANGES, api_key=API_KEY
        ) as crowd:
            assert crowd.line() == "connected"
            accepting = (cpu_seconds(relay.pid) - used) / count * 1e3
            kilobytes = (resident(relay.pid) - before) / count / 1e3
            idle = _idle(relay.pid, 1.0 if harness.quick else IDLE_SECONDS)
            seconds, cpu = [], []
            for change in range(1, CHANGES + 1):
                crowd.say("")
                time.sleep(0.2)  # the crowd waits in its selector by then, and the relay has nothing left to do
                used = cpu_seconds(relay.pid)
                started = write(path, change)
                seconds.append([moment - started for moment in json.loads(crowd.line())])
                cpu.append(cpu_seconds(relay.pid) - used)
            crowd.answer()
    first, middle, last = (statistics.median(each) for each in zip(*seconds, strict=True))
    return _Relayed(before / 1e6, kilobytes, accepting, (first, middle, last), statistics.median(cpu), idle)


def _idle(pid: int, seconds: float) -> float:
    """The share of a processor that a process uses."""
    used = cpu_seconds(pid)
    time.sleep(seconds)
    return (cpu_seconds(pid) - used) / seconds
