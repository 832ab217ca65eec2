"""
eventlet: green threads, for applications that have patched themselves with it.

Deprecated from the first release, as eventlet itself discourages new use. Kept thin: best effort.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import eventlet
import eventlet.event
import eventlet.hubs
import eventlet.patcher
from eventlet.green import socket as green_socket
from eventlet.green import ssl as green_ssl

from soasap.concurrency.host import LastWords
from soasap.concurrency.ready_context import adapt
from soasap.protocols import AddressInfo

if TYPE_CHECKING:
    from ssl import SSLContext

__all__ = ["EventletBackend", "EventletEvent", "EventletTask"]

P = ParamSpec("P")
R = TypeVar("R")

SLICE = 0.1
"""Seconds after which a waiting task looks whether another OS thread set its event: eventlet has no call for that."""

POLL = 0.002
"""Seconds between two looks when a foreign OS thread waits: green threads cannot be joined across threads."""

NO_LIMIT = 3600.0
"""Seconds, for waits without a timeout."""


def _native(module: str) -> Any:
    """A module as it was before any patch."""
    return eventlet.patcher.original(module)


def _hub_here() -> Any:
    """The hub of this OS thread, or `None`; unlike `eventlet.hubs.get_hub()` it makes none."""
    return getattr(eventlet.hubs._threadlocal, "hub", None)


def _wait(hub: Any, sleep: Callable[[float], object], done: Callable[[], bool], timeout: float) -> bool:
    """Wait until `done`, from anywhere; `sleep` waits on the hub."""
    here = _hub_here()
    if here is hub and eventlet.getcurrent() is hub.greenlet:
        return done()  # the hub itself runs timers and signal handlers: it cannot wait
    longest = SLICE
    if here is not hub:
        sleep, longest = (_native("time").sleep if here is None else eventlet.sleep), POLL
    clock = hub.clock
    deadline = clock() + timeout
    while True:
        sleep(max(0.0, min(longest, deadline - clock())))
        if done() or clock() >= deadline:
            return done()


class EventletEvent:
    """A flag to wait for."""

    def __init__(self, hub: Any) -> None:
        self._hub = hub
        self._flag = False
        self._signal: Any = eventlet.event.Event()

    def set(self) -> None:
        self._flag = True
        if _hub_here() is self._hub and not self._signal.ready():
            try:
                self._signal.send(None)
            except AssertionError:
                pass  # a signal handler between these lines was faster

    def clear(self) -> None:
        self._flag = False
        if self._signal.ready():
            self._signal = eventlet.event.Event()

    def is_set(self) -> bool:
        return self._flag

    def wait(self, timeout: float | None = None) -> bool:
        return self._flag or _wait(self._hub, self._sleep, self.is_set, NO_LIMIT if timeout is None else timeout)

    def _sleep(self, seconds: float) -> None:
        self._signal.wait(seconds)


class EventletTask:
    """A green thread."""

    def __init__(self, hub: Any, function: Callable[[], None]) -> None:
        self._hub = hub
        self._green: Any = eventlet.spawn(function)
        self._end = EventletEvent(hub)
        self._green.link(lambda _: self._end.set())

    def alive(self) -> bool:
        return not self._ended()

    def is_current(self) -> bool:
        return self._green is eventlet.getcurrent()

    def join(self, timeout: float) -> bool:
        if self.is_current():
            return False
        return self._ended() or _wait(self._hub, self._end.wait, self._ended, timeout)

    def _ended(self) -> bool:
        return self._end.is_set() or bool(self._green.dead)


class EventletBackend:
    """Background work on eventlet's green threads."""

    name = "eventlet"

    def __init__(self) -> None:
        self._obstacle = _find_obstacle()
        self._hub: Any = None if self._obstacle else eventlet.hubs.get_hub()
        self._last_words: LastWords | None = None

    def obstacle(self) -> str:
        return self._obstacle

    def spawn(self, function: Callable[[], None], name: str) -> EventletTask:
        return EventletTask(self._hub, function)

    def on_host_end(self, call: Callable[[], None]) -> None:
        threading = _native("threading")
        if threading.get_ident() != threading.main_thread().ident:
            self._last_words = LastWords(threading.local, threading.get_ident, call)

    def event(self) -> EventletEvent:
        return EventletEvent(self._hub)

    def run_blocking(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        # A thread per call, as calls are seconds apart. eventlet's pool starts twenty, and hangs in a forked child.
        if _hub_here() is not self._hub or eventlet.getcurrent() is self._hub.greenlet:
            return function(*args, **kwargs)
        answers: list[R] = []
        errors: list[BaseException] = []
        ours, theirs = _native("socket").socketpair()

        def call() -> None:
            try:
                answers.append(function(*args, **kwargs))
            except BaseException as error:
                errors.append(error)
            _leave_no_hub()
            try:
                theirs.send(b".")  # closing would not do: a child forked meanwhile has a copy
            except OSError:
                pass  # the task that waited was killed
            theirs.close()

        try:
            _native("threading").Thread(target=call, daemon=True).start()
        except RuntimeError:
            theirs.close()
            ours.close()
            return function(*args, **kwargs)  # no new OS thread: there is none left, or the process is about to end
        try:
            while not (answers or errors):
                eventlet.hubs.trampoline(ours.fileno(), read=True)
        finally:
            ours.close()
        for error in errors:
            raise error
        return answers[0]

    def socket(self, family: int, kind: int, protocol: int) -> Any:
        return green_socket.socket(family, kind, protocol)

    def getaddrinfo(self, host: str, port: int) -> Sequence[AddressInfo]:
        found: Sequence[AddressInfo] = green_socket.getaddrinfo(host, port, 0, green_socket.SOCK_STREAM)
        return found

    def tls_context(self, ready: SSLContext | None) -> SSLContext:
        if ready is not None:
            return adapt(ready, lambda sock, **kwargs: _shake_hands(ready, sock, **kwargs))

        class Context(green_ssl.SSLContext):  # type: ignore[misc]
            def wrap_socket(self, sock: Any, **kwargs: Any) -> Any:
                return _shake_hands(self, sock, **kwargs)

        context: SSLContext = Context(green_ssl.PROTOCOL_TLS_CLIENT)
        return context


def _shake_hands(context: SSLContext, sock: Any, **kwargs: Any) -> Any:
    """A TLS socket; eventlet's own wrapping leaves the descriptor open when the handshake fails."""
    wrapped = green_ssl.GreenSSLSocket(sock, _context=context, do_handshake_on_connect=False, **kwargs)
    try:
        wrapped.do_handshake()
    except BaseException:
        wrapped.close()
        raise
    return wrapped


def _leave_no_hub() -> None:
    """In a thread that ends: a patched `os.open` made a hub for it, whose descriptor would stay."""
    poll: Any = getattr(_hub_here(), "poll", None)  # an epoll set; other kinds have nothing to close
    if hasattr(poll, "close"):
        poll.close()


def _find_obstacle() -> str:
    """Why a green thread spawned here would never run; empty if it would. As for gevent."""
    threading = _native("threading")
    if threading.get_ident() == threading.main_thread().ident:
        return ""
    hub = _hub_here()
    if hub is None or not hub.running or eventlet.getcurrent().parent is None:
        return "no eventlet hub runs in this thread; read a flag in a green thread, or in the main thread"
    return ""
