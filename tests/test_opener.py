"""An `http_opener` as release 1.0.3 took it drives the whole client."""

from __future__ import annotations

import http.client
import threading
from typing import Any
from urllib.parse import urlsplit

import pytest

from soasap import SoasapErrorContext, SoasapErrorSource
from soasap.exceptions import UnexpectedAnswer
from tests.clients import API_KEY, open_client
from tests.flagserver import Connection, ScriptedServer, hold_open
from tests.waiting import wait_until


class Response:
    """What an opener returns: a status, bytes as they come, and a `close` that wakes a blocked `read`."""

    def __init__(self, response: http.client.HTTPResponse, connection: http.client.HTTPConnection) -> None:
        self.status = response.status
        self.closed = False
        self._response = response
        self._connection = connection
        self._socket = connection.sock

    def read(self, size: int = -1) -> bytes:
        return self._response.read1(size)

    def close(self) -> None:
        self.closed = True
        if self._socket is not None:
            try:
                self._socket.shutdown(2)
            except OSError:
                pass
        self._response.close()
        self._connection.close()


class Opener:
    """Opens with http.client, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str], Any]] = []
        self.responses: list[Response] = []

    def __call__(self, url: str, headers: dict[str, str], stop_event: Any) -> Response:
        self.asked.append((url, headers, stop_event))
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
        connection.request("GET", urlsplit(url).path, headers=headers)
        self.responses.append(Response(connection.getresponse(), connection))
        return self.responses[-1]


def test_opener_drives_the_client() -> None:
    """Flags come through the opener; it is asked for our address with our headers and a stop event."""
    opener = Opener()
    with (
        ScriptedServer(hold_open(b'{"n": 1}')) as server,
        open_client(server.base_url, http_opener=opener) as client,
    ):
        assert client.wait_ready(10)
        server.connections[0].event(b'{"n": 2}')
        wait_until(lambda: 2 == client.get_int("n"), message="the second event")
        ((url, headers, stop_event),) = opener.asked

        assert f"{server.base_url}/api/v1/flags/live" == url
        assert (API_KEY, "text/event-stream") == (headers["X-API-Key"], headers["Accept"])
        assert stop_event.is_set() is False
        client.close()
        assert stop_event.is_set() is True
        assert opener.responses[0].closed
        assert server.connections[0].wait_closed(2.0)


@pytest.mark.parametrize("status", [401, 500])
def test_only_the_status_is_checked(status: int) -> None:
    """Another status than 2xx is NETWORK, transient as in release 1.0.3; the response is closed."""
    opener = Opener()
    errors: list[SoasapErrorContext] = []

    def script(connection: Connection, index: int) -> None:
        connection.answer(status)

    with (
        ScriptedServer(script) as server,
        open_client(server.base_url, http_opener=opener, on_error=errors.append) as client,
    ):
        client.get_int("n")
        wait_until(lambda: errors, message="the report")

    assert (SoasapErrorSource.NETWORK, True) == (errors[0].source, errors[0].is_transient)
    assert isinstance(errors[0].exception, UnexpectedAnswer)
    assert status == errors[0].exception.status
    assert opener.responses[0].closed


def test_opener_that_does_not_hear() -> None:
    """An opener whose `read` cannot be woken costs `close()` its timeout, and no more."""
    reading, go_on = threading.Event(), threading.Event()

    class Deaf:
        status = 200

        def read(self, size: int = -1) -> bytes:
            reading.set()
            go_on.wait(30)
            return b""

        def close(self) -> None:
            raise RuntimeError("cannot be closed either")

    with open_client("http://localhost", http_opener=lambda url, headers, stop_event: Deaf(), preload=True) as client:
        assert reading.wait(10)
        client.close(timeout=0.2)

        assert "closed" == client.status().state
        go_on.set()


def test_response_that_cannot_be_closed() -> None:
    """A response whose `close` raises does not end the work: the next stream is opened."""
    opened: list[int] = []

    class Stubborn:
        status = 200

        def __init__(self) -> None:
            self._events = [b'data: {"n": %d}\n\n' % len(opened)]

        def read(self, size: int = -1) -> bytes:
            return self._events.pop() if self._events else b""

        def close(self) -> None:
            raise RuntimeError("cannot be closed")

    def opener(url: str, headers: dict[str, str], stop_event: object) -> Stubborn:
        opened.append(1)
        return Stubborn()

    with open_client("http://localhost", http_opener=opener) as client:
        client.get_int("n")
        wait_until(lambda: len(opened) >= 2, message="another stream")

        assert 0 == client.status().errors
