"""
Native threads: the backend of ordinary programs, Gunicorn sync and gthread, Celery prefork and threads, uWSGI.

What makes locks and tells threads apart is looked up when the backend is made. If gevent or eventlet patch `threading`
later, the tasks that run then go on with what they have, until the stream moves to the other backend.
"""

from __future__ import annotations

import socket
import ssl
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any, ParamSpec, TypeVar

from soasap.concurrency import fork
from soasap.concurrency.ready_context import adapt
from soasap.protocols import AddressInfo

__all__ = ["ThreadEvent", "ThreadTask", "ThreadsBackend"]

P = ParamSpec("P")
R = TypeVar("R")

LAST_STEPS = 0.05
"""Seconds that `join` grants a thread whose function has returned to go away altogether."""


class ThreadEvent:
    """
    A flag to wait for, whose `set` never blocks.

    `threading.Event` guards its waiters with a lock, and a signal handler that calls `set()` while it interrupts a
    `wait()` of the same thread would wait for itself. Here a waiter is a bare lock in a list, and list operations are
    atomic.
    """

    __slots__ = ("_flag", "_new_lock", "_waiters")

    def __init__(self) -> None:
        self._flag = False
        self._new_lock = threading.Lock
        self._waiters: list[threading.Lock] = []

    def set(self) -> None:
        self._flag = True
        while self._waiters:
            try:
                self._waiters.pop().release()
            except IndexError:
                return  # another set() was faster with the last one

    def clear(self) -> None:
        self._flag = False

    def is_set(self) -> bool:
        return self._flag

    def wait(self, timeout: float | None = None) -> bool:
        if self._flag or (timeout is not None and timeout <= 0):
            return self._flag
        waiter = self._new_lock()
        waiter.acquire()
        self._waiters.append(waiter)
        try:
            if not self._flag:  # else set() came before our entry in the list and will not release it
                waiter.acquire(timeout=-1 if timeout is None else min(timeout, threading.TIMEOUT_MAX))
        finally:
            try:
                self._waiters.remove(waiter)
            except ValueError:
                pass  # set() took it out
        return self._flag


class ThreadTask:
    """A daemon thread: it never keeps the process alive, and one that is stuck in a name look-up is left behind."""

    __slots__ = ("_done", "_get_ident", "_thread")

    def __init__(self, function: Callable[[], None], name: str) -> None:
        done = self._done = ThreadEvent()
        self._get_ident = threading.get_ident

        def run() -> None:
            try:
                function()
            finally:
                _leave_no_hub()
                done.set()

        self._thread = threading.Thread(target=run, name=name, daemon=True)
        self._thread.start()

    def alive(self) -> bool:
        return not self._done.is_set()

    def is_current(self) -> bool:
        return self._thread.ident == self._get_ident()

    def join(self, timeout: float) -> bool:
        if self.is_current():
            return False
        # Not Thread.join, whose lock a signal handler that interrupts it would wait for.
        if self._done.wait(timeout):
            self._thread.join(LAST_STEPS)
        return self._done.is_set()


class ThreadsBackend:
    """Background work on daemon threads."""

    name = "threads"

    def __init__(self) -> None:
        self._gate = fork.gate()

    def obstacle(self) -> str:
        return ""

    def spawn(self, function: Callable[[], None], name: str) -> ThreadTask:
        return ThreadTask(function, name)

    def on_host_end(self, call: Callable[[], None]) -> None:
        """Nothing to do: each task has a thread of its own."""

    def event(self) -> ThreadEvent:
        return ThreadEvent()

    def run_blocking(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        return function(*args, **kwargs)  # the task has a thread of its own

    def socket(self, family: int, kind: int, protocol: int) -> Any:
        return socket.socket(family, kind, protocol)

    def getaddrinfo(self, host: str, port: int) -> Sequence[AddressInfo]:
        with self._gate.passing():
            return socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)

    def tls_context(self, ready: ssl.SSLContext | None) -> ssl.SSLContext:
        gate = self._gate
        if ready is not None:

            def wrap_socket(sock: Any, **kwargs: Any) -> ssl.SSLSocket:
                with gate.passing():
                    if ready.sslsocket_class is ssl.SSLSocket:
                        return ready.wrap_socket(sock, **kwargs)
                    # Sockets were patched after the context was made, and it does not know how to wrap these.
                    return ssl.SSLSocket(sock, _context=ready, **kwargs)

            return adapt(ready, wrap_socket)

        class GatedContext(ssl.SSLContext):  # not at import: `ssl` may have been patched since
            # What sends OpenSSL to work without Python's own lock, so that another thread may fork meanwhile.

            def load_default_certs(self, *args: Any, **kwargs: Any) -> None:
                with gate.passing():
                    super().load_default_certs(*args, **kwargs)

            def load_verify_locations(self, *args: Any, **kwargs: Any) -> None:
                with gate.passing():
                    super().load_verify_locations(*args, **kwargs)

            def load_cert_chain(self, *args: Any, **kwargs: Any) -> None:
                with gate.passing():
                    super().load_cert_chain(*args, **kwargs)

            def wrap_socket(self, *args: Any, **kwargs: Any) -> ssl.SSLSocket:
                with gate.passing():
                    return super().wrap_socket(*args, **kwargs)

        with gate.passing():
            return GatedContext(ssl.PROTOCOL_TLS_CLIENT)


def _leave_no_hub() -> None:
    """
    Close the gevent hub of the calling thread, which is about to end.

    Where gevent has patched sockets and not threads, a thread that used a socket has a hub of its own. It would stay,
    with its descriptors, when the thread is gone.
    """
    hub_here = getattr(sys.modules.get("gevent._hub_local"), "get_hub_if_exists", None)
    hub = None if hub_here is None else hub_here()
    if hub is not None:
        hub.destroy(destroy_loop=True)
