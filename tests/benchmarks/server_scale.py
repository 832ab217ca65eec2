"""Thousands of open streams on one `soasap serve` process: memory of each, and how soon the last has a change."""

from __future__ import annotations

import json
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import trustme

from soasap._devserver.process import ServerProcess
from tests.benchmarks.figures import Figure, Result, at_most
from tests.benchmarks.harness import Harness
from tests.benchmarks.kernel import cpu_seconds, resident

__all__ = ["CHANGES", "MAX_ROUNDS", "PAYLOAD_BYTES", "measure", "write"]

PAYLOAD_BYTES = 50_000
CHANGES = 5
MAX_ROUNDS = 3
"""However many are asked for: to connect 10,000 readers over TLS takes half a minute."""


def measure(harness: Harness) -> Result:
    sizes = (30,) if harness.quick else (5_000, 10_000)
    figures = []
    with tempfile.TemporaryDirectory(prefix="soasap-benchmark-") as name:
        directory = Path(name)
        certificate, authority = _certificate(directory)
        for count in sizes:
            for title, options, trusted, most, within in (
                ("plain", (), "", 30, at_most(1)),
                ("TLS", ("--tls-cert", certificate), authority, 70, None),
            ):
                rounds = min(harness.rounds, MAX_ROUNDS)
                found = [_run(harness, directory, count, options, trusted) for _ in range(rounds)]
                streams = f"{count:,} {title} streams"
                figures += [
                    Figure(f"{streams}: memory of each", [each.kilobytes for each in found], "kB", at_most(most)),
                    Figure(f"{streams}: 50 kB until the last has them", [each.seconds for each in found], "s", within),
                    Figure(f"{streams}: the server's CPU for it", [each.cpu for each in found], "s"),
                ]
    return Result(f"Streams on one server process, {CHANGES} changes a round", figures)


def _certificate(directory: Path) -> tuple[str, str]:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(directory / "authority.pem")
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(directory / "server.pem")
    return str(directory / "server.pem"), str(directory / "authority.pem")


@dataclass(frozen=True)
class _Crowded:
    """Kilobytes of the server for each stream; seconds from file to last reader, and of the server's CPU meanwhile."""

    kilobytes: float
    seconds: float
    cpu: float


def _run(harness: Harness, directory: Path, count: int, options: Sequence[str], authority: str) -> _Crowded:
    """
    One server with so many readers; the medians of the changes.

    A change begins when the file gets its new name: that the server notices it counts. The readers are one process too,
    on the other core if there is one.
    """
    path = directory / "flags.json"
    write(path, 0)
    quiet = ("--keep-alive", "3600", *options)
    with ServerProcess(str(path), options=quiet) as server:
        before = resident(server.pid)
        with harness.started(
            "scale_process", port=server.port, authority=authority, count=count, changes=CHANGES
        ) as crowd:
            assert crowd.line() == "connected"
            kilobytes = (resident(server.pid) - before) / count / 1e3
            seconds, cpu = [], []
            for change in range(1, CHANGES + 1):
                crowd.say("")
                time.sleep(0.2)  # the crowd waits in its selector by then, and the server has nothing left to do
                used = cpu_seconds(server.pid)
                started = write(path, change)
                seconds.append(json.loads(crowd.line())[-1] - started)
                cpu.append(cpu_seconds(server.pid) - used)
            crowd.answer()
    return _Crowded(kilobytes, statistics.median(seconds), statistics.median(cpu))


def write(path: Path, change: int) -> float:
    """Put another 50 kB of flags into the place of the last; the monotonic moment before they are there."""
    flags = {f"flag-{i:05d}": f"variant-{i + change:05d}" for i in range(PAYLOAD_BYTES // 31)}
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps(flags))
    started = time.monotonic()
    os.replace(temporary, path)
    return started
