"""
Starts, ends and restarts runs: at most one per client and process, elected without a lock.

::

    first read ──▶ start ──▶ run ──▶ close()                  ends for good
                     ▲        ├────▶ fork, in the child       dropped; the next read starts another
                     └────────┴────▶ a task died              dropped; the next read starts another, in due time

`dict.setdefault` elects the starter: it is atomic under threads, greenlets, signal handlers and forks alike.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Protocol

from soasap._runtime.callbacks import Callbacks
from soasap._runtime.reporter import Reporter
from soasap._runtime.run import Run
from soasap._runtime.store import SnapshotStore
from soasap._runtime.vitals import Vitals
from soasap._sansio.backoff import FULL_HEALTH
from soasap._sansio.snapshot import FlagSnapshot
from soasap.protocols import ConcurrencyBackend, Task
from soasap.types import SoasapErrorSource

__all__ = ["Crew", "Supervisor"]

FIRST_PAUSE = 0.1
MAX_PAUSE = 60.0
"""Seconds between a task's unexpected death and the next start, doubling: a bug must not cost a restart per read."""

READY_SLICE = 1.0
"""Seconds of one wait in `wait_ready`: finite, so that a run that died meanwhile is replaced."""

WAKE_INTERVAL = 0.05
"""
Seconds between two calls to a transport that `close()` waits for. Also what it grants a callback that still runs: it
belongs to the application and may take for ever.
"""

CALLBACK_PATIENCE = 1.0
"""
Seconds `close()` grants the callbacks' task to end between two calls. It does so at once, unless a signal handler that
closes has interrupted its very start.
"""


class Crew(Protocol):
    """What `_compose` knows and the supervisor does not: which parts a run is made of."""

    def obstacle(self) -> str:
        """Why nothing may start in this process; empty if it may."""
        ...

    def make_backend(self) -> ConcurrencyBackend: ...

    def newer_snapshot(self, known: FlagSnapshot) -> FlagSnapshot | None:
        """What the cache has, if it is younger than `known`."""
        ...

    def man(self, run: Run, guard: Callable[[Run, Callable[[], None]], Callable[[], None]]) -> None:
        """Give the run a transport and start its tasks, each wrapped in `guard`."""
        ...


class Supervisor:
    """Life and death of the background work of one client."""

    def __init__(
        self,
        crew: Crew,
        store: SnapshotStore,
        vitals: Vitals,
        reporter: Reporter,
        callbacks: Callbacks,
        clock: Callable[[], float],
    ) -> None:
        self._crew = crew
        self._store = store
        self._vitals = vitals
        self._reporter = reporter
        self._callbacks = callbacks
        self._clock = clock
        self._runs: dict[str, Run] = {}
        self._pid = os.getpid()
        self._closed = False
        self._ending: Run | None = None
        self._deaths = 0
        self._not_before = float("-inf")
        self._started_at = float("-inf")

    @property
    def run(self) -> Run | None:
        """The run of this process."""
        return self._runs.get("run")

    def start(self) -> None:
        """Start the work of this process, if nobody has and it can. Raises no `Exception`, waits for no network."""
        if self._closed:
            self._store.settle()  # a task that was just publishing may have armed the cell after close()
            return
        if "run" in self._runs or self._clock() < self._not_before:
            return
        try:
            self._vitals.hint = self._crew.obstacle()
            if self._vitals.hint:
                return
            backend = self._crew.make_backend()
            self._vitals.hint = backend.obstacle()
            if self._vitals.hint:
                self._reporter.warn_once(f"flags are not updated yet: {self._vitals.hint}")
                return
            run = Run(backend)
        except Exception as error:
            self._pause()  # before the report: a log handler of the application may read a flag
            self._reporter.report(error, SoasapErrorSource.NETWORK)
            return
        try:
            if self._runs.setdefault("run", run) is run:
                self._begin(run)
        except BaseException as error:
            # Whatever a signal handler raised between any two lines: no run may stay that nobody has begun.
            self._retire(run, error)
            if not isinstance(error, Exception):
                raise

    def _begin(self, run: Run) -> None:
        """As the elected starter."""
        self._started_at = self._clock()
        self._vitals.note("start")
        self._look_at_cache_after_fork()
        self._store.settle()  # before the first task exists: nothing newer can be overwritten
        self._crew.man(run, self._guard)
        run.backend.on_host_end(lambda: None if run.over() else self._retire(run, None))
        if self._closed:
            self._runs.pop("run", None)  # close() came between our first line and the election
            run.halt()
        if run.dead:
            self._store.arm()  # forked meanwhile: this is a green survivor in the child

    def _look_at_cache_after_fork(self) -> None:
        """A worker respawned hours after its master was loaded must not serve the master's flags."""
        if self._pid != os.getpid():
            self._pid = os.getpid()
            newer = self._crew.newer_snapshot(self._store.known())
            if newer is not None:
                self._store.replace(newer)

    def _guard(self, run: Run, task: Callable[[], None]) -> Callable[[], None]:
        """Let no task of a run end unseen."""

        def guarded() -> None:
            try:
                task()
            except BaseException as error:
                if not run.over():
                    self._retire(run, error)
                if not isinstance(error, Exception):
                    raise  # GreenletExit, SystemExit, a Timeout: a kill is a kill
            else:
                if not run.over():
                    self._retire(run, None)

        return guarded

    def _retire(self, run: Run, error: BaseException | None) -> None:
        """End a run from within: a later read may start another one. Without an error there is nothing to wait for."""
        try:
            if error is not None:
                self._pause()
                self._reporter.report(error, SoasapErrorSource.NETWORK)
        finally:
            run.halt()
            self._ending = run  # its other tasks are still leaving: close() waits for them
            if not self._closed:
                if not run.dead:
                    self._vitals.note("stop")
                self._store.arm()  # armed first, let go afterwards: who forks in between still finds it armed
            if self._runs.get("run") is run:
                self._runs.pop("run", None)

    def _pause(self) -> None:
        now = self._clock()
        self._deaths = 0 if now - self._started_at >= FULL_HEALTH else self._deaths
        self._not_before = now + min(MAX_PAUSE, FIRST_PAUSE * 2.0 ** min(self._deaths, 10))
        self._deaths += 1

    def wait_ready(self, timeout: float | None) -> bool:
        """See `soasap.SoasapClientImpl.wait_ready`."""
        deadline = float("inf") if timeout is None else self._clock() + timeout
        while True:
            self.start()
            run = self.run
            if self._closed or (run is None and self._vitals.hint):
                return False
            before = self._clock()
            asked = min(READY_SLICE, max(0.0, deadline - before))
            if run is None:
                asked = self._wait_for_pause(min(asked, WAKE_INTERVAL, max(0.0, self._not_before - before)))
            elif run.ready.wait(asked) and not run.over():
                return True
            now = self._clock()
            if now >= deadline or ((run is None or not run.over()) and now - before < asked / 2):
                return False  # the time is up; or the caller is an event loop's own callback, which cannot wait

    def _wait_for_pause(self, seconds: float) -> float:
        """Wait, as the caller's kind of task does, before a start is due again; the seconds asked for."""
        try:
            self._crew.make_backend().event().wait(seconds)
        except Exception:
            return float("inf")  # there is nothing to wait on
        return seconds

    def close(self, timeout: float) -> None:
        """See `soasap.SoasapClientImpl.close`."""
        deadline = self._clock() + timeout
        self._closed = True
        # One that ends already, or that another caller is still waiting for, is waited for too. Noted before it is let
        # go, and halted each time: a kill may come between any two lines, and then the next call ends it.
        run = self._ending = self._runs.get("run") or self._ending
        self._runs.pop("run", None)
        self._store.settle()
        self._vitals.note("close")
        if run is None:
            return
        run.halt()
        ended = [self._await_end(run, task, deadline) for task in run.tasks]
        if run.callback_task is not None:
            # It waits for the others itself: in vain for one that is our caller, interrupted by a signal perhaps.
            patience = CALLBACK_PATIENCE if all(ended) else WAKE_INTERVAL
            self._await_end(run, run.callback_task, min(deadline, self._clock() + patience))

    def _await_end(self, run: Run, task: Task, deadline: float) -> bool:
        """
        Wait for a task to end; whether it has.

        A connection that was just being made may miss a call: it is woken until it hears.
        """
        while True:
            before = self._clock()
            slice_ = min(WAKE_INTERVAL, max(0.0, deadline - before))
            if task.join(slice_):
                return True
            if self._clock() - before < slice_ / 2 or self._clock() >= deadline:
                return False  # the caller is this task, or an event loop's own callback; or the time is up
            if task is run.callback_task and self._callbacks.calling:
                return False
            if run.transport is not None:
                run.transport.wake()

    def after_fork_in_child(self) -> None:
        """Let go of the parent's run. Nothing here waits, logs, takes a lock or lets another greenlet run."""
        for run in (self._runs.pop("run", None), self._ending):
            if run is not None:
                run.abandon()
        self._ending = None
        self._callbacks.forget()
        self._vitals.reset()
        self._deaths = 0
        self._not_before = float("-inf")
        if not self._closed:
            self._store.arm()
