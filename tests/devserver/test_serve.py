"""`soasap serve` as a process of its own, over loopback: the wire, edits, keys, TLS, signals."""

from __future__ import annotations

import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from soasap._devserver.process import ServerProcess
from tests.devserver.flag_files import replace_flags, write_flags
from tests.devserver.stream_reader import StreamReader
from tests.waiting import wait_until


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "flags.json"
    write_flags(path, {"n": 0, "on": True})
    return path


@pytest.fixture
def server(path: Path) -> Iterator[ServerProcess]:
    with ServerProcess(str(path)) as server:
        yield server


def test_the_first_line(path: Path, server: ServerProcess) -> None:
    """The first line names the address, with the port that was free, the file, and how many flags it has."""
    assert f"soasap serve: http://127.0.0.1:{server.port} serving {path} (2 flags)" == server.first_line
    assert 0 < server.port


@pytest.mark.parametrize(
    ("version", "headers", "chunked"),
    [
        ("1.1", {}, True),
        ("1.1", {"Connection": "close"}, True),
        ("1.0", {}, False),
        ("1.0", {"Connection": "keep-alive"}, False),
    ],
)
def test_framing(path: Path, server: ServerProcess, version: str, headers: dict[str, str], chunked: bool) -> None:
    """Events come at once, in chunks under HTTP/1.1 and up to the connection's end under HTTP/1.0."""
    with StreamReader(server.url, version=version, headers=headers) as reader:
        assert (200, chunked) == (reader.status, reader.chunked)
        assert "text/event-stream" == reader.headers["content-type"]
        assert b'{"n":0,"on":true}' == reader.next_event()
        for number in (1, 2, 3):
            assert replace_flags(path, {"n": number}) == reader.next_event()

        assert 0 == server.stop()
        assert reader.next_event() is None


def test_edits(path: Path, server: ServerProcess) -> None:
    """Edits in place, by renaming and by deleting and writing anew all arrive, whole, at every reader."""
    with StreamReader(server.url) as one, StreamReader(server.url) as two:
        for reader in (one, two):
            reader.next_event()
        for edit in (write_flags, replace_flags):
            payload = edit(path, {"by": edit.__name__})
            assert [payload, payload] == [one.next_event(), two.next_event()]
        path.unlink()
        payload = write_flags(path, {"back": True})
        assert [payload, payload] == [one.next_event(), two.next_event()]


def test_a_bad_edit_keeps_the_last_good_flags(path: Path, tmp_path: Path) -> None:
    """What is wrong with an edit goes to stderr with file, line and column; readers keep what they had."""
    errors = tmp_path / "stderr"
    with errors.open("wb") as stderr, ServerProcess(str(path), errors=stderr) as server:
        with StreamReader(server.url) as reader:
            reader.next_event()
            path.write_text('{"n": 1,\n "on": yes}')
            wait_until(lambda: f"{path}:2:8: " in errors.read_text(), message="the message on stderr")
            with StreamReader(server.url) as late:
                assert b'{"n":0,"on":true}' == late.next_event()

            assert write_flags(path, {"n": 2}) == reader.next_event()
        assert 0 == server.stop()
    assert 1 == errors.read_text().count("\n")


def test_a_comment_follows_silence(path: Path) -> None:
    """A stream without changes gets comments."""
    with ServerProcess(str(path), options=["--keep-alive", "0.05"]) as server, StreamReader(server.url) as reader:
        reader.next_event()
        for _ in range(3):
            reader.wait_comment()

        assert write_flags(path, {"n": 1}) == reader.next_event()


def test_keys(path: Path) -> None:
    """With a key of its own the server answers 401 to requests without it."""
    with ServerProcess(str(path), api_key="right") as server:
        for headers in ({}, {"X-API-Key": "wrong"}):
            with StreamReader(server.url, headers=headers) as reader:
                assert (401, b"X-API-Key is missing or wrong\n") == (reader.status, reader.body())
        with StreamReader(server.url, headers={"X-API-Key": "right"}) as reader:
            assert b'{"n":0,"on":true}' == reader.next_event()
            assert 1 == len(server.streams())


@pytest.mark.parametrize(
    ("method", "target", "status"), [("GET", "/flags.json", 404), ("POST", "/api/v1/flags/live", 405)]
)
def test_elsewhere(server: ServerProcess, method: str, target: str, status: int) -> None:
    """Other paths are 404, other methods 405."""
    with StreamReader(server.url, target, method=method) as reader:
        assert status == reader.status


def test_tls(path: Path, tmp_path: Path, ca: trustme.CA) -> None:
    """With a certificate the server speaks https, and a client that does not trust it disturbs nobody."""
    certificate = ca.issue_cert("127.0.0.1")
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    chain.write_bytes(b"".join(blob.bytes() for blob in certificate.cert_chain_pems))
    certificate.private_key_pem.write_to_path(str(key))
    trusting = ssl.create_default_context()
    ca.configure_trust(trusting)
    errors = tmp_path / "stderr"
    options = ["--tls-cert", str(chain), "--tls-key", str(key)]
    with errors.open("wb") as stderr, ServerProcess(str(path), options=options, errors=stderr) as server:
        assert server.url.startswith("https://127.0.0.1:")
        with StreamReader(server.url, context=trusting) as reader:
            assert b'{"n":0,"on":true}' == reader.next_event()

            with pytest.raises(ssl.SSLError):
                StreamReader(server.url, context=ssl.create_default_context())

            assert write_flags(path, {"n": 1}) == reader.next_event()
        assert 0 == server.stop()
    assert "did not finish the TLS handshake" in errors.read_text()
    assert "Traceback" not in errors.read_text()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_the_server(server: ServerProcess, number: signal.Signals) -> None:
    """SIGTERM and SIGINT end the streams and the process, with status 0."""
    readers = [StreamReader(server.url) for _ in range(20)]
    try:
        for reader in readers:
            reader.next_event()

        assert 0 == server.stop(number)
        assert [None] * 20 == [reader.next_event() for reader in readers]
    finally:
        for reader in readers:
            reader.close()


def test_requests_that_stop_half_way_disturb_nobody(path: Path, tmp_path: Path) -> None:
    """Nonsense, half requests and readers that leave bring no traceback, and no end to the server."""
    errors = tmp_path / "stderr"
    with errors.open("wb") as stderr, ServerProcess(str(path), errors=stderr) as server:
        for sent in (b"", b"GET /api/v1/flags/live HTTP/1.1\r\nHost: x\r\n", b"\x16\x03\x01\x00\xa5\x01\r\n"):
            with StreamReader(server.url) as reader:
                reader.next_event()
            with socket.create_connection(("127.0.0.1", server.port)) as connection:
                connection.sendall(sent)
        with StreamReader(server.url) as reader:
            assert b'{"n":0,"on":true}' == reader.next_event()
        assert 0 == server.stop()
    assert "Traceback" not in errors.read_text()


def test_verbose_logs_requests_and_changes(path: Path, tmp_path: Path) -> None:
    """With --verbose each request and each change is a line on stderr."""
    errors = tmp_path / "stderr"
    with errors.open("wb") as stderr, ServerProcess(str(path), options=["--verbose"], errors=stderr) as server:
        with StreamReader(server.url) as reader:
            reader.next_event()
            write_flags(path, {"n": 1})
            reader.next_event()
        assert 0 == server.stop()
    text = errors.read_text()

    assert f"soasap serve: {path}: 1 flag for 1 streams\n" in text
    assert '"GET /api/v1/flags/live HTTP/1.1" 200' in text


def test_a_taken_port_is_said(path: Path, server: ServerProcess) -> None:
    """A second server on the same port says so and ends with status 2."""
    answer = subprocess.run(
        [sys.executable, "-m", "soasap", "serve", str(path), "--port", str(server.port)],
        capture_output=True,
        timeout=60,
        text=True,
    )

    assert (2, "") == (answer.returncode, answer.stdout)
    assert f"Error: 127.0.0.1:{server.port}: Address already in use" in answer.stderr
