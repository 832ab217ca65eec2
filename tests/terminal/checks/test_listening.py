"""One stream with a watch in the hand."""

from __future__ import annotations

import pytest

from soasap._terminal.checks.listening import Heard, listen
from soasap.exceptions import ConnectionFailed, InvalidPayload, PayloadTooLarge, UnexpectedAnswer
from tests.clients import API_KEY
from tests.connect_proxy import ConnectProxy
from tests.flagserver import Connection, Script, ScriptedServer, hold_open
from tests.scripted_connection import FRAMINGS, Framing


def heard_of(script: Script, *, timeout: float = 20.0, afterwards: float = 0.05) -> Heard:
    with ScriptedServer(script) as server:
        heard = listen(server.base_url, API_KEY, ca_file=None, client_cert=None, timeout=timeout, afterwards=afterwards)
        assert [API_KEY] == [request.headers["x-api-key"] for request in server.requests]
        assert all(connection.wait_closed() for connection in server.connections)
        return heard


@pytest.mark.parametrize("framing", FRAMINGS)
def test_a_stream(framing: Framing) -> None:
    """Head and first event are timed and counted under every framing, and the stream is let go."""

    def script(connection: Connection, index: int) -> None:
        connection.head(framing=framing)
        connection.comment(b"hello")
        connection.chunk(b"data:\n\n")
        connection.event(b'{"a": 1, "b": 2}')
        connection.hang()

    heard = heard_of(script)

    assert (200, 10 if framing == "http10" else 11, 2, 16) == (heard.status, heard.version, heard.flags, heard.size)
    assert heard.head is not None
    assert heard.comment is not None
    assert heard.event is not None
    assert 0 < heard.head <= heard.comment <= heard.event <= heard.seconds
    assert (None, None) == (heard.ended, heard.error)


def test_nothing_after_the_head() -> None:
    """A stream that brings nothing is given up after the timeout."""
    heard = heard_of(hold_open(), timeout=0.3)

    assert (None, None, None, 11) == (heard.event, heard.error, heard.ended, heard.version)
    assert heard.seconds >= 0.3


def test_only_comments() -> None:
    """Comments do not keep the watch from ringing."""

    def script(connection: Connection, index: int) -> None:
        connection.head()
        while True:
            connection.comment()
            connection.wait_closed(0.02)

    heard = heard_of(script, timeout=0.3)

    assert (None, True) == (heard.event, heard.comment is not None)


def test_half_an_event() -> None:
    """An event that does not end is none; that it began is known."""

    def script(connection: Connection, index: int) -> None:
        connection.head()
        connection.chunk(b'data: {"a": 1')
        connection.hang()

    heard = heard_of(script, timeout=0.3)

    assert (None, True) == (heard.event, heard.unfinished)


def test_no_head() -> None:
    """A head that does not come is an error after the timeout."""

    def script(connection: Connection, index: int) -> None:
        connection.hang()

    heard = heard_of(script, timeout=0.3)

    assert isinstance(heard.error, ConnectionFailed)
    assert (None, 0) == (heard.head, heard.version)
    assert heard.seconds >= 0.3


def test_a_refusal() -> None:
    """A refusal is the judge's, with its status."""
    heard = heard_of(lambda connection, index: connection.answer(401))

    assert isinstance(heard.error, UnexpectedAnswer)
    assert (401, 0) == (heard.status, heard.version)


def test_a_redirect_is_counted() -> None:
    """A redirect to the same origin is followed and counted."""

    def script(connection: Connection, index: int) -> None:
        if index == 0:
            connection.answer(307, headers={"location": "/elsewhere"})
        else:
            connection.head()
            connection.event(b"{}")
            connection.hang()

    with ScriptedServer(script) as server:
        heard = listen(server.base_url, API_KEY, ca_file=None, client_cert=None, timeout=20, afterwards=0.05)

    assert (1, 0, None) == (heard.redirects, heard.flags, heard.error)


@pytest.mark.parametrize("reset", [False, True])
def test_an_end_after_the_event(reset: bool) -> None:
    """A stream that ends or breaks after its first event is heard to the end, well before the watch rings."""

    def script(connection: Connection, index: int) -> None:
        connection.head()
        connection.event(b"{}")
        connection.wait_closed(0.1)
        if reset:
            connection.reset()
        else:
            connection.end()

    heard = heard_of(script, afterwards=60)

    assert heard.ended is not None
    assert heard.error is None


def test_an_end_before_the_event() -> None:
    """A stream that breaks before any event is an error; one that ends is not."""

    def breaking(connection: Connection, index: int) -> None:
        connection.head(framing="length")

    def ending(connection: Connection, index: int) -> None:
        connection.head()
        connection.end()

    assert isinstance(heard_of(breaking).error, ConnectionFailed)
    assert heard_of(ending).ended is not None


@pytest.mark.parametrize(
    ("payload", "kind"), [(b"[1]", InvalidPayload), (b'"' + b"x" * 5 * 1024 * 1024 + b'"', PayloadTooLarge)]
)
def test_an_event_that_is_not_believed(payload: bytes, kind: type) -> None:
    """What is not believed is kept as the reason."""
    heard = heard_of(hold_open(payload))

    assert (None, True) == (heard.flags, isinstance(heard.payload_error, kind))


def test_a_proxy_that_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that a proxy gives in its own name is told apart from the service's."""
    with ConnectProxy("user", "pw") as proxy, ScriptedServer(hold_open(b"{}")) as server:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        heard = listen(server.base_url, API_KEY, ca_file=None, client_cert=None, timeout=20, afterwards=0.05)

    assert (407, True) == (heard.status, heard.by_proxy)
