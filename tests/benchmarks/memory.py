"""Memory, threads and descriptors: of a flag, of a client, and at the moment when a snapshot replaces another."""

from __future__ import annotations

import tempfile
import threading
from functools import partial
from pathlib import Path

from tests.benchmarks.figures import Figure, Result, at_most, ratios
from tests.benchmarks.flag_sets import large_payload, object_payload
from tests.benchmarks.harness import Harness
from tests.flagserver import Connection, ScriptedServer, hold_open

__all__ = ["measure"]


def measure(harness: Harness) -> Result:
    figures = []
    for title, make in (("plain flags", large_payload), ("an object in each flag", object_payload)):
        payloads = [make(seed=seed) if not harness.quick else make(2_000, seed) for seed in (0, 1)]
        taken, parsed = [], []
        for _ in range(harness.rounds):
            taken.append(_replace(harness, payloads))
            parsed.append(_parse(harness, payloads[0]))
        peaks = [each["peak"] for each in taken]
        asked = [2 * each["parsed"] + each["payload"] for each in parsed]
        least = [2 * (each["parsed"] + each["payload"]) + each["scratch"] for each in parsed]
        flags = parsed[0]["flags"]
        figures += [
            Figure(f"{title}: peak / two parsed snapshots and a payload", ratios(peaks, asked), "×", at_most(1.2)),
            Figure(f"{title}: peak / the same, the other payload and orjson's scratch", ratios(peaks, least)),
            Figure(f"{title}: peak at a replacement", [peak / 1e6 for peak in peaks], "MB"),
            Figure(f"{title}: orjson's scratch", [each["scratch"] / 1e6 for each in parsed], "MB"),
            Figure(f"{title}: a parsed snapshot", [each["parsed"] / 1e6 for each in parsed], "MB"),
            Figure(f"{title}: bytes per flag, payload included", [each["first"] / flags for each in taken], "B"),
            Figure(f"{title}: the same without", [each["parsed"] / flags for each in parsed], "B"),
        ]
    figures += _per_client(harness)
    size = len(payloads[0]) / 1e6
    return Result(f"Memory, {size:.1f} MB snapshots", figures)


def _replace(harness: Harness, payloads: list[bytes]) -> dict[str, float]:
    asked = threading.Semaphore(0)

    def script(connection: Connection, index: int) -> None:
        connection.head()
        for payload in (b"{}", *payloads):
            asked.acquire()
            connection.event(payload)
        connection.hang()

    with (
        ScriptedServer(script) as server,
        harness.started("memory_process", what="snapshots", base_url=server.base_url) as child,
    ):
        for _ in range(1 + len(payloads)):
            assert child.line() == "next"
            asked.release()
        answer: dict[str, float] = child.answer()
        return answer


def _parse(harness: Harness, payload: bytes) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="soasap-benchmark-") as directory:
        path = Path(directory, "flags.json")
        path.write_bytes(payload)
        answer: dict[str, float] = harness.ask("memory_process", what="parsed", path=str(path))
        return answer


def _per_client(harness: Harness) -> list[Figure]:
    figures = []
    with ScriptedServer(hold_open(b'{"a": true}')) as server:
        for backend in ("threads", "gevent"):
            ask = partial(harness.ask, "memory_process", what="clients", base_url=server.base_url, backend=backend)
            found = [ask(count=3 if harness.quick else 50) for _ in range(harness.rounds)]
            figures += [
                Figure(f"a client on {backend}: memory", [each["bytes"] / 1e3 for each in found], "kB"),
                Figure(f"a client on {backend}: threads", [each["threads"] for each in found], ""),
                Figure(f"a client on {backend}: descriptors", [each["descriptors"] for each in found], ""),
            ]
    return figures
