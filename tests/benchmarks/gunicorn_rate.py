"""
Requests per second of a Gunicorn gevent worker: an application that reads ten flags, and one without a client.

A third one makes ten calls of the smallest possible methods: what any client in Python would cost at least.
"""

from __future__ import annotations

import json
import statistics
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from compat.deployment import HttpDeployment, Place
from tests.benchmarks import environments
from tests.benchmarks.figures import Comparison, Figure, Result, at_least, ratios
from tests.benchmarks.flag_sets import mixed_flags
from tests.benchmarks.harness import Harness
from tests.flagserver import ScriptedServer, hold_open

__all__ = ["measure"]

WITH, WITHOUT, SMALLEST = "ten reads per request", "no client", "ten of the smallest methods"
KINDS = {WITH: "client", WITHOUT: "none", SMALLEST: "smallest"}
"""And what the application calls them."""

TURNS = 60


def measure(harness: Harness) -> Result:
    if not harness.gunicorn:
        return Result("Gunicorn", notes=["Left out: a quick run has no environment with Gunicorn."])
    found = [_round(harness, list(KINDS)[:: 1 if turn % 2 == 0 else -1]) for turn in range(harness.rounds)]

    def ratio(who: str, to: str, clock: str) -> list[float]:
        return [statistics.median(ratios(each[who][clock], each[to][clock])) for each in found]

    rates = {who: [statistics.median(each[who]["wall"]) for each in found] for who in KINDS}
    return Result(
        f"One Gunicorn gevent worker, started anew and asked in {TURNS} short turns each round",
        [
            Figure("requests per second, ten reads / no client", ratio(WITH, WITHOUT, "wall"), "×", at_least(0.98)),
            Figure("the same per second of the worker's CPU", ratio(WITH, WITHOUT, "cpu"), "×", at_least(0.98)),
            Figure("by CPU: ten of the smallest methods / no client", ratio(SMALLEST, WITHOUT, "cpu")),
            Figure("by CPU: ten reads / ten of the smallest methods", ratio(WITH, SMALLEST, "cpu")),
        ],
        [Comparison("requests per second", "", rates)],
    )


def _round(harness: Harness, order: list[str]) -> dict[str, dict[str, list[float]]]:
    """
    The rates of each in all turns; started in this order.

    In new processes: two of the same kind differ by a few per cent, for as long as they live.
    """
    with ExitStack() as stack:
        server = stack.enter_context(ScriptedServer(hold_open(json.dumps(mixed_flags()).encode())))
        workers = {who: stack.enter_context(_worker(server.base_url, KINDS[who])) for who in order}
        ports, pids = [port for port, _ in workers.values()], [pid for _, pid in workers.values()]
        rates = harness.ask("load_process", ports=ports, pids=pids, turns=TURNS)
        return dict(zip(workers, rates, strict=True))


class _Gunicorn(HttpDeployment):
    @property
    def port(self) -> int:
        return self._port


@contextmanager
def _worker(base_url: str, reads: str) -> Iterator[tuple[int, int]]:
    """A Gunicorn with one worker, whose client, if any, is live: its port, and the worker's process id."""
    with tempfile.TemporaryDirectory(prefix="soasap-benchmark-") as directory:
        environment = environments.gunicorn()
        variables = {"BENCHMARK_BASE_URL": base_url, "BENCHMARK_READS": reads, "HOME": directory}
        place = Place(environment, Path(directory), variables)
        options = ("--worker-class", "gevent", "--bind", "127.0.0.1:0", "--workers", "1", "--keep-alive", "30")
        deployment = _Gunicorn(place, [environment.program("gunicorn"), *options, "tests.benchmarks.gunicorn_app:app"])
        deployment.start()
        try:
            answers = deployment.ask_every(1, accept=lambda answer: answer["ready"])
            yield deployment.port, next(iter(answers))
        finally:
            deployment.kill()
