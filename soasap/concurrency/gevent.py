"""
gevent: greenlets on the hub of the thread that starts them.

Sockets and TLS come from gevent itself, so it makes no difference whether, or when, anything was patched.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import gevent
import gevent.event
import gevent.hub
import gevent.monkey
import gevent.socket
import gevent.ssl
import gevent.threadpool
from gevent._hub_local import get_hub_if_exists

from soasap.concurrency import fork
from soasap.concurrency.host import LastWords
from soasap.concurrency.ready_context import adapt
from soasap.protocols import AddressInfo

if TYPE_CHECKING:
    from ssl import SSLContext

__all__ = ["GeventBackend", "GeventEvent", "GeventTask"]

P = ParamSpec("P")
R = TypeVar("R")

POLL = 0.002
"""Seconds between two looks when a foreign OS thread waits: greenlets cannot be joined across threads."""


def _hub_here() -> Any:
    """The hub of this OS thread, or `None`; unlike `gevent.get_hub()` it makes none."""
    return get_hub_if_exists()


def _poll(done: Callable[[], bool], timeout: float) -> bool:
    """Wait in a thread that is not the hub's own."""
    sleep = gevent.sleep if _hub_here() is not None else gevent.monkey.get_original("time", "sleep")
    deadline = time.monotonic() + timeout
    while not done() and time.monotonic() < deadline:
        sleep(POLL)
    return done()


class _OnHub:
    """Something that lives on one hub and is used from anywhere."""

    __slots__ = ("_hub",)

    def __init__(self, hub: Any) -> None:
        self._hub = hub

    def _wait(self, wait: Callable[[float], object], done: Callable[[], bool], timeout: float) -> bool:
        here = _hub_here()
        if here is not self._hub:
            return _poll(done, timeout)
        if gevent.getcurrent() is not here:  # the hub itself runs loop callbacks and signal handlers: it cannot wait
            wait(timeout)
        return done()


class GeventEvent(_OnHub):
    """`gevent.event.Event`, with a `set` for every thread."""

    __slots__ = ("_event",)

    def __init__(self, hub: Any) -> None:
        super().__init__(hub)
        self._event = gevent.event.Event()

    def set(self) -> None:
        if _hub_here() is self._hub:
            self._event.set()
            return
        loop = self._hub.loop
        if loop is not None:  # None once the hub's thread has ended; then nobody waits either
            loop.run_callback_threadsafe(self._event.set)

    def clear(self) -> None:
        self._event.clear()

    def is_set(self) -> bool:
        return self._event.is_set()

    def wait(self, timeout: float | None = None) -> bool:
        # A wait without end and with nothing else scheduled would raise LoopExit: an hour is as good as for ever.
        return self._wait(self._event.wait, self._event.is_set, 3600.0 if timeout is None else timeout)


class GeventTask(_OnHub):
    """A greenlet."""

    __slots__ = ("_greenlet",)

    def __init__(self, hub: Any, function: Callable[[], None], name: str) -> None:
        super().__init__(hub)
        self._greenlet = gevent.Greenlet(function)
        self._greenlet.name = name
        self._greenlet.start()

    def alive(self) -> bool:
        return not self._greenlet.ready()

    def is_current(self) -> bool:
        return self._greenlet is gevent.getcurrent()

    def join(self, timeout: float) -> bool:
        if self.is_current():
            return False
        return self._wait(self._greenlet.join, self._greenlet.ready, timeout)


class GeventBackend:
    """Background work on greenlets. No fork gate: a greenlet is never inside C code while another one forks."""

    name = "gevent"

    def __init__(self) -> None:
        self._obstacle = _find_obstacle()
        self._hub: Any = None
        self._last_words: LastWords | None = None
        if not self._obstacle:
            _reinit_after_fork()
            self._hub = gevent.get_hub()

    def obstacle(self) -> str:
        return self._obstacle

    def spawn(self, function: Callable[[], None], name: str) -> GeventTask:
        return GeventTask(self._hub, function, name)

    def on_host_end(self, call: Callable[[], None]) -> None:
        get_ident = gevent.monkey.get_original("_thread", "get_ident")
        if get_ident() not in _main_thread_idents():
            self._last_words = LastWords(gevent.monkey.get_original("_thread", "_local"), get_ident, call)

    def event(self) -> GeventEvent:
        return GeventEvent(self._hub)

    def run_blocking(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        pool = self._hub.threadpool
        if pool.pid != os.getpid():
            return function(*args, **kwargs)  # inherited through a fork that gevent was not told of: it would hang
        answers: list[R] = []
        try:
            result = pool.spawn(_try, answers, function, args, kwargs)
        except RuntimeError:
            return function(*args, **kwargs)  # no new OS thread: there is none left, or the process is about to end
        error = result.get()
        if error is not None:
            raise error
        return answers[0]

    def socket(self, family: int, kind: int, protocol: int) -> Any:
        return gevent.socket.socket(family, kind, protocol)

    def getaddrinfo(self, host: str, port: int) -> Sequence[AddressInfo]:
        return gevent.socket.getaddrinfo(host, port, 0, gevent.socket.SOCK_STREAM)

    def tls_context(self, ready: SSLContext | None) -> SSLContext:
        if ready is None:
            return gevent.ssl.SSLContext(gevent.ssl.PROTOCOL_TLS_CLIENT)

        def wrap_socket(sock: Any, **kwargs: Any) -> Any:
            return gevent.ssl.SSLSocket(sock=sock, _context=ready, **kwargs)

        return adapt(ready, wrap_socket)


def _try(
    answers: list[R], function: Callable[..., R], args: tuple[object, ...], kwargs: dict[str, object]
) -> Exception | None:
    """In the pool: an exception is handed over as a value, because gevent prints what escapes from a worker."""
    try:
        answers.append(function(*args, **kwargs))
    except Exception as error:
        return error
    return None


_prepared = {"pid": fork.FIRST_PID}
"""`pid`: the process whose hub is known to be its own. This file may be imported in a child first."""


def _reinit_after_fork() -> None:
    """
    Make the hub this process's own, once.

    `gevent.os.fork`, and `os.fork` where it is patched, have done it already, and again does no harm. After a plain
    `os.fork` nobody has: parent and child would change each other's epoll set, and the thread pool would hang. Not in
    the hook of the fork, which runs before gevent's own.
    """
    if _prepared["pid"] != os.getpid():
        _prepared["pid"] = os.getpid()
        gevent.reinit()


def _main_thread_idents() -> tuple[int | None, int]:
    """By `threading`, which a thread in a child may have made its own, and by gevent."""
    return threading.main_thread().ident, gevent.hub.MAIN_THREAD_IDENT  # type: ignore[attr-defined]


def _find_obstacle() -> str:
    """
    Why a greenlet spawned here would never run; empty if it would.

    A greenlet lives on the hub of its OS thread. The main thread's is trusted to run. Another thread may host the
    tasks if its hub runs now (a server may live outside the main thread): then whoever asks is a greenlet. A
    worker of gevent's thread pool will not do, its hub runs only while the worker's function waits.
    """
    worker_class = gevent.threadpool.ThreadPool._WorkerGreenlet  # type: ignore[attr-defined]  # no public name
    asking: Any = gevent.getcurrent()
    root = asking
    while True:
        if isinstance(root, worker_class):
            return "this is a worker of gevent's thread pool, whose hub does not keep running; read a flag elsewhere"
        if root.parent is None:
            break
        root = root.parent
    if gevent.monkey.get_original("_thread", "get_ident")() in _main_thread_idents():
        return ""
    if _hub_here() is None or asking is root:
        return "no gevent hub runs in this thread; read a flag in a greenlet, or in the main thread"
    return ""
