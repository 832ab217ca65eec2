"""
A crowd of readers in a process of its own, on one selector: each is known by how many events it has received.

Talks over stdin and stdout: prints `connected` when every reader has its first event; for each line it reads, waits
until every reader has one event more, and prints the monotonic moments when the first, the one in the middle and the
last had it, as JSON.
"""

from __future__ import annotations

import json
import selectors
import socket
import ssl
import sys
import time
from typing import Any

__all__ = ["main"]

REQUEST = "GET /api/v1/flags/live HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {}\r\n\r\n"
IN_FLIGHT = 500
"""Readers that connect at the same time: more would measure the accept queue."""

END = b"}\n\n"
"""Ends an event, and stands nowhere else: the server sends one line of JSON. A comment ends otherwise."""


class Crowd:
    """Sockets that do not block, and what each has received."""

    def __init__(self, port: int, context: ssl.SSLContext | None, api_key: str) -> None:
        self._request = REQUEST.format(api_key).encode()
        self._port = port
        self._context = context
        self._selector = selectors.DefaultSelector()
        self._events: dict[Any, int] = {}
        self._tails: dict[Any, bytes] = {}
        self._done: list[float] = []
        self._goal = 1

    def grow(self, size: int) -> None:
        """Connect until so many readers have their first event."""
        while len(self._events) < size:
            self._add()
            while len(self._events) - len(self._done) >= IN_FLIGHT:
                self._take(0.05)
        self.await_all()

    def await_all(self) -> list[float]:
        """The monotonic moments when the first reader, one in the middle and the last had as many events as are due."""
        deadline = time.monotonic() + 120
        while len(self._done) < len(self._events):
            assert time.monotonic() < deadline, f"{len(self._events) - len(self._done)} readers wait"
            self._take(1.0)
        moments, self._done = self._done, []
        self._goal += 1
        return [moments[0], moments[len(moments) // 2], moments[-1]]

    def _add(self) -> None:
        reader: Any = socket.create_connection(("127.0.0.1", self._port))
        if self._context is not None:
            reader = self._context.wrap_socket(reader, server_hostname="127.0.0.1")
        reader.sendall(self._request)
        reader.setblocking(False)
        self._events[reader] = 0
        self._tails[reader] = b""
        self._selector.register(reader, selectors.EVENT_READ)

    def _take(self, timeout: float) -> None:
        for key, _ in self._selector.select(timeout):
            reader: Any = key.fileobj
            while True:
                try:
                    piece = reader.recv(262144)
                except (BlockingIOError, ssl.SSLWantReadError):
                    break
                assert piece, "the server closed a stream"
                self._events[reader] += (self._tails[reader] + piece).count(END)
                self._tails[reader] = (self._tails[reader] + piece)[1 - len(END) :]
                if self._events[reader] >= self._goal:
                    self._done.append(time.monotonic())
                    break


def main(port: int, authority: str, count: int, changes: int, api_key: str = "") -> list[list[float]]:
    """The moments when the first reader, the one in the middle and the last had each change."""
    context = ssl.create_default_context(cafile=authority) if authority else None
    crowd = Crowd(port, context, api_key)
    crowd.grow(count)
    print("connected", flush=True)
    moments = []
    for _ in range(changes):
        sys.stdin.readline()
        moments.append(crowd.await_all())
        print(json.dumps(moments[-1]), flush=True)
    return moments
