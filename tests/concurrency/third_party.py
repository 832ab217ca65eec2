"""
A concurrency backend as somebody else would write it, from `soasap.protocols` alone.

It runs tasks on plain threads, and counts its connections: the application wants to show them. Nothing of soasap is
imported but the public seams. `test_third_party.py` holds it to the promises of our own backends.
"""

from __future__ import annotations

import queue
import socket
import ssl
import threading
from collections.abc import Callable, Sequence
from typing import Any, ParamSpec, TypeVar

from soasap.concurrency import fork
from soasap.concurrency.ready_context import adapt
from soasap.protocols import AddressInfo, Event, Task

P = ParamSpec("P")
R = TypeVar("R")


class QueueEvent:
    """`SimpleQueue.put` may interrupt itself, by the documentation of Python: so a signal handler may call `set`."""

    def __init__(self) -> None:
        self._flag = False
        self._waiters: list[queue.SimpleQueue[None]] = []

    def set(self) -> None:
        self._flag = True
        for waiter in self._waiters[:]:
            waiter.put(None)

    def clear(self) -> None:
        self._flag = False

    def is_set(self) -> bool:
        return self._flag

    def wait(self, timeout: float) -> bool:
        waiter: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._waiters.append(waiter)
        try:
            if not self._flag:
                waiter.get(timeout=max(0.0, timeout))
        except queue.Empty:
            pass
        finally:
            self._waiters.remove(waiter)
        return self._flag


class DaemonTask:
    def __init__(self, function: Callable[[], None], name: str) -> None:
        self._function = function
        self._ended = QueueEvent()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._function()
        finally:
            self._ended.set()

    def alive(self) -> bool:
        return not self._ended.is_set()

    def is_current(self) -> bool:
        return threading.current_thread() is self._thread

    def join(self, timeout: float) -> bool:
        return False if self.is_current() else self._ended.wait(timeout)


class CountedSocket(socket.socket):
    """A socket that knows how many of its kind were made."""

    made = 0

    def __init__(self, family: int, kind: int, protocol: int) -> None:
        super().__init__(family, kind, protocol)
        type(self).made += 1


class GatedContext(ssl.SSLContext):
    """Keeps handshakes and forks apart."""

    def wrap_socket(self, *args: Any, **kwargs: Any) -> ssl.SSLSocket:
        with fork.gate().passing():
            return super().wrap_socket(*args, **kwargs)


class CountingBackend:
    """Plain threads, with sockets that are counted."""

    name = "counting threads"

    def obstacle(self) -> str:
        return ""

    def spawn(self, function: Callable[[], None], name: str) -> Task:
        return DaemonTask(function, name)

    def on_host_end(self, call: Callable[[], None]) -> None:
        """Threads do not end with the one that started them."""

    def event(self) -> Event:
        return QueueEvent()

    def run_blocking(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        return function(*args, **kwargs)

    def socket(self, family: int, kind: int, protocol: int) -> Any:
        return CountedSocket(family, kind, protocol)

    def getaddrinfo(self, host: str, port: int) -> Sequence[AddressInfo]:
        with fork.gate().passing():
            return socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)

    def tls_context(self, ready: ssl.SSLContext | None) -> ssl.SSLContext:
        return GatedContext(ssl.PROTOCOL_TLS_CLIENT) if ready is None else adapt(ready, ready.wrap_socket)
