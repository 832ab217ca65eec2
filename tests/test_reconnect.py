"""Losing the stream and finding it again."""

from __future__ import annotations

import threading
import time

from soasap import SoasapErrorContext, SoasapErrorSource
from soasap.exceptions import ConnectionFailed, UnexpectedAnswer
from tests.addresses import free_port
from tests.clients import open_client
from tests.flagserver import Connection, ScriptedServer, hold_open
from tests.waiting import wait_until


def test_server_restarts() -> None:
    """Flags outlive the server; when it comes back on the same port there is one stream again, and news."""
    errors: list[SoasapErrorContext] = []
    port = free_port()
    with open_client(f"http://127.0.0.1:{port}", on_error=errors.append) as client:
        with ScriptedServer(hold_open(b'{"n": 1}'), port=port):
            assert client.wait_ready(30)
        wait_until(lambda: "stale" == client.status().state, message="the loss")

        assert 1 == client.get_int("n")
        with ScriptedServer(hold_open(b'{"n": 2}'), port=port) as server:
            wait_until(lambda: 2 == client.get_int("n"), 30, "news")

            assert ("live", 2) == (client.status().state, client.status().connects)
            assert 1 == len(server.connections)
        client.close()

    assert all(error.source is SoasapErrorSource.NETWORK for error in errors)
    assert all(error.is_transient and isinstance(error.exception, ConnectionFailed) for error in errors)
    assert all(isinstance(error.exception, OSError) for error in errors)


def test_end_of_stream_is_no_error() -> None:
    """The server may end the stream at any time: the client comes back and reports nothing."""
    errors: list[SoasapErrorContext] = []

    def script(connection: Connection, index: int) -> None:
        connection.head()
        connection.event(b'{"n": %d}' % index)
        if index == 0:
            connection.end()
        else:
            connection.hang()

    with ScriptedServer(script) as server, open_client(server.base_url, on_error=errors.append) as client:
        client.get_int("n")
        wait_until(lambda: 1 == client.get_int("n"), message="the second stream")

        assert (2, 2, 0) == (client.status().connects, client.status().events, client.status().errors)
    assert [] == errors


def test_reset_in_the_middle_of_an_event() -> None:
    """Half an event is dropped, the flags stay, and the next connection starts from nothing."""
    errors: list[SoasapErrorContext] = []
    delivered = threading.Event()

    def script(connection: Connection, index: int) -> None:
        connection.head()
        if index == 0:
            connection.event(b'{"n": 1}')
            connection.chunk(b'data: {"n": 5,')
            delivered.wait(10)
            connection.reset()
        else:
            connection.chunk(b'"m": 5}\n\n')  # the other half would be believed if the first was kept
            connection.event(b'{"n": 2}')
            connection.hang()

    with ScriptedServer(script) as server, open_client(server.base_url, on_error=errors.append) as client:
        assert client.wait_ready(10)
        delivered.set()
        wait_until(lambda: 2 == client.get_int("n"), message="the second stream")

        assert 2 == client.status().events
        wait_until(lambda: errors, message="the report")
        assert [(SoasapErrorSource.NETWORK, True)] == [(error.source, error.is_transient) for error in errors]


def test_retry_field_is_the_least_delay() -> None:
    """After `retry: 1000` the next attempt comes a second later, or a little more."""
    ended: list[float] = []

    def script(connection: Connection, index: int) -> None:
        connection.head()
        connection.chunk(b"retry: 1000\n\n")
        connection.event(b"{}")
        if index == 0:
            ended.append(time.monotonic())
            connection.end()
        else:
            connection.hang()

    with ScriptedServer(script) as server, open_client(server.base_url, preload=True):
        server.wait_connections(2)

        assert 1.0 <= server.connections[1].accepted - ended[0] < 1.0 + 1.9 + 1.0


def test_refusal_is_reported_and_the_flags_stay() -> None:
    """A 401 is NETWORK, not transient, says what to check, and the next attempt is made all the same."""
    errors: list[SoasapErrorContext] = []

    def script(connection: Connection, index: int) -> None:
        if index == 1:
            connection.answer(401, b"no")
            return
        connection.head()
        connection.event(b'{"n": %d}' % index)
        if index == 0:
            connection.end()
        connection.hang()

    with ScriptedServer(script) as server, open_client(server.base_url, on_error=errors.append) as client:
        assert client.wait_ready(10)
        wait_until(lambda: errors, message="the report")

        assert 0 == client.get_int("n", 9)
        assert (SoasapErrorSource.NETWORK, False) == (errors[0].source, errors[0].is_transient)
        assert isinstance(errors[0].exception, UnexpectedAnswer)
        assert 401 == errors[0].exception.status
        assert "API key" in str(errors[0].exception)
        wait_until(lambda: 2 == client.get_int("n"), 20, "the third attempt")


def test_silence_is_a_loss() -> None:
    """A stream that is silent for longer than `read_timeout` counts as dead."""
    with (
        ScriptedServer(hold_open(b'{"n": 1}')) as server,
        open_client(server.base_url, read_timeout=0.2) as client,
    ):
        assert client.wait_ready(10)
        server.wait_connections(2)

        assert 1 == client.get_int("n")
        error = client.status().last_error
        assert error is not None
        assert (SoasapErrorSource.NETWORK, True) == (error.source, error.is_transient)
        assert server.connections[0].wait_closed(2.0)
