"""The body of an answer that goes on until one side leaves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from soasap._server.hang_up import HangUp

__all__ = ["SOCKET", "Endless", "StreamBody"]

SOCKET = "soasap.socket"
"""Where `soasap._server.server` puts the connection into the environment."""


class Endless(Protocol):
    """An iterable over bytes that can be ended, and must be closed."""

    def __iter__(self) -> Iterator[bytes]: ...

    def end(self) -> None: ...

    def close(self) -> None: ...


class StreamBody:
    """
    A stream as WSGI wants it; the server calls `close` in every case.

    Args:
        stream: What to send.
        connection: The reader's, to notice that it leaves; `None` where there is none.
    """

    __slots__ = ("_hang_up", "_stream")

    def __init__(self, stream: Endless, connection: Any) -> None:
        self._stream = stream
        self._hang_up = HangUp(connection, stream.end) if connection is not None else None

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._stream)

    def close(self) -> None:
        if self._hang_up is not None:
            self._hang_up.close()
        self._stream.close()
