"""
What `soasap demo --gunicorn` does: a real Gunicorn, whose workers are forked from a master that has the client.

A worker's delay is from the first byte that the server wrote for a change, to whichever stream, to the end of the first
read in that worker that gave the new value.
"""

from __future__ import annotations

import statistics
import time
from contextlib import closing
from http.client import HTTPException
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

from soasap._devserver.demo_flags import CHANGES
from soasap._devserver.demo_screen import Screen
from soasap._devserver.demo_stage import API_KEY, PAUSE_SECONDS, DidNotHold, Stage, writes
from soasap._devserver.gunicorn_process import GunicornProcess, WorkerConnection

__all__ = ["WorkersStory", "require_gunicorn"]

WORKERS = 2


def require_gunicorn() -> None:
    """Raises `ModuleNotFoundError` if Gunicorn, or what its gevent workers need besides gevent, is not installed."""
    for package in ("gunicorn", "packaging"):
        if find_spec(package) is None:
            raise ModuleNotFoundError(f"No module named {package!r}", name=package)


class WorkersStory:
    """
    One telling.

    Args:
        stage: Where it happens.
        screen: Where it is shown.
    """

    def __init__(self, stage: Stage, screen: Screen) -> None:
        self._stage = stage
        self._screen = screen
        self._server = stage.start_server()
        self._gunicorn = self._start_gunicorn()
        self._workers = [self._connect() for _ in range(WORKERS)]

    def tell(self) -> None:
        """The whole story. Raises `DidNotHold`."""
        self._screen.say(
            f"A server on {self._stage.path}, and gunicorn {version('gunicorn')} -k gevent --preload with "
            f"{WORKERS} workers, whose client was made in the master"
        )
        pids = self._first_reads()
        self._stage.wait(
            lambda: len(self._server.streams()) == WORKERS, f"there are not {WORKERS} streams for {WORKERS} workers"
        )
        self._screen.say(
            f"Workers {' and '.join(map(str, pids))} have read a flag, and have a stream each. "
            f"The master, {self._gunicorn.pid}, has none."
        )
        delays = self._changes(pids)
        self._screen.summary(
            f"soasap demo: ok: {len(CHANGES)} changes read by {WORKERS} gunicorn workers, "
            f"{statistics.median(delays):.1f} ms (median) and {max(delays):.1f} ms (slowest) after the server's write"
        )

    def _first_reads(self) -> list[int]:
        """Let each worker read a flag; their pids."""
        flag, value = next(iter(self._stage.flags.items()))
        self._ask(flag, value)
        answers = self._answers("a worker did not get its flags")
        pids = [answer["pid"] for answer in answers]
        if len({*pids, self._gunicorn.pid}) != 1 + WORKERS:
            raise DidNotHold(f"the answers came from {pids}, not from {WORKERS} workers")
        if {"gevent"} != {answer["backend"] for answer in answers}:
            raise DidNotHold(f"the workers do not stream on gevent: {answers}")
        return pids

    def _changes(self, pids: list[int]) -> list[float]:
        """Change flags one by one; the milliseconds that each took to reach a read in each worker."""
        delays = []
        with self._screen.table([f"worker {pid}" for pid in pids]) as show:
            for flag, new in CHANGES:
                old = self._stage.flags[flag]
                self._ask(flag, new)
                time.sleep(PAUSE_SECONDS)
                self._stage.change(flag, new)
                answers = self._answers(f"the change of {flag} was not read in both workers")
                if pids != [answer["pid"] for answer in answers]:
                    raise DidNotHold("a worker was replaced")
                written_at = min(writes(self._server))
                these = [max(0.0, (answer["seen_at"] - written_at) * 1000) for answer in answers]
                show(flag, old, new, these)
                delays += these
        return delays

    def _ask(self, flag: str, value: Any) -> None:
        """Ask each worker to answer as soon as it reads this."""
        try:
            for worker in self._workers:
                worker.ask(flag, value)
        except (OSError, HTTPException) as exc:
            raise DidNotHold(f"a worker cannot be asked: {exc}: {self._gunicorn.last_words()}") from exc

    def _answers(self, otherwise: str) -> list[dict[str, Any]]:
        try:
            return [worker.answer(self._stage.remaining()) for worker in self._workers]
        except (OSError, ValueError, HTTPException) as exc:
            raise DidNotHold(f"{otherwise}: {exc}: {self._gunicorn.last_words()}") from exc

    def _start_gunicorn(self) -> GunicornProcess:
        environment = {
            "SOASAP_API_KEY": API_KEY,
            "SOASAP_BASE_URL": self._server.url,
            "SOASAP_CACHE_DIRECTORY": self._stage.cache_directory,
        }
        try:
            gunicorn = GunicornProcess(
                "soasap._devserver.demo_app:app",
                directory=self._stage.directory,
                environment=environment,
                ready_timeout=self._stage.remaining(),
            )
        except RuntimeError as exc:
            raise DidNotHold(str(exc)) from exc
        return self._stage.stack.enter_context(gunicorn)

    def _connect(self) -> WorkerConnection:
        return self._stage.stack.enter_context(closing(WorkerConnection(self._gunicorn.port)))
