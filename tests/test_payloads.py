"""What an event may carry, and what becomes of what it may not: over one connection that stays."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from soasap import SoasapClientImpl, SoasapErrorContext, SoasapErrorSource
from soasap._sansio.sse import MAX_EVENT_BYTES
from soasap.exceptions import InvalidPayload, PayloadTooLarge
from tests.clients import open_client, record_flags
from tests.flagserver import Connection, ScriptedServer, hold_open
from tests.waiting import wait_until

INVALID: dict[str, bytes] = {
    "not JSON": b"<html>",
    "cut": b'{"on": tru',
    "two": b"{} {}",
    "array": b'[{"on": false}]',
    "string": b'"on"',
    "number": b"1",
    "null": b"null",
    "true": b"true",
    "not UTF-8": b'{"on": "\xff"}',
    "NaN": b'{"on": NaN}',
    "infinity": b'{"on": 1e999}',
    "surrogate": b'{"on": "\\ud800"}',
    "too deep": b'{"on": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "long number": b'{"on": ' + b"1" * 5000 + b"}",
    "byte-order mark": b'\xef\xbb\xbf{"on": false}',
}


@contextmanager
def streaming(errors: list[SoasapErrorContext]) -> Iterator[tuple[Connection, SoasapClientImpl]]:
    """A client that has `{"on": true, "n": 1}`, and the server's end of its stream."""
    with (
        ScriptedServer(hold_open(b'{"on": true, "n": 1}')) as server,
        open_client(server.base_url, on_error=errors.append) as client,
    ):
        assert client.wait_ready(10)
        yield server.connections[0], client
        assert 1 == len(server.connections) == client.status().connects


@pytest.mark.parametrize("payload", INVALID.values(), ids=INVALID)
def test_invalid_payload(payload: bytes) -> None:
    """What is not one JSON object is reported as PARSER, not transient; flags and connection stay."""
    errors: list[SoasapErrorContext] = []
    with streaming(errors) as (connection, client):
        connection.event(payload)
        wait_until(lambda: errors, message="the report")

        assert (SoasapErrorSource.PARSER, False) == (errors[0].source, errors[0].is_transient)
        assert isinstance(errors[0].exception, InvalidPayload)
        assert isinstance(errors[0].exception, ValueError)
        assert (True, 1) == (client.get_bool("on"), client.get_int("n"))
        assert (2, 1) == (client.status().events, client.status().errors)

        connection.event(b'{"n": 2}')
        wait_until(lambda: 2 == client.get_int("n"), message="the next event")

        assert client.get_bool("on") is False
    assert 1 == len(errors)


@pytest.mark.parametrize("lines", [1, 100], ids=["one line", "100 lines"])
def test_payload_beyond_the_cap(lines: int) -> None:
    """An event of more than 5 MiB is reported as PARSER, transient, and skipped; flags and connection stay."""
    errors: list[SoasapErrorContext] = []
    with streaming(errors) as (connection, client):
        for _ in range(lines):
            connection.chunk(b"data: " + b" " * (MAX_EVENT_BYTES // lines + 1) + b"\n")
        connection.chunk(b'data: {"n": 3}\n\n')
        connection.event(b'{"n": 2}')
        wait_until(lambda: 2 == client.get_int("n"), message="the next event")
        wait_until(lambda: errors, message="the report")

        assert (SoasapErrorSource.PARSER, True) == (errors[0].source, errors[0].is_transient)
        assert isinstance(errors[0].exception, PayloadTooLarge)
        assert 3 == client.status().events
    assert 1 == len(errors)


def test_payload_near_the_cap() -> None:
    """An event of 4.9 MB with 80,000 flags is taken."""
    flags = b"{" + b",".join(b'"flag-%06d": "%s"' % (number, b"v" * 44) for number in range(80_000)) + b',"n":2}'
    errors: list[SoasapErrorContext] = []
    with streaming(errors) as (connection, client):
        connection.event(flags)
        wait_until(lambda: 2 == client.get_int("n"), message="the large event")

        assert "v" * 44 == client.get_string("flag-079999")
    assert 4_900_000 < len(flags) < MAX_EVENT_BYTES
    assert [] == errors


def test_empty_object_clears() -> None:
    """`{}` is valid: every flag is gone and reads give defaults."""
    errors: list[SoasapErrorContext] = []
    with streaming(errors) as (connection, client):
        connection.event(b"{}")
        wait_until(lambda: not client.get_bool("on"), message="the empty set")

        assert (7, "d") == (client.get_int("n", 7), client.get_string("on", "d"))
        assert "stream" == client.status().source
    assert [] == errors


@pytest.mark.parametrize("blank", [b"", b" ", b"\t  ", b"\n\n"], ids=["nothing", "space", "white", "lines"])
def test_blank_data_is_nothing(blank: bytes) -> None:
    """Blank data is neither an event nor an error."""
    errors: list[SoasapErrorContext] = []
    with streaming(errors) as (connection, client):
        connection.event(blank)
        connection.event(b'{"n": 2}')
        wait_until(lambda: 2 == client.get_int("n"), message="the next event")

        assert 2 == client.status().events
    assert [] == errors


class CountingCache:
    def __init__(self) -> None:
        self.saves: list[bytes] = []

    def load(self) -> bytes | None:
        return None

    def save(self, payload: bytes) -> None:
        self.saves.append(payload)


def test_equal_payload_costs_nothing() -> None:
    """A payload equal to the current one, byte for byte, is counted and brings no swap and no write."""
    cache = CountingCache()
    with (
        ScriptedServer(hold_open(*[b'{"n": 1}'] * 50)) as server,
        open_client(server.base_url, cache=cache) as client,
    ):
        seen = record_flags(client, "n")
        assert client.wait_ready(10)
        wait_until(lambda: 50 == client.status().events, message="all events")
        client.close()

    assert [1] == seen
    assert [b'{"n": 1}'] == cache.saves


def test_one_byte_at_a_time() -> None:
    """An event that dribbles in byte by byte shows up with its last byte."""
    errors: list[SoasapErrorContext] = []
    with streaming(errors) as (connection, client):
        event = 'event: put\r\nid: 1\r\ndata: {"grüße": "größer",\r\ndata: "n": 2}\r\n\r\n'.encode()
        for place in range(len(event) - 1):
            connection.chunk(event[place : place + 1])
        assert 1 == client.get_int("n")
        connection.chunk(event[-1:])
        wait_until(lambda: 2 == client.get_int("n"), message="the event")

        assert "größer" == client.get_string("grüße")
    assert [] == errors
