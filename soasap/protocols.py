"""
The seams: what a concurrency backend, a transport and a cache must keep.

Law: only shapes, no behaviour, so that everybody may import this and it imports nobody but the words in
`soasap.types`. The seams a user may fill are `ConcurrencyBackend` (option `backend`), `SnapshotCache` (option
`cache`) and `HttpOpener` (the parameter of that name). `Transport` and `ByteStream` join our own rooms.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, TypeAlias, TypeVar

if TYPE_CHECKING:
    from ssl import SSLContext

__all__ = [
    "AddressInfo",
    "ByteStream",
    "ConcurrencyBackend",
    "Event",
    "HttpOpener",
    "HttpResponse",
    "SnapshotCache",
    "Task",
    "Transport",
]

P = ParamSpec("P")
R = TypeVar("R")

AddressInfo: TypeAlias = Sequence[Any]
"""One row of `socket.getaddrinfo`: family, type, protocol, canonical name, address."""


class Event(Protocol):
    """
    A flag that tasks wait for, as `threading.Event`.

    `set` may be called from any OS thread, any greenlet and any signal handler, one that interrupts a `wait` or another
    `set` of the same event included; so it must not take a lock that these may hold. It never blocks. The others are
    called where the backend runs, `wait` from other OS threads too.
    """

    def set(self) -> None:
        """Set the flag and wake all who wait. From another OS thread the wake-up may take a moment."""
        ...

    def clear(self) -> None: ...

    def is_set(self) -> bool: ...

    def wait(self, timeout: float) -> bool:
        """
        Wait until the flag is set, at most `timeout` seconds; whether it is set.

        Lets others run, even with a timeout of 0. Where blocking is impossible (inside an event loop's own
        callback) it returns at once. What an application uses to break off a wait, a signal handler that raises or a
        `gevent.Timeout`, goes through.
        """
        ...


class Task(Protocol):
    """A function that runs beside the caller: a daemon thread, or a greenlet. Asked from anywhere, as `Event.set`."""

    def alive(self) -> bool:
        """Whether the function has not returned yet."""
        ...

    def is_current(self) -> bool:
        """Whether the caller is this very task: it must not wait for itself."""
        ...

    def join(self, timeout: float) -> bool:
        """
        Wait at most `timeout` seconds for the end; whether it came.

        Returns at once, with what is so, where blocking is impossible: in this very task, or inside an event loop's own
        callback. Never raises for such a reason.
        """
        ...


class ConcurrencyBackend(Protocol):
    """
    How background work runs in one process: its tasks, what they wait on, and the sockets they wait in.

    Pass a class, or any callable without arguments that gives such an object, as the option `backend`;
    `tests/concurrency/third_party.py` is an example that keeps the promises of our own three.

    **Life.** One object serves one run in one process. It is made when the work first starts there, by whoever reads
    first, in his thread or greenlet: `obstacle` is asked, then events, the TLS context and the tasks are made, all
    before that read returns. So making one must cost next to nothing, and several readers at the same moment may make
    several, of which one is used. After a fork the child drops it without a word, and makes another at its own first
    read: it needs no way to be reset, and must not keep locks, threads or sockets outside of itself.

    **Who calls what.** The starter: `obstacle`, `event`, `tls_context`, `spawn`, `on_host_end`. The tasks:
    `run_blocking`, `socket`, `getaddrinfo`, and `Event.wait`. Anybody, from any OS thread, greenlet or signal handler:
    `Event.set`, `Task.alive`, `Task.is_current` and `Task.join`; that is how `close()` works everywhere.

    **Errors.** If the callable raises or what it gives lacks a method, that is reported once and `"auto"` takes its
    place. What the methods raise during a start, `RuntimeError` of `spawn` for one, is reported, and a later read tries
    again. A task that ends by an exception of any kind is reported and replaced.

    **Forks.** A child that is forked while another thread resolves a name or works on TLS may dead-lock in its own.
    A backend on OS threads keeps these apart by `with soasap.concurrency.fork.gate().passing():`, as ours does.
    """

    @property
    def name(self) -> str:
        """A short word for `status().backend`."""
        ...

    def obstacle(self) -> str:
        """Why a task started by this caller would never run, in words for the operator; empty if it would."""
        ...

    def spawn(self, function: Callable[[], None], name: str) -> Task:
        """Start `function` as a task. It must not keep the process alive. `RuntimeError` if none can start."""
        ...

    def on_host_end(self, call: Callable[[], None]) -> None:
        """
        Call back, once, if the OS thread of the starter ends and takes the tasks with it: green tasks outside the main
        thread. The call does not wait. A backend whose tasks do not depend on that thread has nothing to do here.
        """
        ...

    def event(self) -> Event:
        """A new event, not set."""
        ...

    def run_blocking(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """
        Run a function that blocks in the operating system (disk) without holding up other tasks.

        What it returns is returned, what it raises is raised. A backend whose tasks are OS threads just calls it.
        """
        ...

    def socket(self, family: int, kind: int, protocol: int) -> Any:
        """
        A new socket whose calls block the calling task only.

        It has the methods of `socket.socket` that http.client uses (`makefile` among them), keeps `settimeout`, and
        sits on a descriptor of the system: a blocked call returns when that is shut down.
        """
        ...

    def getaddrinfo(self, host: str, port: int) -> Sequence[AddressInfo]:
        """Stream addresses of a host. `OSError` (`socket.gaierror`) if it is unknown."""
        ...

    def tls_context(self, ready: SSLContext | None) -> SSLContext:
        """
        A client context whose `wrap_socket` fits this backend's sockets, and shakes hands within their timeout.

        A new one that checks certificates and host names (`PROTOCOL_TLS_CLIENT`), to which authorities are added; or,
        if `ready` is given, one that uses that context's settings as they are. `ready` itself will do if it can wrap
        these sockets, except that urllib3 then names its protocols (ALPN) in it;
        `soasap.concurrency.ready_context.adapt` makes a stand-in that nobody can change.
        """
        ...


class ByteStream(Protocol):
    """The body of one accepted answer."""

    def read(self) -> bytes:
        """The bytes that have come, as soon as any have; empty at the end. Raises `NetworkError`."""
        ...

    def close(self) -> None: ...


class Transport(Protocol):
    """Opens streams, one at a time, for one run."""

    def open(self) -> ByteStream:
        """Connect, ask, and judge the answer. Raises `NetworkError`."""
        ...

    def wake(self) -> None:
        """Make every call that blocks in this transport return soon. From any thread, greenlet or signal handler."""
        ...

    def abandon(self) -> None:
        """In a forked child: give up the inherited connection so that the parent does not notice. Never yields."""
        ...

    def close(self) -> None:
        """Let go of everything kept between streams."""
        ...


class SnapshotCache(Protocol):
    """
    A place that survives the process, for one snapshot.

    Both methods are called on background tasks, one at a time within a process. What they raise is reported as DISK,
    once until a call succeeds again, and otherwise ignored. A cache whose last call failed is not called again by
    `close()`. Two attributes are looked for and may be missing:

    `for_environment(name: str) -> SnapshotCache`
        Called once for each client, when it is made; what it returns is used in place of the cache. `name` stands for
        the API key and the base URL (64 hex digits, the same that the cache file is named after), so that two
        environments never share an entry. Without it the application sees to that.

    `cooperative: bool`
        True if the calls wait as green tasks do, on sockets that gevent or eventlet have patched, say: they are then
        made in the task itself, where such sockets have to stay. Looked at before each call. Without it, or if it is
        False, they run in a thread of a pool wherever the tasks are green; under native threads it makes no difference.
    """

    def load(self) -> bytes | None:
        """The payload saved last, or `None`."""
        ...

    def save(self, payload: bytes) -> None:
        """Keep this payload, whole, instead of the one before."""
        ...


class HttpResponse(Protocol):
    """What an `HttpOpener` returns."""

    @property
    def status(self) -> int: ...

    def read(self, size: int = -1) -> bytes: ...

    def close(self) -> None: ...


HttpOpener: TypeAlias = Callable[[str, dict[str, str], Any], HttpResponse]
"""`http_opener(url, headers, stop_event)` of release 1.0.3; `stop_event` has the methods of `threading.Event`."""
