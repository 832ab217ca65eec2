"""
The head of an answer, within a set time and a set size.

urllib3's read timeout starts anew with every byte. A server that drips its head, or never ends it, would hold an
attempt for ever; so the time is absolute here, and the bytes are counted. After the head the plain read timeout holds.
"""

from __future__ import annotations

import http.client
import io
import time
from typing import Any

__all__ = ["MAX_HEAD_BYTES", "HeadReader", "TunnelRefused", "response_class"]

MAX_HEAD_BYTES = 64 * 1024
"""As for one line in http.client, but for all of them; what the buffer read ahead counts too."""

BUFFER_SIZE = 64 * 1024
"""Bytes the reader asks the socket for at once."""

LIMIT = MAX_HEAD_BYTES + BUFFER_SIZE


class TunnelRefused(OSError):
    """
    A proxy answered CONNECT with something else than 200. http.client says the status in words alone.

    Args:
        status: The HTTP status code.
    """

    def __init__(self, status: int) -> None:
        super().__init__(f"the proxy answered {status}")
        self.status = status


class HeadReader(io.RawIOBase):
    """
    Reads a socket's file object under a deadline, until the head has ended.

    Args:
        raw: The unbuffered file object of `sock`.
        sock: Its timeout is set before each read.
        seconds: From now to the end of the head.
    """

    def __init__(self, raw: io.RawIOBase, sock: Any, seconds: float) -> None:
        self._raw = raw
        self._sock = sock
        self._overdue = (
            f"the response head did not end within {seconds:g} s; "
            "a proxy on the way may hold it back (nginx: proxy_buffering off)"
        )
        self._deadline = time.monotonic() + seconds
        self._left = LIMIT
        self._in_head = True

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self._in_head:
            remaining = self._deadline - time.monotonic()
            if remaining <= 0:
                raise TimeoutError(self._overdue)
            if self._left <= 0:
                raise http.client.HTTPException(f"the response head is longer than {MAX_HEAD_BYTES} bytes")
            self._sock.settimeout(remaining)
        try:
            count = self._raw.readinto(buffer)
        except TimeoutError as error:
            if error.errno is not None:
                raise  # ETIMEDOUT: the system has given up a dead path, long before our own time is up
            raise TimeoutError(self._overdue) from error
        if count == 0 and self._in_head and self._left < LIMIT:
            # http.client would take the end of the connection for the end of the head, and believe what it has.
            raise ConnectionAbortedError("the connection ended inside the response head")
        self._left -= count or 0
        return count

    def head_ended(self, read_timeout: float) -> None:
        """From here on each read may take `read_timeout` seconds."""
        self._in_head = False
        self._overdue = f"nothing was heard for {read_timeout:g} s"
        self._sock.settimeout(read_timeout)

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()


def response_class(response_timeout: float, read_timeout: float) -> type[http.client.HTTPResponse]:
    """
    A response for http.client that reads its head within `response_timeout` seconds of its making.

    http.client makes it right after the request was sent. It is also stricter with what http.client lets pass, and
    lets pass what http.client takes for the answer. Overridden names that are private there: `_read_status`,
    `_read_next_chunk_size`.
    """

    class Response(http.client.HTTPResponse):
        fp: io.BufferedReader

        def __init__(self, sock: Any, debuglevel: int = 0, method: str | None = None, url: str | None = None) -> None:
            super().__init__(sock, debuglevel, method, url)
            self._is_tunnel = method is None  # CONNECT comes before there is a request
            self._head = HeadReader(self.fp.detach(), sock, response_timeout)
            self.fp = io.BufferedReader(self._head, BUFFER_SIZE)

        def begin(self) -> None:
            super().begin()
            encoding = self.headers.get("Transfer-Encoding", "identity").lower()
            if encoding not in ("chunked", "identity"):  # http.client would give the frames of it as the body
                raise http.client.HTTPException("the body has a transfer encoding that was not asked for")
            self._head.head_ended(read_timeout)

        def _read_status(self) -> tuple[str, int, str]:
            version, status, reason = self._final_status()
            while status < 200 and status != http.HTTPStatus.SWITCHING_PROTOCOLS:
                # 103 Early Hints, for one. http.client itself skips 100 only, and none before the answer to CONNECT.
                http.client.parse_headers(self.fp)
                version, status, reason = self._final_status()
            if self._is_tunnel and status != 200:
                raise TunnelRefused(status)
            return version, status, reason

        def _final_status(self) -> tuple[str, int, str]:
            try:
                version, status, reason = super()._read_status()  # type: ignore[misc]
            except http.client.RemoteDisconnected:
                raise
            except http.client.BadStatusLine:
                version = ""
            if not version.startswith(("HTTP/1.", "HTTP/0.9")):
                # Neither chained nor http.client's own: that quotes what came, whatever it is and however long.
                raise http.client.HTTPException("what answered does not speak HTTP/1")
            return version, status, reason

        def _read_next_chunk_size(self) -> int:
            if not self.fp.peek(1):
                # The connection ended between two chunks. Load balancers and nginx end streams so that were silent for
                # too long, and a server that is killed: a stream may end at any time, and nothing is missing.
                return 0
            size: int = super()._read_next_chunk_size()  # type: ignore[misc]
            if size < 0:  # http.client would take all that follows for the body
                raise ValueError("the size of a chunk is negative")
            return size

    return Response
