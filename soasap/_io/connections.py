"""
urllib3 on the sockets it is given.

urllib3 makes its connections from classes it can be told to use. Ours resolve and connect through the backend, whatever
is or is not monkey-patched, and tell the waker of every socket before it connects. Private or half-private names of
urllib3 that this relies on: `_new_conn`, `_dns_host`, `ConnectionCls`, `QueueCls`, `pool_classes_by_scheme`, unchanged
since 2.0; one contract test watches them.
"""

from __future__ import annotations

import queue
import socket
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from soasap._io.response_head import response_class
from soasap._io.waker import Waker
from soasap.protocols import ConcurrencyBackend

__all__ = ["SOCKET_OPTIONS", "connect", "pool_classes"]


def _keep_alive() -> list[tuple[int, int, int]]:
    """Options that notice a dead path within about a minute: 30 s idle, then 3 probes 10 s apart."""
    options = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1), (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)]
    wanted = {
        "TCP_KEEPIDLE": 30,
        "TCP_KEEPALIVE": 30,
        "TCP_KEEPINTVL": 10,
        "TCP_KEEPCNT": 3,
    }  # ALIVE: macOS's IDLE
    options += [
        (socket.IPPROTO_TCP, getattr(socket, name), value) for name, value in wanted.items() if hasattr(socket, name)
    ]
    return options


SOCKET_OPTIONS = _keep_alive()


def connect(backend: ConcurrencyBackend, waker: Waker, host: str, port: int, timeout: float) -> Any:
    """
    A connected socket of the backend: each address of the host in turn.

    Raises:
        OSError: Of the last address tried; `socket.gaierror` if the host is unknown.
    """
    failure: OSError | None = None
    for family, kind, protocol, _, address in backend.getaddrinfo(host, port):
        sock = None
        try:
            sock = backend.socket(family, kind, protocol)
            for option in SOCKET_OPTIONS:
                sock.setsockopt(*option)
            waker.add(sock)
            sock.settimeout(timeout)
            waker.check()
            sock.connect(address)
            waker.check()
        except OSError as error:
            is_ours = isinstance(error, TimeoutError) and error.errno is None  # ETIMEDOUT: the system gave up first
            failure = TimeoutError(f"no connection within {timeout:g} s") if is_ours else error
            waker.close()  # a descriptor of a dead address must not stay as long as the stream of the next one
            if sock is not None:
                sock.close()
        except BaseException:  # a kill: the descriptor must not stay
            if sock is not None:
                sock.close()
            raise
        else:
            return sock
    raise failure or OSError(f"no address was found for {host}")


class _NoShelf:
    """
    Where urllib3's pool would keep idle connections: ours keeps none.

    A server may end the body and leave the connection open. The waker has forgotten it by then, so a second stream
    on it could neither be woken nor given up after a fork. Nor is there a lock: urllib3 empties a dropped pool inside
    the garbage collector, and a green lock there dead-locks now and then (gevent#1957, urllib3#3289).

    Not derived from `queue.LifoQueue`, whose place another class may have taken: eventlet's of 0.36 takes no `[Any]`.
    """

    def __init__(self, maxsize: int = 0) -> None:
        pass

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        raise queue.Empty

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        if item is not None:  # urllib3 fills a new pool with None
            item.close()


def pool_classes(
    backend: ConcurrencyBackend,
    waker: Waker,
    connect_timeout: float,
    response_timeout: float,
    read_timeout: float,
) -> dict[str, type[HTTPConnectionPool]]:
    """Connection pools by scheme, for `urllib3.PoolManager.pool_classes_by_scheme`."""
    response = response_class(response_timeout, read_timeout)

    def new_connection(self: HTTPConnection) -> Any:
        try:
            return connect(backend, waker, self._dns_host, self.port or self.default_port, connect_timeout)
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        except TimeoutError as error:
            raise ConnectTimeoutError(self, str(error)) from error
        except OSError as error:
            raise NewConnectionError(self, str(error)) from error

    class Connection(HTTPConnection):
        response_class = response
        _new_conn = new_connection

    class TlsConnection(HTTPSConnection):
        response_class = response
        _new_conn = new_connection

    class Pool(HTTPConnectionPool):
        ConnectionCls = Connection
        QueueCls = _NoShelf  # type: ignore[assignment]

    class TlsPool(HTTPSConnectionPool):
        ConnectionCls = TlsConnection
        QueueCls = _NoShelf  # type: ignore[assignment]

    return {"http": Pool, "https": TlsPool}
