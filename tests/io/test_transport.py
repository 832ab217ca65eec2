from __future__ import annotations

import contextlib
import datetime
import signal
import ssl
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import trustme

from soasap._io.transport import MAX_REDIRECTS, HttpTransport
from soasap.concurrency.threads import ThreadsBackend
from soasap.exceptions import (
    CertificateRefused,
    ConnectionFailed,
    NetworkError,
    RedirectRefused,
    UnexpectedAnswer,
)
from soasap.protocols import AddressInfo
from tests.addresses import FullBacklog, free_port
from tests.connect_proxy import ConnectProxy
from tests.flagserver import Connection, Script, ScriptedServer, hold_open
from tests.io.streaming import (
    KEY,
    PROMPT,
    STREAM_PATH,
    Background,
    all_texts,
    broken,
    is_connecting,
    make_transport,
    opened,
    read_all,
    read_size,
    refused,
)
from tests.scripted_connection import FRAMINGS, Framing
from tests.waiting import wait_until

pytestmark = pytest.mark.usefixtures("nothing_left")

EVENT = b'data: {"dark-mode": true}\n\n'
PAYLOAD = b'{"dark-mode": true}'
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def says(data: bytes, *, then: Callable[[Connection], None] | None = None) -> Script:
    """A script that sends these bytes, and perhaps goes on."""

    def script(connection: Connection, index: int) -> None:
        connection.send(data)
        if then is not None:
            then(connection)

    return script


def answers(status: int, **headers: str) -> Script:
    """A script that gives this answer, whose body looks like an event."""

    def script(connection: Connection, index: int) -> None:
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.answer(status, EVENT, headers=fields)

    return script


class TestRequest:
    def test_bytes(self) -> None:
        """One GET with exactly the headers given, and nothing compressed offered."""
        with ScriptedServer(hold_open()) as server, opened(server.base_url):
            expected = (
                f"GET {STREAM_PATH} HTTP/1.1\r\n"
                f"Host: 127.0.0.1:{server.port}\r\n"
                f"X-API-Key: {KEY}\r\n"
                "Accept: text/event-stream\r\n"
                "Accept-Encoding: identity\r\n"
                "Cache-Control: no-cache\r\n"
                "User-Agent: soasap-python/test\r\n\r\n"
            )

            assert [expected.encode()] == [request.raw for request in server.requests]

    def test_path(self) -> None:
        """A path of the base URL comes before ours."""
        with ScriptedServer(hold_open()) as server, opened(f"{server.base_url}/eu/v2"):
            assert f"/eu/v2{STREAM_PATH}" == server.requests[0].target

    def test_host_by_name(self, ca: trustme.CA, ca_file: str) -> None:
        """A name is resolved, named in the request, and found in the certificate."""
        with (
            ScriptedServer(hold_open(PAYLOAD), tls=ca) as server,
            opened(f"https://localhost:{server.port}", ca_file=ca_file) as stream,
        ):
            assert EVENT == read_size(stream, len(EVENT))
            assert f"localhost:{server.port}" == server.requests[0].headers["host"]

    def test_scheme_in_capitals(self, ca: trustme.CA, ca_file: str) -> None:
        """HTTPS in capitals is https, with the certificates given."""
        with (
            ScriptedServer(hold_open(PAYLOAD), tls=ca) as server,
            opened(server.base_url.upper(), ca_file=ca_file) as stream,
        ):
            assert EVENT == read_size(stream, len(EVENT))


class TestStream:
    @pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
    @pytest.mark.parametrize("framing", FRAMINGS)
    def test_prompt(self, framing: Framing, secure: bool, ca: trustme.CA, ca_file: str) -> None:
        """A small event is there at once, however the body is framed, though nothing follows."""

        def script(connection: Connection, index: int) -> None:
            connection.head(framing=framing)
            connection.hang()

        with (
            ScriptedServer(script, tls=ca if secure else None) as server,
            opened(server.base_url, ca_file=ca_file, read_timeout=30.0) as stream,
        ):
            for _ in range(3):
                started = time.monotonic()
                server.connections[0].event(PAYLOAD)

                assert EVENT == read_size(stream, len(EVENT))
                assert time.monotonic() - started < PROMPT

    def test_byte_by_byte(self) -> None:
        """An event whose bytes come one at a time, each in a chunk of its own, comes whole."""

        def script(connection: Connection, index: int) -> None:
            connection.head()
            for number in EVENT:
                connection.chunk(bytes([number]))
            connection.hang()

        with ScriptedServer(script) as server, opened(server.base_url) as stream:
            assert EVENT == read_size(stream, len(EVENT))

    @pytest.mark.parametrize("framing", FRAMINGS)
    def test_http_version(self, framing: Framing) -> None:
        """A stream tells the version of HTTP that it came in."""

        def script(connection: Connection, index: int) -> None:
            connection.head(framing=framing)
            connection.hang()

        with ScriptedServer(script) as server, opened(server.base_url) as stream:
            assert (10 if framing == "http10" else 11) == stream.http_version

    @pytest.mark.parametrize("framing", ["chunked", "close", "http10"])
    def test_end(self, framing: Framing) -> None:
        """The server may end the stream; that is no error, and again the end when asked again."""

        def script(connection: Connection, index: int) -> None:
            connection.head(framing=framing)
            connection.event(PAYLOAD)
            connection.end()

        with ScriptedServer(script) as server, opened(server.base_url) as stream:
            assert EVENT == read_all(stream)
            assert b"" == stream.read()

    def test_end_without_body(self) -> None:
        """A body of no bytes ends at once."""
        with (
            ScriptedServer(answers(200, content_type="text/event-stream")) as server,
            opened(server.base_url) as stream,
        ):
            assert EVENT == read_all(stream)

    def test_large(self) -> None:
        """Five megabytes come whole."""
        payload = b"x" * (5 * 1024 * 1024)
        with ScriptedServer(hold_open(payload)) as server, opened(server.base_url) as stream:
            assert len(payload) + 8 == len(read_size(stream, len(payload) + 8))

    @pytest.mark.parametrize(
        "first",
        [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"],
    )
    def test_informational_first(self, first: bytes) -> None:
        """Answers 100 and 103 before the real one change nothing."""
        script = says(first + HEAD + b"%x\r\n%b\r\n" % (len(EVENT), EVENT), then=Connection.hang)
        with ScriptedServer(script) as server, opened(server.base_url) as stream:
            assert EVENT == read_size(stream, len(EVENT))

    def test_bare_line_feeds(self) -> None:
        """A head whose lines end with LF alone is understood."""
        head = HEAD.replace(b"\r\n", b"\n")
        with (
            ScriptedServer(says(head + b"2\r\n:\n\r\n", then=Connection.hang)) as server,
            opened(server.base_url) as stream,
        ):
            assert b":\n" == read_size(stream, 2)

    def test_close(self) -> None:
        """The server sees that a stream was closed, long before the transport is."""
        with (
            ScriptedServer(hold_open(PAYLOAD)) as server,
            contextlib.closing(make_transport(server.base_url)) as transport,
        ):
            transport.open().close()

            assert server.connections[0].wait_closed(PROMPT)

    def test_again(self) -> None:
        """Each stream has a connection of its own, even if the server would keep the one before."""

        def script(connection: Connection, index: int) -> None:
            connection.head()
            connection.flags({"stream": index})
            connection.end()
            assert connection.wait_closed()

        with ScriptedServer(script) as server:
            with contextlib.closing(make_transport(server.base_url)) as transport:
                for index in range(3):
                    with contextlib.closing(transport.open()) as stream:
                        assert b'data: {"stream": %d}\n\n' % index == read_all(stream)
            assert 3 == len(server.connections)


class TestBrokenStream:
    def test_reset(self) -> None:
        """RST in the middle of an event: what came before is given, then an error."""
        with (
            ScriptedServer(says(HEAD + b"20\r\ndata: ha", then=Connection.hang)) as server,
            opened(server.base_url) as stream,
        ):
            received = read_size(stream, 8)
            server.connections[0].reset()
            error = broken(stream)

        assert b"data: ha" == received
        assert isinstance(error, ConnectionFailed)
        assert f"no stream from 127.0.0.1:{server.port}: [Errno 104] Connection reset by peer" == str(error)

    @pytest.mark.parametrize("head", [HEAD, HEAD.replace(b"transfer-encoding: chunked", b"content-length: 32")])
    def test_cut(self, head: bytes) -> None:
        """FIN inside a chunk, or before the announced length: what came before is given, then an error."""
        start = b"20\r\ndata: ha" if head is HEAD else b"data: ha"
        with ScriptedServer(says(head + start)) as server, opened(server.base_url) as stream:
            received = read_size(stream, 8)
            error = broken(stream)

        assert b"data: ha" == received
        assert (ConnectionFailed, True, False) == (type(error), error.is_transient, error.is_refusal)
        assert str(error).endswith(": the answer broke off, or its chunks are not well-formed")

    @pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
    def test_cut_between_chunks(self, secure: bool, ca: trustme.CA, ca_file: str) -> None:
        """FIN between two chunks, as load balancers end a stream that was silent too long, is an end like others."""
        with (
            ScriptedServer(says(HEAD + b"8\r\ndata: ha\r\n"), tls=ca if secure else None) as server,
            opened(server.base_url, ca_file=ca_file) as stream,
        ):
            assert b"data: ha" == read_all(stream)

    @pytest.mark.parametrize("size", [b"-5", b"zz", b"", b"1" * 70000])
    def test_chunk_size(self, size: bytes) -> None:
        """A chunk size that is negative, garbage or endless is an error; nothing that follows is believed."""
        script = says(HEAD + size + b"\r\n" + EVENT, then=Connection.hang)
        with ScriptedServer(script) as server, opened(server.base_url) as stream:
            assert isinstance(broken(stream), ConnectionFailed)

    def test_huge_chunk_size(self) -> None:
        """A huge chunk size reserves nothing: what comes is given as it comes."""
        with (
            ScriptedServer(says(HEAD + b"f" * 40 + b"\r\n" + EVENT, then=Connection.hang)) as server,
            opened(server.base_url) as stream,
        ):
            assert EVENT == read_size(stream, len(EVENT))

    @pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
    def test_silence(self, secure: bool, ca: trustme.CA, ca_file: str) -> None:
        """Silence on an open stream lasts as long as the read timeout, and the error says how long that is."""
        with (
            ScriptedServer(hold_open(PAYLOAD), tls=ca if secure else None) as server,
            opened(server.base_url, ca_file=ca_file, read_timeout=0.2) as stream,
        ):
            read_size(stream, len(EVENT))
            error = broken(stream)

        assert str(error).endswith(": nothing was heard for 0.2 s")

    def test_signs_of_life(self) -> None:
        """Comments within the read timeout keep a stream open for longer than that."""

        def script(connection: Connection, index: int) -> None:
            connection.head()
            while not connection.wait_closed(0.05):
                connection.comment()

        with ScriptedServer(script) as server, opened(server.base_url, read_timeout=1.0) as stream:
            started = time.monotonic()
            while time.monotonic() - started < 1.5:
                assert stream.read()

    def test_compressed_all_the_same(self) -> None:
        """A transfer encoding beside `chunked` is refused."""
        head = HEAD.replace(b"chunked", b"gzip, chunked")
        with ScriptedServer(says(head + b"2\r\n:\n\r\n")) as server:
            assert "transfer encoding" in str(refused(server.base_url))


class TestNoAnswer:
    def test_nobody_listens(self) -> None:
        """Refused connections are transient; the error names the service and what the system said."""
        port = free_port()

        error = refused(f"http://127.0.0.1:{port}")

        assert (ConnectionFailed, True, False, 0.0) == (
            type(error),
            error.is_transient,
            error.is_refusal,
            error.retry_after,
        )
        assert f"no stream from 127.0.0.1:{port}: [Errno 111] Connection refused" == str(error)

    def test_unknown_host(self) -> None:
        """So are unknown hosts."""
        error = refused("http://nobody.invalid")

        assert isinstance(error, ConnectionFailed)
        assert str(error).startswith("no stream from nobody.invalid: [Errno -")

    def test_impossible_host(self) -> None:
        """A name that no name server could know is an error like any other."""
        error = refused(f"http://{'a' * 64}.example")

        assert isinstance(error, ConnectionFailed)

    def test_dead_address_first(self) -> None:
        """If the first address of a name is dead, the next one is asked."""
        with ScriptedServer(hold_open(PAYLOAD)) as server:
            backend = TwoAddresses(free_port(), server.port)
            with opened("http://flags.example", backend=backend) as stream:
                assert EVENT == read_size(stream, len(EVENT))
                assert "flags.example" == server.requests[0].headers["host"]

    def test_connect_timeout(self) -> None:
        """A connection that is not taken is given up after the connect timeout."""
        with FullBacklog() as silent:
            error = refused(silent.base_url, connect_timeout=0.2)

        assert str(error).endswith(": no connection within 0.2 s")

    def test_handshake_timeout(self, ca_file: str) -> None:
        """A TLS handshake that is never answered counts as connecting."""
        with ScriptedServer(hold_open(), answer_handshake=False) as server:
            started = time.monotonic()

            error = refused(server.base_url, ca_file=ca_file, connect_timeout=0.2, response_timeout=30.0)

        assert "handshake" in str(error)
        assert time.monotonic() - started < 0.2 + PROMPT

    @pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
    def test_response_timeout(self, secure: bool, ca: trustme.CA, ca_file: str) -> None:
        """A request that is never answered is given up after the response timeout."""
        with ScriptedServer(says(b"", then=Connection.hang), tls=ca if secure else None) as server:
            error = refused(server.base_url, ca_file=ca_file, response_timeout=0.2)

        assert str(error).partition(";")[0].endswith(": the response head did not end within 0.2 s")

    @pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
    def test_dripping_head(self, secure: bool, ca: trustme.CA, ca_file: str) -> None:
        """Headers that drip in do not extend the response timeout."""

        def script(connection: Connection, index: int) -> None:
            connection.send(b"HTTP/1.1 200 OK\r\nx: ")
            while not connection.wait_closed(0.01):
                connection.send(b"y")

        with ScriptedServer(script, tls=ca if secure else None) as server:
            started = time.monotonic()

            error = refused(server.base_url, ca_file=ca_file, response_timeout=0.3)

        assert str(error).partition(";")[0].endswith(": the response head did not end within 0.3 s")
        assert time.monotonic() - started < 0.3 + PROMPT

    @pytest.mark.parametrize(
        ("answer", "words"),
        [
            (b"SSH-2.0-OpenSSH_9.6\r\n", "what answered does not speak HTTP/1"),
            (b"HTTP/2 200 OK\r\n\r\n", "what answered does not speak HTTP/1"),
            (f"X-API-Key: {KEY}\r\n\r\n".encode(), "what answered does not speak HTTP/1"),
            (f"HTTP/1.1 {KEY}\r\n\r\n".encode(), "what answered does not speak HTTP/1"),
            (b"", "Remote end closed connection without response"),
            (b"HTTP/1.1 200 OK\r\nx: ", "the connection ended inside the response head"),
            (b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 101, "got more than 100 headers"),
            (b"HTTP/1.1 200 OK\r\nx: " + b"y" * 200000, "got more than 65536 bytes when reading header line"),
            (
                b"HTTP/1.1 200 OK\r\n" + (b"x: " + b"y" * 3000 + b"\r\n") * 90,
                "the response head is longer than 65536 bytes",
            ),
        ],
        ids=["ssh", "http2", "echo", "echo in status", "nothing", "cut", "100 headers", "endless line", "endless head"],
    )
    def test_not_http(self, answer: bytes, words: str) -> None:
        """What is no HTTP answer, or too long a one, is transient; the words are plain and quote nothing."""
        with ScriptedServer(says(answer)) as server:
            error = refused(server.base_url)

        assert error.is_transient
        assert str(error).endswith(words)
        assert KEY not in all_texts(error)

    def test_tls_where_plain_is_spoken(self, ca_file: str) -> None:
        """A plain server behind an https URL is an error, not a certificate refused."""

        def script(connection: Connection, index: int) -> None:
            raise AssertionError("a request left")

        with ScriptedServer(script) as server:
            error = refused(server.base_url.replace("http", "https"), ca_file=ca_file, connect_timeout=0.2)

        assert isinstance(error, ConnectionFailed)


class TwoAddresses(ThreadsBackend):
    """Knows two loopback ports as the addresses of every name."""

    def __init__(self, *ports: int) -> None:
        super().__init__()
        self._ports = ports

    def getaddrinfo(self, host: str, port: int) -> Sequence[AddressInfo]:
        return [row for own in self._ports for row in super(TwoAddresses, self).getaddrinfo("127.0.0.1", own)]


class TestAnswers:
    @pytest.mark.parametrize(
        ("status", "is_lasting"),
        [
            (400, False),
            (408, False),
            (429, False),
            (500, False),
            (502, False),
            (503, False),
            (504, False),
            (599, False),
            (201, True),
            (204, True),
            (206, True),
            (299, True),
            (401, True),
            (403, True),
            (404, True),
            (407, True),
            (410, True),
            (418, True),
            (451, True),
        ],
    )
    def test_status(self, status: int, is_lasting: bool) -> None:
        """Every status but 200 is an error: lasting ones are refusals, the others pass. The body is not believed."""
        with ScriptedServer(answers(status, content_type="text/event-stream")) as server:
            error = refused(server.base_url)

        assert isinstance(error, UnexpectedAnswer)
        assert (status, not is_lasting, is_lasting) == (error.status, error.is_transient, error.is_refusal)
        assert str(status) in str(error)

    @pytest.mark.parametrize(
        ("status", "value", "expected"),
        [
            (429, "7", 7.0),
            (503, "120", 120.0),
            (503, "999999999999", 300.0),
            (503, "Fri, 31 Dec 1999 23:59:59 GMT", 0.0),
            (503, "Fri, 31 Dec 9998 23:59:59 GMT", 300.0),
            (429, "soon", 0.0),
            (500, "7", 0.0),
        ],
    )
    def test_retry_after(self, status: int, value: str, expected: float) -> None:
        """429 and 503 may say for how long to stay away, within bounds."""
        with ScriptedServer(answers(status, retry_after=value)) as server:
            assert expected == refused(server.base_url).retry_after

    def test_retry_after_date(self) -> None:
        """A date in `Retry-After` is reckoned from this machine's clock."""
        then = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=100)
        with ScriptedServer(answers(503, retry_after=f"{then:%a, %d %b %Y %H:%M:%S} GMT")) as server:
            assert 80 < refused(server.base_url).retry_after <= 100

    @pytest.mark.parametrize("content_type", ["text/html; charset=utf-8", "application/json", ""])
    def test_content_type(self, content_type: str) -> None:
        """200 with another content type is a captive portal or the like: transient, and not one byte is believed."""
        with ScriptedServer(answers(200, content_type=content_type)) as server:
            error = refused(server.base_url)

        assert isinstance(error, UnexpectedAnswer)
        assert (200, True, False) == (error.status, error.is_transient, error.is_refusal)

    @pytest.mark.parametrize("encoding", ["gzip", "br", "gzip, gzip, gzip", "zstd"])
    def test_content_encoding(self, encoding: str) -> None:
        """A compressed body that was not asked for is refused before a byte of it is unpacked."""
        script = answers(200, content_type="text/event-stream", content_encoding=encoding)
        with ScriptedServer(script) as server:
            error = refused(server.base_url)

        assert (True, False) == (error.is_transient, error.is_refusal)
        assert "compressed" in str(error)

    def test_after_errors(self) -> None:
        """The same transport streams as soon as the service answers well again."""

        def script(connection: Connection, index: int) -> None:
            if index == 0:
                connection.answer(503)
            elif index == 1:
                connection.reset()
            else:
                hold_open(PAYLOAD)(connection, index)

        with (
            ScriptedServer(script) as server,
            contextlib.closing(make_transport(server.base_url)) as transport,
        ):
            for _ in range(2):
                with pytest.raises(NetworkError):
                    transport.open()
            with contextlib.closing(transport.open()) as stream:
                assert EVENT == read_size(stream, len(EVENT))


class TestRedirects:
    @staticmethod
    def leads(*targets: str, status: int = 302) -> Script:
        """A script that redirects along these targets, then streams."""

        def script(connection: Connection, index: int) -> None:
            if index < len(targets):
                connection.answer(status, b"moved", headers={"location": targets[index]})
            else:
                hold_open(PAYLOAD)(connection, index)

        return script

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_same_origin(self, status: int) -> None:
        """A redirect within the origin is followed, with the key."""
        with ScriptedServer(self.leads("/new?tier=1", status=status)) as server:
            with opened(server.base_url) as stream:
                assert EVENT == read_size(stream, len(EVENT))

            assert [("GET", STREAM_PATH, KEY), ("GET", "/new?tier=1", KEY)] == [
                (request.method, request.target, request.headers["x-api-key"]) for request in server.requests
            ]

    def test_as_many_as_allowed(self) -> None:
        """Three in a row are followed."""
        with ScriptedServer(self.leads("/a", "b", "/c/")) as server, opened(server.base_url) as stream:
            assert EVENT == read_size(stream, len(EVENT))
            assert [STREAM_PATH, "/a", "/b", "/c/"] == [request.target for request in server.requests]

    def test_one_too_many(self) -> None:
        """The fourth is not."""
        with ScriptedServer(self.leads("/a", "/b", "/c", "/d")) as server:
            error = refused(server.base_url)

            assert (RedirectRefused, False, True) == (type(error), error.is_transient, error.is_refusal)
            assert MAX_REDIRECTS + 1 == len(server.connections)

    def test_loop(self) -> None:
        """A loop ends there, too."""
        with ScriptedServer(answers(307, location=STREAM_PATH)) as server:
            assert isinstance(refused(server.base_url), RedirectRefused)
            assert MAX_REDIRECTS + 1 == len(server.connections)

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_other_origin(self, status: int) -> None:
        """A redirect to another origin is refused; nobody connects there, so the key does not travel."""
        with ScriptedServer(hold_open(PAYLOAD)) as other:
            with ScriptedServer(answers(status, location=f"{other.base_url}/new")) as server:
                error = refused(server.base_url)

            assert (RedirectRefused, False, True) == (type(error), error.is_transient, error.is_refusal)
            assert other.base_url in str(error)
            assert [] == other.connections

    def test_https_to_http(self, ca: trustme.CA, ca_file: str) -> None:
        """Neither is one from https to http followed."""
        with ScriptedServer(hold_open(PAYLOAD)) as other:
            with ScriptedServer(answers(302, location=other.base_url), tls=ca) as server:
                assert isinstance(refused(server.base_url, ca_file=ca_file), RedirectRefused)

            assert [] == other.connections

    def test_disguised(self) -> None:
        """Nor one that hides the other origin from a parser."""
        with ScriptedServer(hold_open(PAYLOAD)) as other, ScriptedServer(hold_open(PAYLOAD)) as server:
            script = answers(302, location=f"//127.0.0.1:{other.port}\\@127.0.0.1:{server.port}/new")
            with ScriptedServer(script) as first:
                refused(first.base_url)

            assert [] == other.connections + server.connections

    @pytest.mark.parametrize("headers", [{}, {"location": ""}, {"location": "file:///etc/passwd"}])
    def test_nowhere(self, headers: dict[str, str]) -> None:
        """A redirect without a target, or to a file, is refused."""
        with ScriptedServer(answers(302, **headers)) as server:
            assert isinstance(refused(server.base_url), RedirectRefused)
            assert 1 == len(server.connections)

    def test_not_modified(self) -> None:
        """Another 3xx is refused."""
        with ScriptedServer(answers(304)) as server:
            assert isinstance(refused(server.base_url), RedirectRefused)


class TestCertificates:
    @pytest.mark.parametrize(
        ("case", "words", "advises"),
        [
            ("unknown", "unable to get local issuer certificate", True),
            ("other host", "certificate is not valid for '127.0.0.1'", False),
            ("expired", "certificate has expired", False),
            ("not yet", "certificate is not yet valid", False),
        ],
    )
    def test_refused(self, case: str, words: str, advises: bool, ca: trustme.CA, ca_file: str) -> None:
        """A certificate that is unknown, for another host or out of date is refused; no request leaves."""
        year = datetime.datetime.now(datetime.timezone.utc).year
        certificate = {
            "unknown": lambda: trustme.CA().issue_cert("127.0.0.1"),
            "other host": lambda: ca.issue_cert("flags.example"),
            "expired": lambda: ca.issue_cert(
                "127.0.0.1",
                not_before=datetime.datetime(2000, 1, 1),
                not_after=datetime.datetime(2001, 1, 1),
            ),
            "not yet": lambda: ca.issue_cert(
                "127.0.0.1",
                not_before=datetime.datetime(year + 2, 1, 1),
                not_after=datetime.datetime(year + 3, 1, 1),
            ),
        }[case]()
        with ScriptedServer(hold_open(PAYLOAD), tls=certificate) as server:
            error = refused(server.base_url, ca_file=ca_file)
            received = [connection.received for connection in server.connections]

        assert (CertificateRefused, False, False) == (type(error), error.is_transient, error.is_refusal)
        assert [b""] == received
        assert f"the certificate of 127.0.0.1:{server.port} was refused" in str(error)
        assert words in str(error)
        assert advises == ("pass ca_file" in str(error))

    def test_system_authorities(self, ca: trustme.CA) -> None:
        """Without a CA file the system's authorities are asked, and they do not know ours."""
        with ScriptedServer(hold_open(PAYLOAD), tls=ca) as server:
            assert isinstance(refused(server.base_url), CertificateRefused)

    @pytest.mark.parametrize("content", [None, "hello"])
    def test_ca_file_unusable(self, content: str | None, tmp_path: Path) -> None:
        """A CA file that is missing, or is no PEM file, is named when the transport is made."""
        path = tmp_path / "ca.pem"
        if content is not None:
            path.write_text(content)

        with pytest.raises(CertificateRefused) as caught:
            make_transport("https://127.0.0.1:1", ca_file=str(path))

        assert f"ca_file={str(path)!r}" in str(caught.value)

    def test_ca_file_not_needed(self, tmp_path: Path) -> None:
        """Over plain http certificates are not even read."""
        with (
            ScriptedServer(hold_open(PAYLOAD)) as server,
            opened(server.base_url, ca_file=str(tmp_path / "ca.pem")) as stream,
        ):
            assert EVENT == read_size(stream, len(EVENT))

    def test_client_certificate(self, ca: trustme.CA, ca_file: str, tmp_path: Path) -> None:
        """A server that demands a certificate of ours gets it."""
        path = str(tmp_path / "client.pem")
        ca.issue_cert("ada@example.org").private_key_and_cert_chain_pem.write_to_path(path)
        with (
            ScriptedServer(hold_open(PAYLOAD), tls=ca, client_ca=ca) as server,
            opened(server.base_url, ca_file=ca_file, client_cert=path) as stream,
        ):
            assert EVENT == read_size(stream, len(EVENT))

    def test_client_certificate_missing(self, ca: trustme.CA, ca_file: str) -> None:
        """Without one the connection fails."""
        with ScriptedServer(hold_open(PAYLOAD), tls=ca, client_ca=ca) as server:
            assert isinstance(refused(server.base_url, ca_file=ca_file), ConnectionFailed)
            assert [] == server.requests


class RememberingContext(ssl.SSLContext):
    """A context that remembers who changes its protocols."""

    alpn: list[list[str]]

    def set_alpn_protocols(self, protocols: Any) -> None:
        self.alpn = [*getattr(self, "alpn", []), list(protocols)]
        super().set_alpn_protocols(protocols)


class TestReadyContext:
    @staticmethod
    def state(context: RememberingContext) -> tuple[object, ...]:
        return (
            context.alpn,
            context.options,
            context.verify_mode,
            context.verify_flags,
            context.check_hostname,
            context.minimum_version,
            context.maximum_version,
            context.post_handshake_auth,
            context.keylog_filename,
            context.cert_store_stats(),
        )

    def test_used_and_unchanged(self, ca: trustme.CA) -> None:
        """A ready context decides, and comes back as it was: its protocols are not touched either."""
        context = RememberingContext(ssl.PROTOCOL_TLS_CLIENT)
        ca.configure_trust(context)
        context.set_alpn_protocols(["flags/1"])
        before = self.state(context)
        with (
            ScriptedServer(hold_open(PAYLOAD), tls=ca) as server,
            opened(server.base_url, ssl_context=context) as stream,
        ):
            assert EVENT == read_size(stream, len(EVENT))

        assert before == self.state(context)
        assert [["flags/1"]] == context.alpn

    def test_checks(self, ca: trustme.CA) -> None:
        """Its own authorities count, and nobody else's."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        trustme.CA().configure_trust(context)
        with ScriptedServer(hold_open(PAYLOAD), tls=ca) as server:
            assert isinstance(refused(server.base_url, ssl_context=context), CertificateRefused)
            assert [] == server.requests


class TestProxies:
    @pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy"])
    def test_plain(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """A plain request goes through the proxy of the environment, whichever case names it."""
        with ScriptedServer(hold_open(PAYLOAD)) as server, ConnectProxy() as proxy:
            monkeypatch.setenv(name, proxy.url)
            with opened(server.base_url) as stream:
                assert EVENT == read_size(stream, len(EVENT))
                assert [f"{server.base_url}{STREAM_PATH}"] == proxy.forwards

    @pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy"])
    def test_tunnel(self, name: str, ca: trustme.CA, ca_file: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """Over https the proxy gets CONNECT, and neither the key nor the path."""
        with ScriptedServer(hold_open(PAYLOAD), tls=ca) as server, ConnectProxy() as proxy:
            monkeypatch.setenv(name, proxy.url)
            with opened(server.base_url, ca_file=ca_file) as stream:
                assert EVENT == read_size(stream, len(EVENT))
                assert [f"127.0.0.1:{server.port}"] == proxy.tunnels
                assert "x-api-key" not in proxy.requests[0].headers
                assert KEY == server.requests[0].headers["x-api-key"]

    @pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
    def test_reached_over_tls(self, secure: bool, ca: trustme.CA, ca_file: str) -> None:
        """A proxy may itself be reached over TLS, for either scheme."""
        with (
            ScriptedServer(hold_open(PAYLOAD), tls=ca if secure else None) as server,
            ConnectProxy(tls=ca) as proxy,
            opened(server.base_url, ca_file=ca_file, proxy=proxy.url) as stream,
        ):
            assert EVENT == read_size(stream, len(EVENT))
            assert 1 == len(proxy.tunnels + proxy.forwards)

    @pytest.mark.parametrize("name", ["NO_PROXY", "no_proxy"])
    def test_no_proxy(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """NO_PROXY leads around it."""
        with ScriptedServer(hold_open(PAYLOAD)) as server, ConnectProxy() as proxy:
            monkeypatch.setenv("HTTP_PROXY", proxy.url)
            monkeypatch.setenv(name, "127.0.0.1")
            with opened(server.base_url) as stream:
                assert EVENT == read_size(stream, len(EVENT))
                assert [] == proxy.connections

    def test_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """An empty option leads around it, too."""
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
        with ScriptedServer(hold_open(PAYLOAD)) as server, opened(server.base_url, proxy="") as stream:
            assert EVENT == read_size(stream, len(EVENT))

    def test_option(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The option counts more than the environment."""
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
        with (
            ScriptedServer(hold_open(PAYLOAD)) as server,
            ConnectProxy() as proxy,
            opened(server.base_url, proxy=proxy.url) as stream,
        ):
            assert EVENT == read_size(stream, len(EVENT))
            assert 1 == len(proxy.forwards)

    @pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
    def test_credentials(self, secure: bool, ca: trustme.CA, ca_file: str) -> None:
        """User and password of the proxy's URL open it, for either scheme."""
        with (
            ScriptedServer(hold_open(PAYLOAD), tls=ca if secure else None) as server,
            ConnectProxy("ada", "s3cret") as proxy,
            opened(server.base_url, ca_file=ca_file, proxy=proxy.url_with_credentials) as stream,
        ):
            assert EVENT == read_size(stream, len(EVENT))
            assert 0 == proxy.refused
            assert "proxy-authorization" not in server.requests[0].headers or not secure

    def test_wrong_password(self, ca: trustme.CA, ca_file: str) -> None:
        """A password that does not open the proxy is in no text of the error; the proxy is."""
        with ScriptedServer(hold_open(PAYLOAD), tls=ca) as server, ConnectProxy("ada", "s3cret") as proxy:
            url = proxy.url_with_credentials.replace("s3cret", "wr0ng")
            secure = refused(server.base_url, ca_file=ca_file, proxy=url)
            plain = refused("http://flags.example", proxy=url)

        expected = f"the proxy {proxy.url} answered 407, expected 200; check the user name and password of the proxy"
        assert [expected] * 2 == [str(secure), str(plain)]
        assert isinstance(secure, UnexpectedAnswer)
        assert isinstance(plain, UnexpectedAnswer)
        assert (407, True, 407, True) == (secure.status, secure.is_refusal, plain.status, plain.is_refusal)
        assert "wr0ng" not in all_texts(secure) + all_texts(plain)

    @pytest.mark.parametrize("scheme", ["http", "https"])
    def test_nobody_there(self, scheme: str) -> None:
        """A proxy that points nowhere is named, without its password."""
        port = free_port()

        error = refused(f"{scheme}://flags.example", proxy=f"http://ada:s3cret@127.0.0.1:{port}")

        assert (
            f"no stream from flags.example through the proxy http://127.0.0.1:{port}: [Errno 111] Connection refused"
            == str(error)
        )
        assert "s3cret" not in all_texts(error)

    @pytest.mark.parametrize(
        ("status", "is_lasting"), [(403, True), (405, True), (302, False), (502, False), (503, False)]
    )
    def test_no_tunnel(self, status: int, is_lasting: bool, ca_file: str) -> None:
        """What a proxy answers in place of a tunnel counts as if the service said it; none of it is quoted."""
        answer = b"HTTP/1.1 %d no\r\nLocation: https://flags.example/no\r\nRetry-After: 100\r\n\r\nno" % status
        with ScriptedServer(says(answer)) as proxy:
            error = refused("https://flags.example", ca_file=ca_file, proxy=proxy.base_url)

        assert isinstance(error, UnexpectedAnswer)
        assert (status, is_lasting, not is_lasting) == (error.status, error.is_refusal, error.is_transient)
        assert str(error).startswith(f"the proxy {proxy.base_url} answered {status}, expected 200; ")

    @pytest.mark.parametrize("where", ["option", "environment"])
    def test_unusable(self, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """A proxy URL that cannot be used is an error of ours when the transport is made, and not quoted."""
        url = "socks5://ada:s3cret@127.0.0.1:1080"
        if where == "environment":
            monkeypatch.setenv("HTTPS_PROXY", url)

        with pytest.raises(ConnectionFailed, match="proxy") as caught:
            make_transport("https://flags.example", proxy=url if where == "option" else None)

        assert "s3cret" not in all_texts(caught.value)


class TestSecrets:
    def test_objects(self) -> None:
        """The key is in no `repr` of what holds it."""
        with (
            ScriptedServer(hold_open()) as server,
            contextlib.closing(make_transport(server.base_url)) as transport,
            contextlib.closing(transport.open()) as stream,
        ):
            assert KEY not in f"{transport!r} {transport._settings!r} {stream!r}"

    @pytest.mark.parametrize(
        "answer", [b"", HEAD[:-2], b"HTTP/1.1 401 No\r\n\r\n", b"HTTP/1.1 302 x\r\nlocation: http://x\r\n\r\n"]
    )
    def test_errors(self, answer: bytes) -> None:
        """Nor in any text of an error, causes included."""
        with ScriptedServer(says(answer)) as server:
            error = refused(server.base_url)

        assert KEY not in all_texts(error)


class TestWake:
    """Another thread wakes whoever blocks in the transport, in every phase; nothing stays open."""

    @staticmethod
    def wake(transport: HttpTransport, blocked: Background) -> None:
        started = time.monotonic()
        transport.wake()
        blocked.wait()
        print(f"woken within {(time.monotonic() - started) * 1000:.2f} ms")

    def test_connecting(self) -> None:
        """While a connection is not taken."""
        with (
            FullBacklog() as silent,
            contextlib.closing(make_transport(silent.base_url, connect_timeout=30.0)) as transport,
        ):
            opening = Background(transport.open)
            wait_until(lambda: is_connecting(silent.port))

            self.wake(transport, opening)

            assert isinstance(opening.outcome, ConnectionFailed)

    def test_shaking_hands(self, ca_file: str) -> None:
        """While the TLS handshake is not answered."""
        with (
            ScriptedServer(hold_open(), answer_handshake=False) as server,
            contextlib.closing(make_transport(server.base_url, ca_file=ca_file, connect_timeout=30.0)) as transport,
        ):
            opening = Background(transport.open)
            server.wait_connections(1)
            opening.wait_blocked()

            self.wake(transport, opening)

            assert isinstance(opening.outcome, ConnectionFailed)

    @pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
    @pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\n"], ids=["nothing", "half a head"])
    def test_waiting_for_the_head(self, start: bytes, secure: bool, ca: trustme.CA, ca_file: str) -> None:
        """While the answer has not begun, or its head has not ended."""
        with (
            ScriptedServer(says(start, then=Connection.hang), tls=ca if secure else None) as server,
            contextlib.closing(make_transport(server.base_url, ca_file=ca_file, response_timeout=30.0)) as transport,
        ):
            opening = Background(transport.open)
            server.wait_requests(1)
            opening.wait_blocked()

            self.wake(transport, opening)

            assert isinstance(opening.outcome, ConnectionFailed)

    @pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
    @pytest.mark.parametrize("framing", FRAMINGS)
    def test_idle(self, framing: Framing, secure: bool, ca: trustme.CA, ca_file: str) -> None:
        """While the stream is silent. The reader sees the end, or an error."""

        def script(connection: Connection, index: int) -> None:
            connection.head(framing=framing)
            connection.event(PAYLOAD)
            connection.hang()

        with (
            ScriptedServer(script, tls=ca if secure else None) as server,
            contextlib.closing(make_transport(server.base_url, ca_file=ca_file, read_timeout=30.0)) as transport,
            contextlib.closing(transport.open()) as stream,
        ):
            read_size(stream, len(EVENT))
            reading = Background(stream.read)
            reading.wait_blocked()

            self.wake(transport, reading)

            assert b"" == reading.outcome or isinstance(reading.outcome, ConnectionFailed)

    def test_second_stream(self) -> None:
        """On the second stream as on the first, even if the server had kept the connection of the first."""

        def script(connection: Connection, index: int) -> None:
            connection.head()
            connection.event(PAYLOAD)
            if index == 0:
                connection.end()
            connection.hang()

        with (
            ScriptedServer(script) as server,
            contextlib.closing(make_transport(server.base_url, read_timeout=30.0)) as transport,
        ):
            with contextlib.closing(transport.open()) as stream:
                read_all(stream)
            with contextlib.closing(transport.open()) as stream:
                read_size(stream, len(EVENT))
                reading = Background(stream.read)
                reading.wait_blocked()

                self.wake(transport, reading)

    def test_through_a_proxy(self, ca: trustme.CA, ca_file: str) -> None:
        """Through a proxy."""
        with (
            ScriptedServer(hold_open(PAYLOAD), tls=ca) as server,
            ConnectProxy() as proxy,
            contextlib.closing(
                make_transport(server.base_url, ca_file=ca_file, read_timeout=30.0, proxy=proxy.url)
            ) as transport,
            contextlib.closing(transport.open()) as stream,
        ):
            read_size(stream, len(EVENT))
            reading = Background(stream.read)
            reading.wait_blocked()

            self.wake(transport, reading)

    def test_while_a_proxy_thinks(self, ca_file: str) -> None:
        """While a proxy has not answered CONNECT."""
        with (
            ScriptedServer(says(b"", then=Connection.hang)) as proxy,
            contextlib.closing(
                make_transport("https://flags.example", ca_file=ca_file, response_timeout=30.0, proxy=proxy.base_url)
            ) as transport,
        ):
            opening = Background(transport.open)
            proxy.wait_requests(1)
            opening.wait_blocked()

            self.wake(transport, opening)

            assert isinstance(opening.outcome, ConnectionFailed)

    def test_busy(self, ca: trustme.CA, ca_file: str) -> None:
        """While bytes pour in over TLS: no reader ever takes ciphertext for the body."""
        line = b"data: 0123456789\n"

        def script(connection: Connection, index: int) -> None:
            connection.head(framing="close")
            while True:
                connection.send(line * 1000)

        with ScriptedServer(script, tls=ca) as server:
            for _ in range(10):
                with (
                    contextlib.closing(make_transport(server.base_url, ca_file=ca_file)) as transport,
                    contextlib.closing(transport.open()) as stream,
                ):
                    reading = Background(lambda stream=stream: self.read_until_broken(stream))  # type: ignore[misc]
                    wait_until(lambda: self.received > 100_000)

                    self.wake(transport, reading)

                    assert set() == reading.outcome

    received = 0

    def read_until_broken(self, stream: Any) -> set[int]:
        """Bytes that the server never sent."""
        self.received = 0
        strangers: set[int] = set()
        with contextlib.suppress(NetworkError):
            while chunk := stream.read():
                strangers |= set(chunk) - set(b"data: 0123456789\n")
                self.received += len(chunk)
        return strangers

    def test_before(self) -> None:
        """Once woken, nothing is opened any more."""
        with ScriptedServer(hold_open(PAYLOAD)) as server:
            with contextlib.closing(make_transport(server.base_url)) as transport:
                transport.wake()

                with pytest.raises(ConnectionFailed, match="being closed"):
                    transport.open()
            assert [] == server.connections

    @pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no interval timers on this system")
    def test_from_a_signal_handler(self) -> None:
        """A signal handler may wake the very thread that it interrupts."""
        with (
            ScriptedServer(hold_open(PAYLOAD)) as server,
            contextlib.closing(make_transport(server.base_url, read_timeout=30.0)) as transport,
            contextlib.closing(transport.open()) as stream,
        ):
            read_size(stream, len(EVENT))
            previous = signal.signal(signal.SIGALRM, lambda number, frame: transport.wake())
            signal.setitimer(signal.ITIMER_REAL, 0.1)
            started = time.monotonic()
            try:
                rest = stream.read()
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
                signal.signal(signal.SIGALRM, previous)

        assert b"" == rest
        assert time.monotonic() - started < 0.1 + PROMPT


def test_abandon() -> None:
    """What a forked child calls ends the stream here and leaves the connection alone; `test_waker` forks for real."""
    with (
        ScriptedServer(hold_open(PAYLOAD)) as server,
        contextlib.closing(make_transport(server.base_url)) as transport,
        contextlib.closing(transport.open()) as stream,
    ):
        read_size(stream, len(EVENT))

        transport.abandon()

        assert b"" == stream.read()
