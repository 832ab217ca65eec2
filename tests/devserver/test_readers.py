"""Readers by the thousand, readers that stall and readers that leave, against a server process."""

from __future__ import annotations

import resource
import selectors
import socket
import ssl
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import trustme

from soasap._devserver.process import ServerProcess
from tests.devserver.flag_files import replace_flags, write_flags
from tests.devserver.stream_reader import StreamReader
from tests.waiting import wait_until

MANY = 1000
IN_FLIGHT = 200
"""Connects that wait for their first event at a time; more would measure the accept queue."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "flags.json"
    write_flags(path, {"n": 0})
    return path


@contextmanager
def descriptors(needed: int) -> Iterator[None]:
    """Enough open files for this process, for a while."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < needed:
        pytest.skip(f"only {hard} open files are allowed here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, needed), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class Crowd:
    """Many readers in one thread, each known by the bytes it has received so far."""

    def __init__(self, server: ServerProcess, stack: ExitStack) -> None:
        self._server = server
        self._selector = stack.enter_context(selectors.DefaultSelector())
        self._stack = stack
        self.received: dict[socket.socket, bytes] = {}

    def grow(self, size: int, first_event: bytes) -> None:
        """Connect until there are `size` readers that have their first event."""
        while len(self.received) < size:
            reader = self._stack.enter_context(socket.create_connection(("127.0.0.1", self._server.port)))
            reader.sendall(b"GET /api/v1/flags/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
            self.received[reader] = b""
            self._selector.register(reader, selectors.EVENT_READ)
            if self._without(first_event) >= IN_FLIGHT:
                self.wait_for(first_event, but=IN_FLIGHT // 2)
        self.wait_for(first_event)

    def wait_for(self, event: bytes, *, but: int = 0, timeout: float = 60.0) -> None:
        """Read until all, but so many, have received these bytes."""
        deadline = time.monotonic() + timeout
        while self._without(event) > but:
            assert time.monotonic() < deadline, f"{self._without(event)} readers still wait for {event!r}"
            for key, _ in self._selector.select(1.0):
                reader = key.fileobj
                assert isinstance(reader, socket.socket)
                self.received[reader] += reader.recv(65536)

    def _without(self, event: bytes) -> int:
        return sum(event not in received for received in self.received.values())


def test_a_thousand_streams(path: Path) -> None:
    """A thousand open streams all get a change, and the process ends with status 0 while they are open."""
    with ExitStack() as stack:
        stack.enter_context(descriptors(MANY + 100))
        server = stack.enter_context(ServerProcess(str(path)))
        crowd = Crowd(server, stack)
        crowd.grow(MANY, b'data: {"n":0}\n\n')

        assert MANY == len(server.streams())

        replace_flags(path, {"n": 1})
        crowd.wait_for(b'data: {"n":1}\n\n')

        assert 0 == server.stop()


def test_a_stalled_reader_holds_up_nobody(path: Path) -> None:
    """Others get every change while a reader stalls; when it reads on it gets the newest only."""
    filling = "x" * 4_000_000
    with ServerProcess(str(path)) as server, ExitStack() as stack:
        write_flags(path, {"n": 0, "filling": filling})
        eager = stack.enter_context(StreamReader(server.url))
        while eager.next_event() == b'{"n":0}':
            pass
        stalled = stack.enter_context(StreamReader(server.url, receive_buffer=8192))
        wait_until(lambda: len(server.streams()) == 2)
        payloads = [b""]
        for number in range(1, 6):
            payloads.append(replace_flags(path, {"n": number, "filling": filling}))

            assert payloads[-1] == eager.next_event()

        begun = stalled.next_event()
        assert begun is not None
        assert begun.startswith(b'{"n":0,')
        assert payloads[-1] == stalled.next_event()


def test_a_reader_that_stalls_for_too_long_is_dropped(path: Path, tmp_path: Path) -> None:
    """A reader that takes nothing for `stall_timeout` seconds is dropped with one line on stderr."""
    write_flags(path, {"filling": "x" * 4_000_000})
    program = tmp_path / "serve.py"
    program.write_text(
        "import sys\n"
        "from soasap._devserver.serve import ServeSettings, serve\n"
        "serve(ServeSettings(sys.argv[2], port=0, stall_timeout=0.2))\n"
    )
    errors = tmp_path / "stderr"
    with errors.open("wb") as stderr, ExitStack() as stack:
        command = (sys.executable, str(program))
        server = stack.enter_context(ServerProcess(str(path), program=command, errors=stderr))
        stack.enter_context(StreamReader(server.url, receive_buffer=8192))
        wait_until(lambda: b"was dropped" in errors.read_bytes(), message="the line on stderr")
        wait_until(lambda: not server.streams(), message="the end of the stream")

        assert 0 == server.stop()
    assert 1 == errors.read_text().count("\n")


def test_the_server_ends_while_a_reader_stalls(path: Path) -> None:
    """A reader that takes nothing does not keep the server from ending with status 0."""
    write_flags(path, {"filling": "x" * 4_000_000})
    with ServerProcess(str(path)) as server, StreamReader(server.url, receive_buffer=8192):
        wait_until(server.streams)

        assert 0 == server.stop()


def test_a_reader_that_leaves_is_noticed(path: Path) -> None:
    """A closed connection leaves the list of streams at once, long before a comment is due."""
    with ServerProcess(str(path), options=["--keep-alive", "3600"]) as server, StreamReader(server.url) as staying:
        staying.next_event()
        with StreamReader(server.url, headers={"User-Agent": "leaving"}) as leaving:
            leaving.next_event()

            assert ["", "leaving"] == [stream["user_agent"] for stream in server.streams()]

        wait_until(lambda: len(server.streams()) == 1, message="the end of the stream")

        assert replace_flags(path, {"n": 1}) == staying.next_event()


def test_a_reader_that_leaves_tls_is_noticed(path: Path, tmp_path: Path, ca: trustme.CA) -> None:
    """The same over TLS, whether the reader says farewell or not."""
    pem = tmp_path / "server.pem"
    ca.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(pem))
    trusting = ssl.create_default_context()
    ca.configure_trust(trusting)
    options = ["--keep-alive", "3600", "--tls-cert", str(pem)]
    with ServerProcess(str(path), options=options) as server, StreamReader(server.url, context=trusting) as reader:
        reader.next_event()
        with StreamReader(server.url, context=trusting) as silent:
            silent.next_event()
        wait_until(lambda: len(server.streams(trusting)) == 1, message="the end of the silent one's stream")
        with StreamReader(server.url, context=trusting) as polite:
            polite.next_event()
            assert isinstance(polite.socket, ssl.SSLSocket)
            with pytest.raises(ssl.SSLError, match=r"(?i)application.data.after.close.notify"):
                polite.socket.unwrap()
            wait_until(lambda: len(server.streams(trusting)) == 1, message="the end of the polite one's")

        assert replace_flags(path, {"n": 1}) == reader.next_event()


def test_a_talkative_reader_keeps_its_stream(path: Path) -> None:
    """Bytes after the request do not end a plain stream, and do not keep the server busy."""
    with ServerProcess(str(path)) as server, StreamReader(server.url) as reader:
        reader.next_event()
        reader.socket.sendall(b"\r\n")

        assert replace_flags(path, {"n": 1}) == reader.next_event()
        assert replace_flags(path, {"n": 2}) == reader.next_event()
