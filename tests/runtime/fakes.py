"""
The seams of the runtime room, kept by fakes that only keep books: a clock that is a number, tasks run by hand.

Waiting advances the clock, so that a minute of backoff takes no time; nothing here makes threads or sockets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, ParamSpec, TypeVar

from soasap._runtime.callbacks import Callbacks
from soasap._runtime.misreads import Misreads
from soasap._runtime.reporter import Reporter
from soasap._runtime.run import Run
from soasap._runtime.store import SnapshotStore
from soasap._runtime.vitals import Vitals
from soasap._runtime.watchers import Watchers
from soasap._sansio.snapshot import FlagSnapshot, parse_snapshot
from soasap.protocols import AddressInfo
from soasap.types import SnapshotSource, SoasapErrorContext

P = ParamSpec("P")
R = TypeVar("R")

SECRET = "sk-3f9a"


class Clock:
    """Monotonic seconds that pass when somebody waits."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class FakeEvent:
    """
    An event whose waits take no time.

    Attributes:
        waits: The timeouts of waits that found it not set.
        on_wait: Called at each of those, before it ends: what happens meanwhile.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._flag = False
        self.waits: list[float] = []
        self.on_wait: Callable[[float], object] | None = None

    def set(self) -> None:
        self._flag = True

    def clear(self) -> None:
        self._flag = False

    def is_set(self) -> bool:
        return self._flag

    def wait(self, timeout: float) -> bool:
        if not self._flag:
            self.waits.append(timeout)
            self._clock.now += timeout
            if self.on_wait is not None:
                self.on_wait(timeout)
        return self._flag


class FakeTask:
    """A task that runs when the test says so, and is joined in no time."""

    def __init__(self, function: Callable[[], None], name: str, clock: Clock) -> None:
        self.run = function
        self.name = name
        self.current = False
        self.ended = False
        self.joins: list[float] = []
        self._clock = clock

    def alive(self) -> bool:
        return not self.ended

    def is_current(self) -> bool:
        return self.current

    def join(self, timeout: float) -> bool:
        self.joins.append(timeout)
        if not self.ended and not self.current:
            self._clock.now += timeout
        return self.ended


class FakeBackend:
    """Keeps the tasks it was asked for; see `FakeTask`."""

    name = "fake"

    def __init__(self, clock: Clock | None = None, *, obstacle: str = "") -> None:
        self.clock = clock if clock is not None else Clock()
        self.tasks: list[FakeTask] = []
        self.blocking: list[str] = []
        self.host_end: Callable[[], None] = lambda: None
        self._obstacle = obstacle

    def obstacle(self) -> str:
        return self._obstacle

    def spawn(self, function: Callable[[], None], name: str) -> FakeTask:
        self.tasks.append(FakeTask(function, name, self.clock))
        return self.tasks[-1]

    def on_host_end(self, call: Callable[[], None]) -> None:
        self.host_end = call

    def event(self) -> FakeEvent:
        return FakeEvent(self.clock)

    def run_blocking(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        self.blocking.append(getattr(function, "__name__", ""))
        return function(*args, **kwargs)

    def socket(self, family: int, kind: int, protocol: int) -> Any:
        raise AssertionError("nothing here needs a socket")

    def getaddrinfo(self, host: str, port: int) -> Sequence[AddressInfo]:
        raise AssertionError("nothing here asks for a name")

    def tls_context(self, ready: Any) -> Any:
        raise AssertionError("nothing here needs TLS")

    def fork_gate(self) -> AbstractContextManager[object]:
        return nullcontext()


class FakeStream:
    """A body of these chunks; an exception among them is raised, a function called. Then the end."""

    def __init__(self, *parts: bytes | Exception | Callable[[], object]) -> None:
        self._parts = list(parts)
        self.closed = 0

    def read(self) -> bytes:
        while self._parts:
            part = self._parts.pop(0)
            if isinstance(part, bytes):
                return part
            if isinstance(part, Exception):
                raise part
            part()
        return b""

    def close(self) -> None:
        self.closed += 1


class FakeTransport:
    """Opens these streams in order, raising what is an exception; then ends the run."""

    def __init__(self, run: Run, openings: Iterable[FakeStream | Exception] = ()) -> None:
        self._run = run
        self.openings = list(openings)
        self.opened_at: list[float] = []
        self.calls: list[str] = []

    def open(self) -> FakeStream:
        clock = self._run.backend.clock  # type: ignore[attr-defined]
        if not self.openings:
            self._run.halt()
            raise OSError("the run is over")
        self.opened_at.append(clock())
        opening = self.openings.pop(0)
        if isinstance(opening, Exception):
            raise opening
        return opening

    def wake(self) -> None:
        self.calls.append("wake")

    def abandon(self) -> None:
        self.calls.append("abandon")

    def close(self) -> None:
        self.calls.append("close")


class World:
    """The parts of a client around one run, on one clock, and what they told."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.backend = FakeBackend(self.clock)
        self.run = Run(self.backend)
        self.vitals = Vitals()
        self.callbacks = Callbacks()
        self.misreads = Misreads()
        self.watchers = Watchers(self.callbacks)
        self.errors: list[SoasapErrorContext] = []
        self.reporter = Reporter(self.errors.append, self.callbacks, self.vitals, SECRET, self.clock)
        self.starts = 0
        self.store = SnapshotStore(self._start)

    def _start(self) -> None:
        self.starts += 1

    def reported(self) -> list[SoasapErrorContext]:
        """What `on_error` got: makes the calls that wait, on a run of its own that is over."""
        run = Run(self.backend)
        run.halt()
        self.callbacks.serve(run)
        return self.errors


def snapshot(payload: bytes, source: SnapshotSource = "stream", received_at: float | None = None) -> FlagSnapshot:
    """A snapshot of this payload."""
    return parse_snapshot(payload, source=source, received_at=received_at)
