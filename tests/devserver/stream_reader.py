"""A reader of flag streams made of nothing but a socket, so that framing and timing are seen as they are."""

from __future__ import annotations

import socket
import ssl
from urllib.parse import urlsplit

__all__ = ["StreamReader"]


class StreamReader:
    """
    One connection to a flag server, from the request on.

    Args:
        url: The server's base URL.
        path: What to ask for.
        method: How.
        version: The HTTP version of the request.
        headers: More headers.
        context: For https.
        receive_buffer: Bytes the kernel may hold for us; small ones make a stalled reader felt soon.
        timeout: Seconds for each read; an end of patience, not an expectation.

    Attributes:
        status: The answer's status code.
        headers: The answer's headers, names in lower case.
        comments: Comments received so far, by `next_event`.
    """

    def __init__(
        self,
        url: str,
        path: str = "/api/v1/flags/live",
        *,
        method: str = "GET",
        version: str = "1.1",
        headers: dict[str, str] | None = None,
        context: ssl.SSLContext | None = None,
        receive_buffer: int | None = None,
        timeout: float = 30.0,
    ) -> None:
        parts = urlsplit(url)
        assert parts.hostname is not None
        assert parts.port is not None
        self.socket = socket.socket()
        try:
            self.socket.settimeout(timeout)
            if receive_buffer is not None:
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            self.socket.connect((parts.hostname, parts.port))
            if context is not None:
                self.socket = context.wrap_socket(self.socket, server_hostname=parts.hostname)
            lines = [f"{method} {path} HTTP/{version}", f"Host: {parts.netloc}"]
            lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
            self.socket.sendall("\r\n".join([*lines, "", ""]).encode())
            self._arrived = b""
            self._body = bytearray()
            self._over = False
            self.comments = 0
            self._read_head()
        except BaseException:
            self.socket.close()
            raise

    @property
    def chunked(self) -> bool:
        return self.headers.get("transfer-encoding") == "chunked"

    def next_event(self) -> bytes | None:
        """The data of the next event, joined; `None` at the end of the body."""
        while True:
            block = self._take_block()
            if block is None:
                return None
            lines = block.split(b"\n")
            data = [line.removeprefix(b"data: ") for line in lines if line.startswith(b"data: ")]
            self.comments += sum(line.startswith(b":") for line in lines)
            if data:
                return b"\n".join(data)

    def wait_comment(self) -> None:
        """Return when the next block is a comment."""
        seen = self.comments
        while self.comments == seen:
            block = self._take_block()
            assert block is not None, "the stream ended"
            self.comments += block.startswith(b":")

    def body(self) -> bytes:
        """All of the body, for answers that end."""
        length = self.headers.get("content-length")
        while not self._over and (length is None or len(self._body) < int(length)):
            self._receive()
        return bytes(self._body)

    def close(self) -> None:
        self.socket.close()

    def __enter__(self) -> StreamReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read_head(self) -> None:
        while b"\r\n\r\n" not in self._arrived:
            piece = self.socket.recv(65536)
            assert piece, "no answer"
            self._arrived += piece
        head, _, self._arrived = self._arrived.partition(b"\r\n\r\n")
        status, *fields = head.decode("latin-1").split("\r\n")
        self.status = int(status.split(" ")[1])
        self.headers = {name.strip().lower(): value.strip() for name, _, value in (f.partition(":") for f in fields)}
        self._unframe()

    def _take_block(self) -> bytes | None:
        """What stands before the next blank line; `None` at the end."""
        searched = 0
        while (end := self._body.find(b"\n\n", searched)) < 0:
            if self._over:
                assert not self._body, f"the body ends within an event: {self._body[:80]!r}"
                return None
            searched = max(0, len(self._body) - 1)
            self._receive()
        block = bytes(self._body[:end])
        del self._body[: end + 2]
        return block

    def _receive(self) -> None:
        piece = self.socket.recv(1 << 20)
        if not piece:
            assert not self.chunked, "the connection ended before the last chunk"
            self._over = True
        self._arrived += piece
        self._unframe()

    def _unframe(self) -> None:
        """Move what is complete from the connection's bytes to the body's."""
        if not self.chunked:
            self._body += self._arrived
            self._arrived = b""
            return
        while b"\r\n" in self._arrived and not self._over:
            size, _, rest = self._arrived.partition(b"\r\n")
            length = int(size, 16)
            if len(rest) < length + 2:
                return
            assert rest[length : length + 2] == b"\r\n"
            self._body += rest[:length]
            self._arrived = rest[length + 2 :]
            self._over = length == 0
