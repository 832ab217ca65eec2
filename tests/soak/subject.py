"""
The process that is watched: one client, and everything that makes its life hard.

This is a program: `python -m tests.soak.subject REQUEST`, in JSON; see `Request`. It prints lines of JSON: the census
at each mark, the state of things now and then, and the figures at the end. Standard output is a pipe, never a file:
the disk's bad days hold for every file of the process.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
import tracemalloc
from dataclasses import asdict, dataclass, fields
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.concurrency.worlds import Backend, Case, World, make_world, patch

if TYPE_CHECKING:
    from soasap import SoasapClientImpl

READ_TIMEOUT = 5.0
"""Seconds of silence until the client gives a stream up, on which there is a change every 5 ms otherwise."""

PROGRESS_EVERY = 60.0


@dataclass(frozen=True)
class Request:
    """
    What to do.

    Attributes:
        backend: `threads` or `gevent`; the process is patched to fit.
        base_url: The service's.
        folder: For the cache directory.
        marks: Names and seconds after the start, in order; the last one is the end.
        turn: Seconds of one condition of the disk, at least and at most.
        forks: Seconds between two forks, at least and at most.
        seed: Of everything that happens by chance here.
        trace: Whether to say at the end where memory grew between the second mark and the last. Costs time.
    """

    backend: Backend
    base_url: str
    folder: str
    marks: list[tuple[str, float]]
    turn: tuple[float, float]
    forks: tuple[float, float]
    seed: int
    trace: bool


class Subject:
    """The client and its world."""

    def __init__(self, request: Request, world: World) -> None:
        from soasap import create_soasap_client
        from tests.soak.disk import Disk
        from tests.soak.forks import Forks
        from tests.soak.handlers import CountingLog, RaisingHandler
        from tests.soak.ledger import Ledger
        from tests.soak.readers import Readers
        from tests.soak.watch import Watch

        self._request = request
        self._world = world
        self._pid = os.getpid()
        self._over = False
        self._traced: tracemalloc.Snapshot | None = None
        directory = Path(request.folder) / "cache"
        self._log = CountingLog()
        self._handler = RaisingHandler()
        self._client: SoasapClientImpl = create_soasap_client(
            api_key="sk-soak",
            base_url=request.base_url,
            cache_directory=str(directory),
            on_error=self._handler,
            read_timeout=READ_TIMEOUT,
        )
        self._directory = directory
        self._ledger = Ledger()
        self._client._store.sinks.append(self._ledger.sink)
        self._watch = Watch(world, self._client, self._ledger)
        self._readers = Readers(world, self._client)
        self._disk = Disk(world, directory, request.turn, random.Random(f"{request.seed}/disk"))
        chance = random.Random(f"{request.seed}/forks")
        self._forks = Forks(world, self._client, self._ledger, request.forks, chance)

    def run(self) -> None:
        """All of it, to the end."""
        assert self._client.wait_ready(60), f"no stream: {self._client.status()}"
        self._world.wait(lambda: list(self._directory.glob("*.json")), "the first save", 60)
        started = time.monotonic()
        tasks = [
            self._world.spawn(partial(part.run, self._going))
            for part in (self._watch, self._readers, self._disk, self._forks)
        ]
        for name, second in self._request.marks:
            self._wait_until(started + second)
            self._mark(name)
        self._over = True
        for task in tasks:
            self._world.finish(task, 120)
        self._tell(figures=self._figures())

    def _going(self) -> bool:
        """What tasks ask after every wait: green ones survive a fork, and must leave in the child."""
        return not self._over and os.getpid() == self._pid

    def _stay_out_of_children(self) -> None:
        """This greenlet too survives a fork. In a child, which does not live long, it sleeps."""
        while os.getpid() != self._pid:
            self._world.sleep(1)

    def _wait_until(self, moment: float) -> None:
        told = time.monotonic()
        while (now := time.monotonic()) < moment:
            if now - told >= PROGRESS_EVERY:
                told = now
                self._tell(progress=self._progress())
            self._world.sleep(min(0.5, moment - now))
            self._stay_out_of_children()

    def _mark(self, name: str) -> None:
        from tests.soak.census import take_census

        with self._disk.quiet():
            census = take_census(self._world, lambda: self._client.status().state == "live")
        self._stay_out_of_children()
        self._tell(mark=name, census=asdict(census))
        if self._request.trace:
            self._compare_memory(name)

    def _compare_memory(self, name: str) -> None:
        """Say where memory grew since the second mark."""
        if not tracemalloc.is_tracing():
            tracemalloc.start(12)
        elif self._traced is None:
            self._traced = tracemalloc.take_snapshot()
        else:
            grown = tracemalloc.take_snapshot().compare_to(self._traced, "traceback")
            lines = [line for each in grown[:12] for line in (str(each), *each.traceback.format())]
            self._tell(trace=lines)

    def _progress(self) -> dict[str, Any]:
        from tests.soak.census import resident

        status = self._client.status()
        return {
            "rss": resident(),
            "state": status.state,
            "events": status.events,
            "connects": status.connects,
            "errors": status.errors,
            "children": self._forks.children,
            "holes": len(self._ledger.holes),
            "disk": self._disk.condition,
        }

    def _figures(self) -> dict[str, Any]:
        """Close the client, and say how everything went."""
        open_one = list(self._ledger.received)[-1]
        started = time.monotonic()
        self._client.close()
        closed_within = time.monotonic() - started
        status = self._client.status()
        (file,) = self._directory.glob("*.json")
        return {
            "seconds": self._watch.seconds,
            "connected": self._watch.connected,
            "longest_behind": self._watch.longest_behind,
            "longest_stall": self._watch.longest_stall,
            "slowest_event": self._ledger.slowest,
            "slowest_one": self._ledger.slowest_one,
            "events": status.events,
            "connects": status.connects,
            "errors": status.errors,
            "reports": dict(self._handler.reports),
            "log": dict(self._log.records),
            "reads": self._readers.reads,
            "read_failures": self._readers.failures,
            "children": self._forks.children,
            "child_failures": self._forks.failures,
            "disk": dict(self._disk.turns),
            "holes": self._ledger.holes,
            "received": list(self._ledger.received.items()),
            "open_at_the_end": open_one,
            "closed_within": closed_within,
            "file_is_newest": file.read_bytes() == self._client._store.known().payload,
        }

    @staticmethod
    def _tell(**line: Any) -> None:
        print(json.dumps(line), flush=True)


def main() -> None:
    given = json.loads(sys.argv[1])
    request = Request(**{field.name: given[field.name] for field in fields(Request)})
    library = "" if request.backend == "threads" else request.backend
    patch(Case(request.backend, library, "first" if library else "unpatched", "auto"))
    Subject(request, make_world(request.backend)).run()


if __name__ == "__main__":
    main()
