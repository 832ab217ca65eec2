"""A transport on native threads, and short words for what tests do with it."""

from __future__ import annotations

import contextlib
import ssl
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from soasap._io.transport import HttpByteStream, HttpSettings, HttpTransport
from soasap._sansio.answers import judge
from soasap.concurrency.threads import ThreadsBackend
from soasap.exceptions import NetworkError
from soasap.protocols import ConcurrencyBackend
from tests.waiting import wait_until

KEY = "sdk-key-4711"
STREAM_PATH = "/api/v1/flags/live"
HEADERS = {
    "X-API-Key": KEY,
    "Accept": "text/event-stream",
    "Accept-Encoding": "identity",
    "Cache-Control": "no-cache",
    "User-Agent": "soasap-python/test",
}

PROMPT = 2.0
"""Seconds within which something prompt has happened, on the slowest machine."""


def make_transport(
    base_url: str,
    *,
    backend: ConcurrencyBackend | None = None,
    connect_timeout: float = 5.0,
    response_timeout: float = 5.0,
    read_timeout: float = 5.0,
    proxy: str | None = None,
    ca_file: str | None = None,
    client_cert: str | tuple[str, str] | None = None,
    ssl_context: ssl.SSLContext | None = None,
) -> HttpTransport:
    """A transport for the stream of the server at `base_url`."""
    settings = HttpSettings(
        url=base_url + STREAM_PATH,
        headers=HEADERS,
        connect_timeout=connect_timeout,
        response_timeout=response_timeout,
        read_timeout=read_timeout,
        proxy=proxy,
        ca_file=ca_file,
        client_cert=client_cert,
        ssl_context=ssl_context,
    )
    return HttpTransport(settings, backend or ThreadsBackend(), judge)


@contextlib.contextmanager
def opened(base_url: str, **options: Any) -> Iterator[HttpByteStream]:
    """An open stream; closed at the end, and its transport too."""
    with (
        contextlib.closing(make_transport(base_url, **options)) as transport,
        contextlib.closing(transport.open()) as stream,
    ):
        yield stream


def refused(base_url: str, **options: Any) -> NetworkError:
    """What `open` raises."""
    with contextlib.closing(make_transport(base_url, **options)) as transport, pytest.raises(NetworkError) as caught:
        transport.open()
    return caught.value


def broken(stream: HttpByteStream) -> NetworkError:
    """What the next `read` raises."""
    with pytest.raises(NetworkError) as caught:
        stream.read()
    return caught.value


def read_size(stream: HttpByteStream, size: int) -> bytes:
    """The next bytes, as many reads as they take."""
    received = b""
    while len(received) < size:
        chunk = stream.read()
        assert chunk, f"the stream ended after {received!r}"
        received += chunk
    return received


def read_all(stream: HttpByteStream) -> bytes:
    """Everything up to the end."""
    received = b""
    while chunk := stream.read():
        received += chunk
    return received


def all_texts(error: BaseException) -> str:
    """Every text that a log or an error tracker might show of an error that was reported: causes, local variables."""
    error.__traceback__ = None  # as the reporter does; these frames are the test's own
    shown = traceback.TracebackException.from_exception(error, capture_locals=True)
    return f"{error} {error!r} {''.join(shown.format())}"


class Background:
    """Something that blocks, on a thread; `outcome` is what it returned or the `NetworkError` it raised."""

    def __init__(self, function: Callable[[], object]) -> None:
        self.outcome: object = None
        self._function = function
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def wait_blocked(self) -> None:
        """Wait until it is in a call of the modules `socket` or `ssl`."""
        wait_until(lambda: self._file().endswith(("/socket.py", "/ssl.py")))

    def wait(self) -> None:
        """Wait for the end, which must be prompt."""
        self._thread.join(PROMPT)
        assert not self._thread.is_alive(), "it still blocks"

    def _file(self) -> str:
        """Where the thread is just now."""
        frame = sys._current_frames().get(self._thread.ident or 0)
        return frame.f_code.co_filename if frame is not None else ""

    def _run(self) -> None:
        try:
            self.outcome = self._function()
        except NetworkError as error:
            self.outcome = error


def is_connecting(port: int) -> bool:
    """Whether a connection of this machine to a loopback port waits for its answer (Linux: state SYN_SENT)."""
    with open("/proc/self/net/tcp", encoding="ascii") as table:
        rows = [line.split() for line in table]
    return any(row[2].endswith(f":{port:04X}") and row[3] == "02" for row in rows[1:])
