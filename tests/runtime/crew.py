"""A crew that makes runs of fake tasks, and the supervisor they belong to."""

from __future__ import annotations

from collections.abc import Callable

from soasap._runtime.callbacks import Callbacks
from soasap._runtime.reporter import Reporter
from soasap._runtime.run import Run
from soasap._runtime.store import SnapshotStore
from soasap._runtime.supervisor import Supervisor
from soasap._runtime.vitals import Vitals
from soasap._sansio.snapshot import FlagSnapshot
from soasap.protocols import ConcurrencyBackend
from tests.runtime.fakes import SECRET, Clock, FakeBackend, FakeTask, FakeTransport

Guard = Callable[[Run, Callable[[], None]], Callable[[], None]]


class Crew:
    """Makes runs of one stream task and one callback task; fails where the test says so."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.vitals = Vitals()
        self.callbacks = Callbacks()
        self.reporter = Reporter(None, self.callbacks, self.vitals, SECRET, self.clock)
        self.store = SnapshotStore(lambda: self.supervisor.start())
        self.supervisor = Supervisor(self, self.store, self.vitals, self.reporter, self.callbacks, self.clock)
        self.runs: list[Run] = []
        self.backends: list[FakeBackend] = []
        self.reason = ""
        self.backend_reason = ""
        self.backend_error: Exception | None = None
        self.man_error: BaseException | None = None
        self.while_manning: Callable[[], object] | None = None
        self.younger: FlagSnapshot | None = None
        self.work: Callable[[], None] = lambda: None

    def obstacle(self) -> str:
        return self.reason

    def make_backend(self) -> ConcurrencyBackend:
        if self.backend_error is not None:
            raise self.backend_error
        self.backends.append(FakeBackend(self.clock, obstacle=self.backend_reason))
        return self.backends[-1]

    def newer_snapshot(self, known: FlagSnapshot) -> FlagSnapshot | None:
        return self.younger

    def man(self, run: Run, guard: Guard) -> None:
        self.runs.append(run)
        run.transport = FakeTransport(run)
        if self.while_manning is not None:
            self.while_manning()
        if self.man_error is not None:
            raise self.man_error
        run.tasks.append(run.backend.spawn(guard(run, lambda: self.work()), "stream"))
        run.callback_task = run.backend.spawn(lambda: None, "callbacks")

    @property
    def task(self) -> FakeTask:
        """The newest stream task."""
        task = self.runs[-1].tasks[0]
        assert isinstance(task, FakeTask)
        return task

    def armed(self) -> bool:
        """Whether the next read would start the work."""
        return not isinstance(self.store.snapshot, FlagSnapshot)
