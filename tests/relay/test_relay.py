"""One relay as a process, between a real flag server and real readers."""

from __future__ import annotations

import signal
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import trustme

from soasap._devserver.process import ServerProcess
from soasap._relay.process import RelayProcess
from tests.addresses import free_port
from tests.clients import API_KEY, open_client
from tests.devserver.flag_files import replace_flags, write_flags
from tests.devserver.stream_reader import StreamReader
from tests.waiting import wait_until

HEADERS = {"X-API-Key": API_KEY}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "flags.json"
    write_flags(path, {"n": 0})
    return path


@pytest.fixture
def server(path: Path) -> Iterator[ServerProcess]:
    with ServerProcess(str(path), api_key=API_KEY) as server:
        yield server


@pytest.fixture
def relay(server: ServerProcess) -> Iterator[RelayProcess]:
    with RelayProcess("--upstream", server.url, api_key=API_KEY) as relay:
        yield relay


def reader_of(relay: RelayProcess, key: str = API_KEY, context: ssl.SSLContext | None = None) -> StreamReader:
    return StreamReader(relay.url, headers={"X-API-Key": key}, context=context)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_many_readers_one_stream(path: Path, server: ServerProcess, relay: RelayProcess) -> None:
    """Twenty readers see each change, byte for byte, and upstream has one stream."""
    with ExitStack() as stack:
        readers = [stack.enter_context(reader_of(relay)) for _ in range(20)]
        first = [reader.next_event() for reader in readers]
        changed = replace_flags(path, {"n": 1, "text": "ä\u2028"})

        assert [b'{"n":0}'] * 20 == first
        assert [changed] * 20 == [reader.next_event() for reader in readers]
        assert 1 == len(server.streams())
        wait_until(lambda: 20 == relay.environment()["clients"], message="twenty clients")


def test_clients_of_ours(path: Path, relay: RelayProcess) -> None:
    """A client needs nothing but the relay's address, and is live."""
    with open_client(relay.url) as client:
        assert client.wait_ready(15), client.status()
        replace_flags(path, {"n": 7})
        wait_until(lambda: 7 == client.get_int("n"), message="the change")

        assert 1 == client.status().connects


def test_unknown_key(server: ServerProcess, relay: RelayProcess) -> None:
    """A key that nobody named is 401, and upstream is not asked."""
    wait_until(server.streams, message="the relay's own stream")
    with reader_of(relay, "another") as reader:
        assert (401, 1) == (reader.status, len(server.streams()))


def test_environments_of_a_file(tmp_path: Path, server: ServerProcess) -> None:
    """Two environments of two services do not mix."""
    other, settings = tmp_path / "other.json", tmp_path / "relay.toml"
    write_flags(other, {"n": 100})
    with ServerProcess(str(other)) as second:
        settings.write_text(
            f'upstream = "{server.url}"\n'
            f'[environments.production]\napi_key = "{API_KEY}"\n'
            f'[environments.staging]\napi_key = "sk-staging"\nupstream = "{second.url}"\n'
        )
        with RelayProcess(str(settings)) as relay, reader_of(relay) as one, reader_of(relay, "sk-staging") as two:
            assert [b'{"n":0}', b'{"n":100}'] == [one.next_event(), two.next_event()]
            assert ["production", "staging"] == list(relay.health()["environments"])


def test_open_relay(path: Path, server: ServerProcess) -> None:
    """With `--open` upstream says which keys it knows."""
    with RelayProcess("--upstream", server.url, "--open") as relay:
        with reader_of(relay) as reader:
            assert b'{"n":0}' == reader.next_event()
            changed = replace_flags(path, {"n": 1})
            assert changed == reader.next_event()
        with reader_of(relay, "another") as reader:
            assert 401 == reader.status


@pytest.mark.slow
def test_open_relay_whose_upstream_is_away() -> None:
    """Where upstream cannot be asked, a key that nobody named is to come again later."""
    with RelayProcess("--upstream", f"http://127.0.0.1:{free_port()}", "--open") as relay, reader_of(relay) as reader:
        assert (503, "5") == (reader.status, reader.headers["retry-after"])


def test_upstream_goes_and_comes(path: Path, server: ServerProcess, relay: RelayProcess) -> None:
    """While upstream is away a new reader gets the last snapshot at once, and the next one when it is back."""
    with reader_of(relay) as before:
        before.next_event()
        server.kill()
        wait_until(lambda: "live" != relay.environment()["state"], message="the loss")
        with reader_of(relay) as during:
            assert b'{"n":0}' == during.next_event()
            changed = replace_flags(path, {"n": 1})
            with ServerProcess(str(path), api_key=API_KEY, port=server.port):
                assert [changed] * 2 == [before.next_event(), during.next_event()]


def test_start_without_upstream(path: Path, tmp_path: Path, server: ServerProcess) -> None:
    """A relay that starts while upstream is away serves what its disk has, and says that it is degraded."""
    arguments = ("--upstream", server.url, "--cache-directory", str(tmp_path / "cache"), "--drain", "0")
    with RelayProcess(*arguments, api_key=API_KEY) as relay, reader_of(relay) as reader:
        reader.next_event()
        assert 0 == relay.stop()
    server.kill()
    with RelayProcess(*arguments, api_key=API_KEY) as relay, reader_of(relay) as reader:
        assert b'{"n":0}' == reader.next_event()
        wait_until(lambda: "degraded" == relay.health()["status"], message="the report")


def test_tls(server: ServerProcess, tmp_path: Path, ca: trustme.CA, ca_file: str) -> None:
    """With a certificate a relay speaks https, to clients of ours too."""
    chain = tmp_path / "chain.pem"
    ca.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(chain))
    with (
        RelayProcess("--upstream", server.url, "--tls-cert", str(chain), api_key=API_KEY) as relay,
        open_client(relay.url, ca_file=ca_file) as client,
    ):
        assert relay.url.startswith("https://")
        assert client.wait_ready(15), client.status()


def test_drain(server: ServerProcess) -> None:
    """After SIGTERM nobody is let in any more, and the streams end one after the other; exit status 0."""
    count, seconds = 30, 3.0
    ends: list[float] = []
    with (
        RelayProcess("--upstream", server.url, "--drain", str(seconds), api_key=API_KEY) as relay,
        ExitStack() as stack,
    ):
        readers = [stack.enter_context(reader_of(relay)) for _ in range(count)]
        for reader in readers:
            reader.next_event()

        def follow(reader: StreamReader) -> None:
            assert reader.next_event() is None
            ends.append(time.monotonic())

        threads = [threading.Thread(target=follow, args=(reader,)) for reader in readers]
        for thread in threads:
            thread.start()
        begun = time.monotonic()
        code = relay.stop()
        took = time.monotonic() - begun
        for thread in threads:
            thread.join(20)
        assert not listens(relay.port)

    early = sum(end - begun < seconds / 2 for end in ends)
    assert (0, count) == (code, len(ends))
    assert took > seconds * 0.9
    assert early <= count * 0.75, ends


def test_hurry(server: ServerProcess) -> None:
    """A second signal ends the streams at once."""
    with RelayProcess("--upstream", server.url, "--drain", "300", api_key=API_KEY) as relay, reader_of(relay) as reader:
        reader.next_event()
        relay.send(signal.SIGTERM)
        wait_until(lambda: not listens(relay.port), message="the first signal's effect")

        assert 0 == relay.stop()
        assert reader.next_event() is None


def test_slow_reader(path: Path, relay: RelayProcess) -> None:
    """A reader that stops reading misses what is between, holds up nobody, and gets the newest in the end."""
    big = "x" * 2_000_000
    slow = StreamReader(relay.url, headers=HEADERS, receive_buffer=8192)
    with slow, reader_of(relay) as quick:
        quick.next_event()
        for n in range(1, 11):
            changed = replace_flags(path, {"n": n, "filling": big})
            assert changed == quick.next_event()
        seen = [slow.next_event()]
        while seen[-1] != changed:
            seen.append(slow.next_event())

    assert len(seen) <= 4


def test_wrong_settings(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """What cannot be used is a sentence and status 2."""
    with pytest.raises(RuntimeError, match="exit status 2"):
        RelayProcess("--upstream", "ftp://nowhere", api_key=API_KEY)

    assert "Error: the options: upstream: base_url must be http:// or https://" in capfd.readouterr().err
