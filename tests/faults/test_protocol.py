"""What servers and what stands before them say: framings, cuts, broken HTTP, refusals, redirects, foreign bodies."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Callable, Iterable, Mapping
from email.utils import formatdate
from time import time

import pytest
import trustme

from soasap import SoasapErrorContext
from soasap._sansio.backoff import FAILURE_PAUSE, FAILURE_SPREAD, MAX_DELAY, MAX_RETRY_AFTER
from tests.clients import API_KEY, open_client, record_flags
from tests.faults.weather import BEFORE, Fault, survive
from tests.flagserver import Connection, ScriptedServer
from tests.scripted_connection import FRAMINGS, Framing
from tests.waiting import wait_until

ORDINARY = FAILURE_PAUSE + MAX_DELAY
SLOW = 0.8 * 300
"""Seconds: the longest ordinary delay, and the shortest of the slow regime."""

TRANSIENT = [("ConnectionFailed", True)]
NOT_BELIEVED = [("UnexpectedAnswer", True)]

# --- The event stream.


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("framing", FRAMINGS)
def test_small_event_then_quiet(framing: Framing, secure: bool, ca: trustme.CA, ca_file: str) -> None:
    """A small event is visible at once in every framing, though nothing follows that would push it out."""

    def script(connection: Connection, index: int) -> None:
        connection.head(framing=framing)
        connection.event(b'{"n": 1}')
        connection.hang()

    with (
        ScriptedServer(script, tls=ca if secure else None) as server,
        open_client(server.base_url, ca_file=ca_file) as client,
    ):
        assert client.wait_ready(10)
        server.connections[0].event(b'{"n": 2}')
        wait_until(lambda: 2 == client.get_int("n"), 2.0, "the second event")  # some milliseconds are usual

        assert (1, 0) == (client.status().connects, client.status().errors)


def streamed(pieces: Iterable[bytes], last: int) -> tuple[list[object], list[SoasapErrorContext]]:
    """The values of the flag `n` that a client takes from one stream of these chunks, up to `last`; its reports."""
    errors: list[SoasapErrorContext] = []

    def script(connection: Connection, index: int) -> None:
        connection.head()
        for piece in pieces:
            connection.chunk(piece)
        connection.hang()

    with ScriptedServer(script) as server, open_client(server.base_url, on_error=errors.append) as client:
        seen = record_flags(client, "n")
        client.get_int("n")
        wait_until(lambda: seen and seen[-1] == last, message=f"the event {last}, not {seen}")
    return seen, errors


DOCUMENT = 'event: put\r\nid: 7\ndata: {"grüße":\r\ndata:"größe",\rdata: "n": %d}\r\n: €\n\n'


def test_cut_anywhere() -> None:
    """Cut at any byte, inside a character, a line end, a field's name or the byte-order mark, events are the same."""
    size = len((DOCUMENT % 100).encode())
    pieces = [b"\xef", b"\xbb", b"\xbf"]
    for place in range(1, size):
        event = (DOCUMENT % (100 + place)).encode()
        pieces += [event[:place], event[place:]]

    assert (list(range(101, 100 + size)), []) == streamed(pieces, 99 + size)


DOCUMENTS: dict[str, bytes] = {
    "CR": b'data: {"n":\rdata: 1}\r\rdata: {"n": 2}\n\n',
    "LF": b'data: {"n":\ndata: 1}\n\ndata: {"n": 2}\n\n',
    "CRLF": b'data: {"n":\r\ndata: 1}\r\n\r\ndata: {"n": 2}\n\n',
    "mixed": b'data: {"n":\r\ndata:\rdata: 1}\n\r\n\rdata: {"n": 2}\n\n',
    "CRLF, then LF": b'data: {"n": 1}\r\n\ndata: {"n": 2}\r\n\n',
    "not line ends": 'data: {"n": 1, "a": "\u2028\u2029\x85"}\n\ndata: {"n":\x0b2}\n\ndata: {"n": 2}\n\n'.encode(),
    "no colon, unknown, comments": b'data: {"n": 1}\nnonsense\nx: y\n: z\n:\n\nDATA: {}\ndata: {"n": 2}\n\n',
    "no space": b'data:{"n":1}\n\ndata:  {"n": 2}\n\n',
    "byte-order mark": b'\xef\xbb\xbfdata: {"n": 1}\n\ndata: {"n": 2}\n\n',
}


@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS)
def test_lines(document: bytes) -> None:
    """Lines end with CR, LF or CRLF and with nothing else, and are put together as the standard says."""
    seen, errors = streamed([document], 2)

    assert [1, 2] == seen
    # A vertical tab is a character like others: JSON does not take it between its tokens.
    assert (["InvalidPayload"] if b"\x0b" in document else []) == [type(error.exception).__name__ for error in errors]


FIELDS: dict[str, bytes] = {
    "id": b"id: 4711\n",
    "id with NUL": b"id: 47\x0011\n",
    "id with a header": b"id: 1\rX-Evil: 1\n",
    "huge id": b"id: " + b"9" * 1_000_000 + b"\n",
    "retry without digits": b"retry: soon\n",
    "retry of many digits": b"retry: " + b"9" * 5000 + b"\n",
    "unknown field": b"X-Api-Key: other\n",
    "no colon": b"X-Api-Key\n",
    "comment": b": X-Api-Key: other\n",
}


@pytest.mark.parametrize("field", FIELDS.values(), ids=FIELDS)
def test_fields_reach_no_request(field: bytes) -> None:
    """Whatever the fields of a stream say, the next request is the same, byte for byte."""

    def fault(connection: Connection) -> None:
        connection.head()
        connection.chunk(field + b"data: " + BEFORE + b"\n\n")
        connection.end()

    survival = survive(fault)

    assert [] == survival.kinds()
    assert 1 == len({request.raw for request in survival.requests})
    assert survival.delays[1] <= (60 if field.startswith(b"retry: 9") else 2 * FAILURE_SPREAD)


# --- HTTP.


def raw(answer: bytes) -> Fault:
    """These bytes for an answer."""

    def fault(connection: Connection) -> None:
        connection.send(answer)

    return fault


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
LIES = b'data: {"n": 5}\n\n'
NOT_HTTP: dict[str, bytes] = {
    "negative chunk size": CHUNKED + b"-10\r\n" + LIES,
    "chunk size of words": CHUNKED + b"ten\r\n" + LIES,
    "chunk size without end": CHUNKED + b"0" * 200_000,
    "huge chunk size, and the end": CHUNKED + b"7fffffffffffffff\r\n: quiet\n\n",
    "SSH": b"SSH-2.0-OpenSSH_9.2\r\n" + LIES,
    "TLS alert": b"\x15\x03\x01\x00\x02\x02\x46",
    "garbage": bytes(range(256)) * 4,
    "empty lines": b"\r\n\r\n\r\n",
    "HTTP/2": b"HTTP/2 200\r\nContent-Type: text/event-stream\r\n\r\n" + LIES,
    "status of words": b"HTTP/1.1 fine\r\n\r\n" + LIES,
    "101 headers": HEAD + b"X: y\r\n" * 101 + b"\r\n" + LIES,
    "compressed frames": HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + LIES,
    "switching protocols": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n" + LIES,
}


@pytest.mark.parametrize("answer", NOT_HTTP.values(), ids=NOT_HTTP)
def test_broken_http(answer: bytes) -> None:
    """What is not HTTP, or not any more, is one transient report; nothing of it is believed, the next one is good."""
    expected = NOT_BELIEVED if answer.startswith(b"HTTP/1.1 101") else TRANSIENT

    assert expected == survive(raw(answer)).kinds()


GOOD_ALL_THE_SAME: dict[str, bytes] = {
    "100 first": b"HTTP/1.1 100 Continue\r\n\r\n" + HEAD + b"\r\n",
    "103 first, twice": b"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n" * 2 + HEAD + b"\r\n",
    "bare line feeds": HEAD.replace(b"\r\n", b"\n") + b"\n",
    "no reason": HEAD.replace(b" OK", b"") + b"\r\n",
    "odd case and parameters": b"HTTP/1.1 200 OK\r\ncONTENT-tYPE: Text/Event-Stream ; charset=UTF-8\r\n\r\n",
    "identity": HEAD + b"Content-Encoding: identity\r\n\r\n",
}


@pytest.mark.parametrize("head", GOOD_ALL_THE_SAME.values(), ids=GOOD_ALL_THE_SAME)
def test_unusual_http(head: bytes) -> None:
    """What is unusual and right is a stream like any other."""
    assert [] == survive(raw(head + b"data: " + BEFORE + b"\n\n")).kinds()


# --- Refusals.


def answer(status: int, headers: Mapping[str, str | None] | None = None, body: bytes = LIES) -> Fault:
    """A whole answer with a body that looks like an event."""

    def fault(connection: Connection) -> None:
        sized = b"" if status in (204, 304) else body
        connection.answer(status, sized, headers=headers)

    return fault


@pytest.mark.parametrize("status", [201, 204, 206, 299, 401, 402, 403, 404, 405, 410, 418, 451])
def test_refusal(status: int) -> None:
    """A no is reported as lasting; three are asked again as usual, then after minutes, up to an hour. Flags stay."""
    survival = survive(*[answer(status)] * 9)

    assert [("UnexpectedAnswer", False)] * 9 == survival.kinds()
    assert f"answered {status}" in survival.words()
    assert max(survival.delays[1:4]) <= ORDINARY
    for doublings, delay in enumerate(survival.delays[4:]):
        slowest = min(300 * 2**doublings, 3600)
        assert 0.8 * slowest <= delay <= slowest


@pytest.mark.parametrize("status", [400, 408, 429, 500, 502, 503, 504, 599])
def test_trouble_that_passes(status: int) -> None:
    """What may pass by itself is transient and never leads to the slow regime."""
    survival = survive(*[answer(status)] * 6)

    assert [("UnexpectedAnswer", True)] * 6 == survival.kinds()
    assert max(survival.delays) <= ORDINARY


def test_refusals_of_a_roll_out() -> None:
    """Two 404 of an ingress that is being set up cost seconds, and a stream in between forgives them."""
    survival = survive(answer(404), answer(404), answer(503), answer(404), answer(404), answer(404))

    assert max(survival.delays) <= ORDINARY


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("value", "at_least", "at_most"),
    [
        (lambda: "100", 100, 100 + MAX_DELAY),
        (lambda: formatdate(time() + 100, usegmt=True), 98, 100 + MAX_DELAY),
        (lambda: formatdate(time() - 3600, usegmt=True), FAILURE_PAUSE, FAILURE_PAUSE + FAILURE_SPREAD),
        (lambda: "0", FAILURE_PAUSE, FAILURE_PAUSE + FAILURE_SPREAD),
        (lambda: "86400", MAX_RETRY_AFTER, MAX_RETRY_AFTER + MAX_DELAY),
        (lambda: "9" * 400, MAX_RETRY_AFTER, MAX_RETRY_AFTER + MAX_DELAY),
        (lambda: formatdate(time() + 1e9, usegmt=True), MAX_RETRY_AFTER, MAX_RETRY_AFTER + MAX_DELAY),
        (lambda: "-5", FAILURE_PAUSE, FAILURE_PAUSE + FAILURE_SPREAD),
        (lambda: "next week", FAILURE_PAUSE, FAILURE_PAUSE + FAILURE_SPREAD),
    ],
    ids=["seconds", "date", "past", "none", "a day", "absurd", "absurd date", "negative", "words"],
)
def test_retry_after(status: int, value: Callable[[], str], at_least: float, at_most: float) -> None:
    """A service that asks to be left alone is left alone for as long, five minutes at most, and a little scattered."""

    def fault(connection: Connection) -> None:
        connection.answer(status, headers={"Retry-After": value()})

    survival = survive(fault)

    assert NOT_BELIEVED == survival.kinds()
    # The stream before it was short and counts as a failure: hence twice the first spread.
    assert at_least <= survival.delays[1] <= at_most + FAILURE_SPREAD


# --- Redirects.


@pytest.mark.parametrize(
    "location", ["/elsewhere", "elsewhere?x=1", "http://127.0.0.1:{port}/elsewhere", "//127.0.0.1:{port}/x"]
)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_within_the_origin(status: int, location: str) -> None:
    """It is followed, with the key, and the stream is where it leads."""

    def script(connection: Connection, index: int) -> None:
        if index == 0:
            connection.answer(status, headers={"Location": location.format(port=server.port)})
            return
        connection.head()
        connection.event(BEFORE)
        connection.hang()

    with ScriptedServer(script) as server, open_client(server.base_url) as client:
        assert client.wait_ready(10)

        assert (1, 0) == (client.status().connects, client.status().errors)
        assert server.requests[1].target.startswith(("/elsewhere", "/api/v1/flags/elsewhere?x=1", "/x"))
        assert API_KEY == server.requests[1].headers["x-api-key"]


REDIRECTS: dict[str, str | None] = {
    "none": None,
    "empty": "",
    "file": "file:///etc/passwd",
    "data": "data:text/event-stream,data: {}",
    "no URL": "http://[",
    "bad port": "http://127.0.0.1:99999999/",
    "control characters": "/a\x01b",
}


@pytest.mark.parametrize("location", REDIRECTS.values(), ids=REDIRECTS)
def test_redirect_to_nowhere(location: str | None) -> None:
    """A redirect without a usable target is lasting and leads to the slow regime; flags stay."""
    survival = survive(*[answer(302, {"Location": location})] * 5)

    assert [("RedirectRefused", False)] * 5 == survival.kinds()
    assert max(survival.delays[1:4]) <= ORDINARY < SLOW <= survival.delays[4]


def test_redirect_loop() -> None:
    """A loop ends after three steps, is lasting, and leads to the slow regime."""
    survival = survive(*[answer(302, {"Location": "/api/v1/flags/live"})] * 20)

    assert [("RedirectRefused", False)] * 5 == survival.kinds()
    assert "more than 3 times" in survival.words()
    assert SLOW <= survival.delays[4]


@pytest.mark.parametrize("secure", [False, True], ids=["to another port", "from https to http"])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_elsewhere(status: int, secure: bool, ca: trustme.CA, ca_file: str) -> None:
    """The key does not travel to another origin, nor from https to http: nobody even connects there."""
    asked = threading.Event()

    def elsewhere(connection: Connection, index: int) -> None:
        asked.set()

    with ScriptedServer(elsewhere) as other:
        target = f"http://127.0.0.1:{other.port}/api/v1/flags/live"
        survival = survive(*[answer(status, {"Location": target})] * 5, secure=ca if secure else None, ca_file=ca_file)

        assert [("RedirectRefused", False)] * 5 == survival.kinds()
        assert f"http://127.0.0.1:{other.port}" in survival.words()
        assert SLOW <= survival.delays[4]
        assert [] == other.connections
        assert not asked.is_set()


# --- Bodies that are not ours.

PORTAL = b'<html>\n<!--\ndata: {"n": 5}\n\n-->please log in</html>'


def bomb() -> bytes:
    """A hundred megabytes of an event, in a hundred kilobytes."""
    return gzip.compress(b'data: {"n": 5, "x": "' + b" " * 100_000_000 + b'"}\n\n', 1)


FOREIGN: dict[str, Fault] = {
    "portal": answer(200, {"Content-Type": "text/html; charset=utf-8"}, PORTAL),
    "JSON": answer(200, {"Content-Type": "application/json"}, b'{"n": 5}'),
    "plain text": answer(200, {"Content-Type": "text/plain"}),
    "no type": answer(200, {"Content-Type": None}),
    "nearly the type": answer(200, {"Content-Type": "text/event-stream-of-lies"}),
    "gzip": answer(200, {"Content-Encoding": "gzip"}, gzip.compress(LIES)),
    "deflate": answer(200, {"Content-Encoding": "deflate"}),
    "zstd": answer(200, {"Content-Encoding": "zstd"}),
    "chain": answer(200, {"Content-Encoding": ", ".join(["gzip"] * 50)}),
    "gzip said not to be": answer(200, {"Content-Encoding": "identity, gzip"}),
}


@pytest.mark.parametrize("fault", FOREIGN.values(), ids=FOREIGN)
def test_foreign_body(fault: Fault) -> None:
    """Another type, or a compressed body that nobody asked for: transient, and not one byte is believed."""
    survival = survive(*[fault] * 5)

    assert NOT_BELIEVED * 5 == survival.kinds()
    assert max(survival.delays) <= ORDINARY


def test_bomb() -> None:
    """A body that would unpack to a thousand times its size is not even read."""
    packed = bomb()
    survival = survive(answer(200, {"Content-Encoding": "gzip"}, packed))

    assert NOT_BELIEVED == survival.kinds()
    assert len(packed) < 1_000_000


def test_compressed_although_it_says_otherwise() -> None:
    """Compressed bytes that claim to be plain are no event, and no memory is spent on unpacking them."""

    def fault(connection: Connection) -> None:
        connection.head()
        connection.chunk(gzip.compress(LIES) + b"\n\n")
        connection.end()

    assert [] == survive(fault).kinds()
