"""
Noticing at once that a reader has left.

A server that only writes learns of it when a write fails: with a comment every 15 s, up to 30 s later. Until
then the stream counts as open, and whoever looks at the open streams sees readers that are long gone.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import gevent
from gevent.ssl import SSLSocket

__all__ = ["HangUp"]

_READ = 1  # libev's and libuv's name for "readable"


class HangUp:
    """
    Calls back, once, when the other side of a connection ends its half; reads nothing.

    A reader of an event stream has nothing more to say after its request. What it says nevertheless ends a
    TLS stream, as its farewell record cannot be told from other records; on a plain connection it is left
    alone, and the end behind it is noticed by the next write.

    Args:
        connection: A gevent socket, plain or TLS.
        callback: Called on the hub; must not block.
    """

    __slots__ = ("_callback", "_connection", "_watcher")

    def __init__(self, connection: Any, callback: Callable[[], None]) -> None:
        self._connection = connection
        self._callback = callback
        # One watcher costs some 300 bytes; a greenlet that waits in recv() would cost kilobytes.
        self._watcher: Any = gevent.get_hub().loop.io(connection.fileno(), _READ)
        self._watcher.start(self._readable)

    def _readable(self) -> None:
        try:
            # The raw socket below gevent's, as TLS sockets refuse to peek. Readable, so this does not block.
            first = self._connection._sock.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return
        except OSError:
            first = b""
        self._watcher.stop()  # or it would fire for ever: nobody reads
        if not first or isinstance(self._connection, SSLSocket):
            self._callback()

    def close(self) -> None:
        """Stop looking. Owed before the connection's descriptor is closed and given to somebody else."""
        self._watcher.stop()
        self._watcher.close()
