"""One accepted connection of the scripted flag server, and what can be said on it."""

from __future__ import annotations

import _socket
import contextlib
import json
import os
import selectors
import socket
import ssl
import struct
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Literal, TypeAlias

Framing: TypeAlias = Literal["chunked", "length", "close", "http10"]
"""How the body ends: chunks, a large `Content-Length`, `Connection: close`, or HTTP/1.0."""

FRAMINGS: tuple[Framing, ...] = ("chunked", "length", "close", "http10")

HEAD_LIMIT = 1 << 20


class ClientGone(Exception):
    """The client closed or reset the connection, or the server stops. Ends a script; is no failure of it."""


@dataclass(frozen=True, slots=True)
class Request:
    """
    A request head.

    Attributes:
        headers: By name in lower case; a repeated one is joined by a comma and a space.
        raw: The bytes, up to the empty line and with it.
    """

    method: str
    target: str
    version: str
    headers: dict[str, str]
    raw: bytes

    @classmethod
    def parse(cls, raw: bytes) -> Request:
        """The parts of a whole head."""
        first, *lines = raw.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
        method, target, version = first.split(" ", 2)
        headers: dict[str, str] = {}
        for line in lines:
            name, _, value = line.partition(":")
            name, value = name.strip().lower(), value.strip()
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        return cls(method, target, version, headers, raw)


class Connection:
    """
    The server's end of a connection.

    Methods that send raise `ClientGone` when nobody is there any more; the server takes that as the end of
    the script.

    Attributes:
        index: Counts accepted connections from 0.
        accepted: When, as `time.monotonic()`.
        received: What came of the request head, whole or not; TLS removed.
        handshake_error: Why the TLS handshake failed, `None` if it did not.
    """

    def __init__(self, accepted: socket.socket, index: int, stopping: threading.Event) -> None:
        self.index = index
        self.accepted = time.monotonic()
        self.received = b""
        self.handshake_error: OSError | None = None
        self._request: Request | None = None
        self._socket = accepted
        self._stopping = stopping
        self._gone = threading.Event()
        self._closed = False
        # A TLS connection must not be read and written at the same time.
        self._using = threading.RLock()
        self._looking = threading.Lock()
        self._chunked = False
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    # What the client said.

    @property
    def request(self) -> Request:
        assert self._request is not None, "no whole request head arrived on this connection"
        return self._request

    def has_request(self) -> bool:
        return self._request is not None

    def secure(self, context: ssl.SSLContext) -> None:
        """Do the TLS handshake."""
        wrapped = context.wrap_socket(self._socket, server_side=True, do_handshake_on_connect=False)
        self._socket = wrapped
        if self._stopping.is_set():  # `cut` may have met the socket that was just replaced
            raise ClientGone
        try:
            wrapped.do_handshake()
        except OSError as error:
            self.handshake_error = error
            raise ClientGone from error

    def read_request(self) -> None:
        """Read the request head."""
        while not self.received.endswith(b"\r\n\r\n"):
            data = self.receive(1)
            if not data:
                self._gone.set()
                raise ClientGone
            self.received += data
            assert len(self.received) < HEAD_LIMIT, "the client sends a request head without an end"
        self._request = Request.parse(self.received)

    def receive(self, size: int = 65536) -> bytes:
        """Bytes after the request head; empty at the end."""
        with self._translated():
            return self._socket.recv(size)

    def fileno(self) -> int:
        """For selectors."""
        return self._socket.fileno()

    def wait_closed(self, timeout: float = 10.0) -> bool:
        """Whether the client closes or resets its side within `timeout` seconds. What it sends is dropped."""
        deadline = time.monotonic() + timeout
        while not self._gone.is_set():
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                return False
            self._look_for_end(min(remaining, 0.25))
        return True

    # What the server says.

    def send(self, data: bytes) -> None:
        """These bytes, as they are."""
        with self._using, self._translated():
            self._socket.sendall(data)

    def head(
        self,
        status: int = 200,
        *,
        framing: Framing = "chunked",
        headers: Mapping[str, str | None] | None = None,
    ) -> None:
        """
        A response head.

        Args:
            status: With its usual phrase.
            framing: What `chunk`, `event` and `comment` keep to.
            headers: Added. They replace `Content-Type: text/event-stream` and the framing's own; `None`
                removes.
        """
        self._chunked = framing == "chunked"
        fields: dict[str, str | None] = {"content-type": "text/event-stream"}
        if framing == "chunked":
            fields["transfer-encoding"] = "chunked"
        elif framing == "length":
            fields["content-length"] = str(1 << 30)
        elif framing == "close":
            fields["connection"] = "close"
        fields.update({name.lower(): value for name, value in (headers or {}).items()})
        version = "HTTP/1.0" if framing == "http10" else "HTTP/1.1"
        lines = [f"{version} {status} {_phrase(status)}"]
        lines += [f"{name}: {value}" for name, value in fields.items() if value is not None]
        self.send("\r\n".join([*lines, "", ""]).encode("latin-1"))

    def answer(self, status: int, body: bytes = b"", *, headers: Mapping[str, str | None] | None = None) -> None:
        """A whole response of known length, after which the script should return."""
        fixed = {"content-length": str(len(body)), "connection": "close"}
        self.head(status, framing="length", headers={**fixed, **(headers or {})})
        self.send(body)

    def chunk(self, data: bytes) -> None:
        """A piece of the body, framed as the head said; no bytes send nothing."""
        if data:
            self.send(b"%x\r\n%b\r\n" % (len(data), data) if self._chunked else data)

    def event(self, payload: bytes) -> None:
        """One event; each line of the payload becomes a `data` line."""
        self.chunk(b"".join(b"data: %b\n" % line for line in payload.split(b"\n")) + b"\n")

    def flags(self, flags: Mapping[str, object]) -> None:
        """One event that carries these flags as JSON."""
        self.event(json.dumps(flags).encode())

    def comment(self, text: bytes = b"") -> None:
        """A sign of life."""
        self.chunk(b":%b\n\n" % text)

    def end(self) -> None:
        """The end of the body where the framing has one: the last chunk."""
        if self._chunked:
            self.send(b"0\r\n\r\n")

    # How it ends.

    def hang(self) -> None:
        """Say nothing until the client goes or the server stops."""
        while not (self._gone.is_set() or self._closed or self._stopping.is_set()):
            self._look_for_end(0.25)

    def reset(self) -> None:
        """End with RST instead of FIN. What the client has not read yet is lost to it."""
        with contextlib.suppress(OSError):
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._closed = True
        self._socket.close()

    def close(self) -> None:
        """End as servers do: over TLS with a closing record, then FIN."""
        if self._closed:
            return
        self._closed = True
        if isinstance(self._socket, ssl.SSLSocket) and self.has_request():
            with contextlib.suppress(OSError, ValueError):
                self._socket.setblocking(False)  # the client's own closing record is not waited for
                self._socket.unwrap()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
        self._socket.close()

    def cut(self) -> None:
        """Wake whatever blocks on this connection; its handler then closes it."""
        with contextlib.suppress(OSError):
            # A bare one: the TLS layer's own would forget the TLS state under the handler's feet.
            bare = _socket.socket(fileno=os.dup(self._socket.fileno()))
            try:
                bare.shutdown(socket.SHUT_RDWR)
            finally:
                bare.close()

    def _look_for_end(self, timeout: float) -> None:
        """Wait at most `timeout` seconds for the client to say something, drop it, and note an end."""
        if not self._looking.acquire(blocking=False):  # eventlet has no two waits on one descriptor
            self._gone.wait(timeout)
            return
        try:
            if not self._readable(timeout):
                return
            with self._using:
                if self._gone.is_set() or not self._readable(0):
                    return
                try:
                    data = self._socket.recv(65536)
                except OSError:
                    data = b""
                if not data:
                    self._gone.set()
        finally:
            self._looking.release()

    def _readable(self, timeout: float) -> bool:
        try:
            with selectors.DefaultSelector() as selector:
                selector.register(self._socket, selectors.EVENT_READ)
                return bool(selector.select(timeout))
        except (OSError, ValueError, KeyError):  # closed meanwhile
            self._gone.set()
            return False

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise ClientGone from error


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
