"""
Lets an `http_opener`, as release 1.0.3 took it, serve as the transport.

Only its status is checked. Promptness, TLS, and giving up an inherited connection after a fork are the opener's own
matter: we can close its response, and ask it to stop by the event it was given.
"""

from __future__ import annotations

from collections.abc import Mapping

from soasap.exceptions import UnexpectedAnswer
from soasap.protocols import Event, HttpOpener, HttpResponse

__all__ = ["OpenerTransport"]

READ_SIZE = 4096
"""Bytes, as release 1.0.3 asked: an opener's `read` may wait until it has that many."""


class _OpenedStream:
    """The body of one answer of the opener."""

    def __init__(self, response: HttpResponse) -> None:
        self._response = response

    def read(self) -> bytes:
        return self._response.read(READ_SIZE)

    def close(self) -> None:
        try:
            self._response.close()
        except Exception:
            pass  # the opener's own matter; one that is gone already, say, is closed


class OpenerTransport:
    """
    Opens streams by calling the application's opener.

    Args:
        opener: See `soasap.protocols.HttpOpener`.
        url: The absolute URL of the stream.
        headers: Sent with each request.
        stop: Set when the run is to end.
    """

    def __init__(self, opener: HttpOpener, url: str, headers: Mapping[str, str], stop: Event) -> None:
        self._opener = opener
        self._url = url
        self._headers = headers
        self._stop = stop
        self._stream: _OpenedStream | None = None

    def open(self) -> _OpenedStream:
        response = self._opener(self._url, dict(self._headers), self._stop)
        stream = _OpenedStream(response)
        if not 200 <= response.status < 300:
            stream.close()
            raise UnexpectedAnswer(
                f"the http_opener got status {response.status}, expected 200",
                status=response.status,
                is_transient=True,
            )
        self._stream = stream
        return stream

    def wake(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            try:
                stream.close()
            except Exception:
                pass  # the opener's own; close() must go on to wait for the task, and its timeout bounds that

    def abandon(self) -> None:
        self._stream = None  # never closed here: that might end the parent's connection

    def close(self) -> None:
        self._stream = None
