from __future__ import annotations

import contextlib
import http.client
import io
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from soasap._io.response_head import BUFFER_SIZE, MAX_HEAD_BYTES, HeadReader, TunnelRefused, response_class
from tests.io.streaming import PROMPT

pytestmark = pytest.mark.usefixtures("nothing_left")

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"

HEAD_TIME = 1.5
"""Seconds; most heads here are there already, and a busy machine must come round to reading them."""


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two ends of a connection: ours and the server's."""
    ours, theirs = socket.socketpair()
    theirs.settimeout(10)
    with ours, theirs:
        yield ours, theirs


@pytest.fixture
def server(pair: tuple[socket.socket, socket.socket]) -> socket.socket:
    """Where the answer is written."""
    return pair[1]


@pytest.fixture
def response(pair: tuple[socket.socket, socket.socket]) -> Iterator[http.client.HTTPResponse]:
    """An answer that is waited for; its head has `HEAD_TIME`, from now on."""
    with response_class(HEAD_TIME, 5.0)(pair[0], method="GET") as response:
        yield response


class TestHead:
    def test_plain(self, response: http.client.HTTPResponse, server: socket.socket) -> None:
        """Status and headers are read, and the body as far as it has come."""
        server.sendall(HEAD + b"6\r\ndata: \r\n")

        response.begin()

        assert (200, "text/event-stream") == (response.status, response.getheader("content-type"))
        assert b"data: " == response.read1(100)

    @pytest.mark.parametrize(
        "first",
        [
            b"HTTP/1.1 100 Continue\r\n\r\n",
            b"HTTP/1.1 102 Processing\r\n\r\n",
            b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n",
            b"HTTP/1.1 103 Early Hints\r\nTransfer-Encoding: gzip\r\nContent-Length: 3\r\n\r\n" * 3,
            b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n",
        ],
    )
    def test_informational(self, response: http.client.HTTPResponse, server: socket.socket, first: bytes) -> None:
        """Answers 100, 102 and 103 before the real one are skipped, with their headers."""
        server.sendall(first + HEAD + b"2\r\n:\n\r\n")

        response.begin()

        assert (200, None) == (response.status, response.getheader("link"))
        assert b":\n" == response.read1(100)

    def test_switching_protocols(self, response: http.client.HTTPResponse, server: socket.socket) -> None:
        """101 is the last answer in HTTP and not skipped."""
        server.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n")

        response.begin()

        assert 101 == response.status

    def test_no_tunnel(self, pair: tuple[socket.socket, socket.socket]) -> None:
        """Before there is a request the answer is a proxy's to CONNECT: anything but 200 is an error that has it."""
        ours, theirs = pair
        theirs.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")

        with response_class(5.0, 5.0)(ours, method=None) as response, pytest.raises(TunnelRefused) as caught:
            response.begin()

        assert (407, "the proxy answered 407") == (caught.value.status, str(caught.value))

    def test_bare_line_feeds(self, response: http.client.HTTPResponse, server: socket.socket) -> None:
        """Lines that end with LF alone are understood."""
        server.sendall(HEAD.replace(b"\r\n", b"\n") + b"2\n:\n\r\n")

        response.begin()

        assert b":\n" == response.read1(100)

    @pytest.mark.parametrize(
        "garbage",
        [
            b"SSH-2.0-OpenSSH_9.6\r\n",
            b"\x00\x01\x02\x03\r\n",
            b"\r\n\r\n",
            b"HTTP/2 200 OK\r\n\r\n",
            b"HTTP/1.1 sdk-key-4711\r\n\r\n",
            b"HTTP/1.1 42 Far too small\r\n\r\n",
        ],
    )
    def test_not_http(self, response: http.client.HTTPResponse, server: socket.socket, garbage: bytes) -> None:
        """What is not HTTP/1 is an error that does not quote it, however long it is."""
        server.sendall(garbage)

        with pytest.raises(http.client.HTTPException) as caught:
            response.begin()

        assert "what answered does not speak HTTP/1" == str(caught.value)
        assert caught.value.__cause__ is None
        assert caught.value.__context__ is None

    def test_old_version(self, response: http.client.HTTPResponse, server: socket.socket) -> None:
        """HTTP/0.9 in the status line is taken for 1.0, as http.client does."""
        server.sendall(b"HTTP/0.9 200 OK\r\n\r\n:\n")

        response.begin()

        assert b":\n" == response.read1(100)

    def test_nobody_answers(self, response: http.client.HTTPResponse, server: socket.socket) -> None:
        """A connection that is closed without an answer is an `OSError` of its own."""
        server.close()

        with pytest.raises(http.client.RemoteDisconnected):
            response.begin()

    @pytest.mark.parametrize("head", [HEAD[:-2], HEAD[:30], HEAD[:17], HEAD[:10]])
    def test_cut(self, response: http.client.HTTPResponse, server: socket.socket, head: bytes) -> None:
        """A connection that ends inside the head is an error: half a head is not believed."""
        server.sendall(head)
        server.close()

        with pytest.raises(ConnectionAbortedError, match="inside the response head"):
            response.begin()

    @pytest.mark.parametrize("encoding", [b"gzip, chunked", b"chunked, chunked", b"deflate"])
    def test_transfer_encoding(
        self, response: http.client.HTTPResponse, server: socket.socket, encoding: bytes
    ) -> None:
        """Any transfer encoding but `chunked` is refused: its frames would pass for the body."""
        server.sendall(HEAD.replace(b"chunked", encoding) + b"2\r\n:\n\r\n")

        with pytest.raises(http.client.HTTPException, match="transfer encoding"):
            response.begin()


class TestLimits:
    def test_too_many_headers(self, response: http.client.HTTPResponse, server: socket.socket) -> None:
        """More than 100 headers are refused."""
        server.sendall(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 101 + b"\r\n")

        with pytest.raises(http.client.HTTPException, match="100"):
            response.begin()

    @pytest.mark.parametrize(
        ("start", "more"),
        [
            (b"", b"HTTP/1.1 " * 1000),
            (b"HTTP/1.1 200 OK\r\nX: ", b"y" * 9000),
            (b"HTTP/1.1 200 OK\r\n", b"X: " + b"y" * 9000 + b"\r\n"),
            (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 300),
            (b"", (b"HTTP/1.1 103 Early Hints\r\n" + b"X: y\r\n" * 90 + b"\r\n") * 10),
        ],
        ids=["status line", "header line", "headers", "continue", "hints"],
    )
    def test_endless(self, pair: tuple[socket.socket, socket.socket], start: bytes, more: bytes) -> None:
        """A head without an end is given up after a bounded number of bytes, however they are arranged."""
        ours, theirs = pair
        sent = 0

        def flood() -> None:
            nonlocal sent
            try:
                theirs.sendall(start)
                while True:
                    theirs.sendall(more)
                    sent += len(more)
            except OSError:
                pass

        flooding = threading.Thread(target=flood)
        flooding.start()
        try:
            with (
                response_class(30.0, 5.0)(ours, method="GET") as response,
                pytest.raises(http.client.HTTPException, match="65536"),
            ):
                response.begin()
        finally:
            ours.close()
            flooding.join()

        # What was read, one buffer more, and what the system keeps on the way.
        assert sent < MAX_HEAD_BYTES + BUFFER_SIZE + (1 << 20)

    def test_silence(self, response: http.client.HTTPResponse) -> None:
        """A head that never comes is an error that says for how long it was waited for."""
        with pytest.raises(TimeoutError) as caught:
            response.begin()

        words, _, advice = str(caught.value).partition("; ")
        assert f"the response head did not end within {HEAD_TIME:g} s" == words
        assert "a proxy on the way may hold it back (nginx: proxy_buffering off)" == advice

    def test_dripping(self, response: http.client.HTTPResponse, server: socket.socket) -> None:
        """The time is absolute: bytes that drip in do not extend it."""
        over = threading.Event()

        def drip() -> None:
            server.sendall(b"HTTP/1.1 200 OK\r\nX: ")
            while not over.wait(0.01):
                server.sendall(b"y")

        dripping = threading.Thread(target=drip)
        dripping.start()
        started = time.monotonic()
        try:
            with pytest.raises(TimeoutError, match=f"did not end within {HEAD_TIME:g} s"):
                response.begin()
        finally:
            over.set()
            dripping.join()

        assert time.monotonic() - started < HEAD_TIME + PROMPT

    def test_no_time_at_all(self, pair: tuple[socket.socket, socket.socket]) -> None:
        """When the time is over nothing is read any more, even if there is something."""
        ours, theirs = pair
        theirs.sendall(HEAD)
        with (
            response_class(0.0, 5.0)(ours, method="GET") as response,
            pytest.raises(TimeoutError, match="did not end within 0 s"),
        ):
            response.begin()


class TestBody:
    def test_silence(self, pair: tuple[socket.socket, socket.socket]) -> None:
        """After the head each read has the read timeout, and the error says how long that is."""
        ours, theirs = pair
        theirs.sendall(HEAD)
        with response_class(5.0, 0.1)(ours, method="GET") as response:
            response.begin()
            with pytest.raises(TimeoutError) as caught:
                response.read1(100)

        assert "nothing was heard for 0.1 s" == str(caught.value)

    def test_not_limited(self, response: http.client.HTTPResponse, server: socket.socket) -> None:
        """The limit in bytes is for the head alone."""
        size = 3 * (MAX_HEAD_BYTES + BUFFER_SIZE)
        sending = threading.Thread(target=server.sendall, args=(HEAD + b"%x\r\n" % size + b"y" * size,))
        sending.start()

        response.begin()
        received = 0
        while received < size:
            received += len(response.read1(65536))
        sending.join()

        assert size == received

    @pytest.mark.parametrize(
        ("start", "is_end"),
        [(b"", True), (b"2\r\n:\n\r\n", True), (b"2\r\n:\n", False), (b"2\r\n:", False), (b"2", False)],
        ids=["no chunk", "whole chunk", "no line end", "half chunk", "half size"],
    )
    def test_cut(self, response: http.client.HTTPResponse, server: socket.socket, start: bytes, is_end: bool) -> None:
        """A connection that ends between two chunks ends the body; inside one it is an error."""
        server.sendall(HEAD + start)
        server.close()
        response.begin()

        with contextlib.nullcontext() if is_end else pytest.raises(http.client.IncompleteRead):
            while response.read1(100):
                pass

    @pytest.mark.parametrize("size", [b"-5", b"-1", b"-ffffffff", b"zz", b"", b"0x", b"1 2"])
    def test_bad_chunk_size(self, response: http.client.HTTPResponse, server: socket.socket, size: bytes) -> None:
        """A chunk size that is negative or no number ends the body with an error; nothing after it is believed."""
        server.sendall(HEAD + size + b"\r\ndata: {}\n\n")
        response.begin()

        with pytest.raises(http.client.IncompleteRead):
            response.read1(100)

    def test_huge_chunk_size(self, response: http.client.HTTPResponse, server: socket.socket) -> None:
        """A huge chunk size reserves nothing: what comes is given as it comes."""
        server.sendall(HEAD + b"f" * 1000 + b"\r\n:\n")

        response.begin()

        assert b":\n" == response.read1(100)

    def test_endless_chunk_size(self, response: http.client.HTTPResponse, server: socket.socket) -> None:
        """A chunk size without an end is given up after 64 KiB."""
        sending = threading.Thread(target=server.sendall, args=(HEAD + b"1" * 70000,))
        sending.start()
        response.begin()

        with pytest.raises(http.client.LineTooLong):
            response.read1(100)

        sending.join()


def test_close_again(pair: tuple[socket.socket, socket.socket]) -> None:
    """Closing the reader closes the file under it; again does nothing."""
    raw = socket.SocketIO(pair[0], "r")
    reader = HeadReader(raw, pair[0], 5.0)

    reader.close()
    reader.close()

    assert (True, True) == (raw.closed, reader.closed)


def test_is_a_raw_file(pair: tuple[socket.socket, socket.socket]) -> None:
    """The reader is a raw file that the standard buffers take."""
    pair[1].sendall(b"line\nmore")

    with io.BufferedReader(HeadReader(socket.SocketIO(pair[0], "r"), pair[0], 5.0)) as buffered:
        assert b"line\n" == buffered.readline()
