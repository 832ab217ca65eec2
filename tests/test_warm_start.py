"""The cache at start: what is taken over, what is reported, and when the disk is written."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import threading
import time
from pathlib import Path

import pytest

from soasap import SoasapErrorContext, SoasapErrorSource
from soasap.exceptions import CacheError, InvalidPayload
from tests.clients import API_KEY, cache_file, of_source, open_client, write_cache
from tests.flagserver import Connection, ScriptedServer, hold_open
from tests.waiting import wait_until


def silent(connection: Connection, index: int) -> None:
    connection.hang()


def test_flags_are_there_before_the_network(cache_dir: Path) -> None:
    """The first read of a new process answers from the file, whatever the getter, while the stream connects."""
    with ScriptedServer(silent) as server:
        payload = b'{"on": true, "tree": {"a": [1]}}'
        path = write_cache(cache_dir, payload, server.base_url)
        os.utime(path, (time.time() - 3600,) * 2)
        with open_client(server.base_url, cache="disk", cache_directory=str(cache_dir)) as client:
            assert {"a": [1]} == client.get_json("tree")
            assert client.get_bool("on") is True
            status = client.status()

            assert ("connecting", "disk", None) == (status.state, status.source, status.age)
            assert 3600 == pytest.approx(status.snapshot_age, abs=60)
            server.wait_requests(1)

        assert payload == path.read_bytes()


def test_the_stream_confirms_the_file(cache_dir: Path) -> None:
    """An event equal to the file makes the client ready without another write."""
    with ScriptedServer(hold_open(b'{"on": true}')) as server:
        path = write_cache(cache_dir, b'{"on": true}', server.base_url)
        os.utime(path, (1_000_000_000,) * 2)
        with open_client(server.base_url, cache="disk", cache_directory=str(cache_dir)) as client:
            assert client.wait_ready(10)
            status = client.status()

            assert ("stream", 1) == (status.source, status.events)
            assert status.snapshot_age is not None
            assert status.snapshot_age < 60

        assert 1_000_000_000 == path.stat().st_mtime


def test_the_file_holds_the_raw_payload(cache_dir: Path) -> None:
    """The last accepted payload is in the file as it came, readable by its owner alone, and nothing else is there."""
    payload = b'{ "on" :true,\n"n":\t1.50 }'
    with ScriptedServer(hold_open(b"{}", payload, b"not json")) as server:
        with open_client(server.base_url, cache="disk", cache_directory=str(cache_dir)) as client:
            wait_until(lambda: 3 == client.status().events, message="all events")
        path = cache_file(cache_dir, server.base_url)

    assert [path] == list(cache_dir.iterdir())
    assert payload == path.read_bytes()
    assert (0o600, 0o700) == (stat.S_IMODE(path.stat().st_mode), stat.S_IMODE(cache_dir.stat().st_mode))
    assert API_KEY not in path.name


def test_legacy_file_is_taken_over(cache_dir: Path) -> None:
    """A file of release 1.0.3, byte-order mark and all, serves the first start and is written under our own name."""
    cache_dir.mkdir()
    legacy = cache_dir / f"soasap_cache_{hashlib.sha256(API_KEY.encode()).hexdigest()[:8]}.json"
    legacy.write_bytes(b'\xef\xbb\xbf{"on": true}')
    with ScriptedServer(silent) as server:
        path = cache_file(cache_dir, server.base_url)
        with open_client(server.base_url, cache="disk", cache_directory=str(cache_dir)) as client:
            assert client.get_bool("on") is True
            assert "disk" == client.status().source
            wait_until(path.exists, message="our own file")

    assert b'{"on": true}' == path.read_bytes()
    assert b'\xef\xbb\xbf{"on": true}' == legacy.read_bytes()


@pytest.mark.parametrize(
    ("error", "payload"),
    [(InvalidPayload, b'{"on": tr'), (InvalidPayload, b""), (InvalidPayload, b"[]"), (CacheError, None)],
    ids=["cut", "empty", "array", "directory"],
)
def test_useless_file(cache_dir: Path, error: type[Exception], payload: bytes | None) -> None:
    """A file that cannot be used is a DISK report, delivered when the work starts, and reads give defaults."""
    errors: list[SoasapErrorContext] = []
    with ScriptedServer(silent) as server:
        if payload is None:
            cache_file(cache_dir, server.base_url).mkdir(parents=True)
        else:
            write_cache(cache_dir, payload, server.base_url)
        with open_client(
            server.base_url, cache="disk", cache_directory=str(cache_dir), on_error=errors.append
        ) as client:
            assert [] == errors
            assert client.get_bool("on") is False
            wait_until(lambda: errors, message="the report")

            assert SoasapErrorSource.DISK is errors[0].source
            assert isinstance(errors[0].exception, error)
            assert 1 == client.status().errors


def test_directory_that_cannot_be_made(tmp_path: Path) -> None:
    """Without a place on the disk memory goes on: DISK reports, and nothing is raised."""
    (tmp_path / "file").write_text("in the way")
    errors: list[SoasapErrorContext] = []
    with (
        ScriptedServer(hold_open(b'{"on": true}')) as server,
        open_client(
            server.base_url, cache="disk", cache_directory=str(tmp_path / "file" / "cache"), on_error=errors.append
        ) as client,
    ):
        assert client.wait_ready(10)
        wait_until(lambda: errors, message="the report")

        assert client.get_bool("on") is True
        assert {SoasapErrorSource.DISK} == {error.source for error in errors}
        assert all(isinstance(error.exception, OSError) for error in errors)


def test_no_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a home there is no cache file: reported once as DISK, and everything else works."""
    monkeypatch.setenv("HOME", "nowhere")
    errors: list[SoasapErrorContext] = []
    with (
        ScriptedServer(hold_open(b'{"on": true}')) as server,
        open_client(server.base_url, cache="disk", on_error=errors.append) as client,
    ):
        assert client.wait_ready(10)
        wait_until(lambda: errors, message="the report")

        assert client.get_bool("on") is True
    assert ["disk"] == [error.source.value for error in errors]


def test_default_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without a directory the file lives under the user's data directory."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    with ScriptedServer(hold_open(b'{"on": true}')) as server, open_client(server.base_url, cache="disk") as client:
        assert client.wait_ready(10)
        client.close()

    assert 1 == len(list((tmp_path / "data" / "soasap" / "cache").iterdir()))


class GivenCache:
    """An application's own cache, in memory."""

    def __init__(self, stored: object = None) -> None:
        self.stored: object = stored
        self.loaded_on: list[str] = []
        self.connections_at_load = -1
        self.saves: list[tuple[float, bytes]] = []
        self.server: ScriptedServer | None = None

    def load(self) -> bytes | None:
        self.loaded_on.append(threading.current_thread().name)
        self.connections_at_load = len(self.server.connections) if self.server else -1
        if isinstance(self.stored, Exception):
            raise self.stored
        return self.stored  # type: ignore[return-value]

    def save(self, payload: bytes) -> None:
        self.saves.append((time.monotonic(), payload))


def test_given_cache_is_loaded_before_connecting() -> None:
    """A cache object is asked once, on the background task, before the first connection; its flags serve meanwhile."""
    cache = GivenCache(b'{"on": true}')
    with ScriptedServer(silent) as server:
        cache.server = server
        with open_client(server.base_url, cache=cache) as client:
            assert [] == cache.loaded_on
            wait_until(lambda: client.get_bool("on"), message="the cached flag")
            server.wait_requests(1)

            assert (["soasap-stream"], 0) == (cache.loaded_on, cache.connections_at_load)
            assert ("disk", None) == (client.status().source, client.status().snapshot_age)
            assert client.wait_ready(0) is False
    assert [] == cache.saves


def test_given_cache_that_hangs_delays_no_read() -> None:
    """Reads answer while the application's cache is still loading."""
    leave = threading.Event()

    class Hanging(GivenCache):
        def load(self) -> bytes | None:
            leave.wait(30)
            return b'{"on": true}'

    with ScriptedServer(hold_open(b'{"n": 1}')) as server, open_client(server.base_url, cache=Hanging()) as client:
        assert client.get_bool("on") is False
        assert [] == server.connections
        leave.set()
        wait_until(lambda: 1 == client.get_int("n"), message="the stream")


@pytest.mark.parametrize("stored", [OSError("down"), "text", b"[]"], ids=["raises", "no bytes", "no object"])
def test_given_cache_that_cannot_load(stored: object) -> None:
    """What goes wrong in a cache object is one DISK report, and the stream goes its way."""
    errors: list[SoasapErrorContext] = []
    cache = GivenCache(stored)
    with (
        ScriptedServer(hold_open(b'{"on": true}')) as server,
        open_client(server.base_url, cache=cache, on_error=errors.append) as client,
    ):
        assert client.wait_ready(10)
        wait_until(lambda: cache.saves, message="a save")

        assert 1 == len(of_source(errors, SoasapErrorSource.DISK)) == len(errors)
        assert b'{"on": true}' == cache.saves[0][1]


def test_writes_are_spaced() -> None:
    """The first change is written at once, then the newest every 2.5 s at most, and the last one at the end."""
    cache = GivenCache()
    with ScriptedServer(hold_open(b'{"n": 0}')) as server, open_client(server.base_url, cache=cache) as client:
        started = time.monotonic()
        client.get_int("n")
        wait_until(lambda: cache.saves, message="the first save")
        assert cache.saves[0][0] - started < 2.0
        number = 0
        while len(cache.saves) < 2:
            number += 1
            server.connections[0].event(b'{"n": %d}' % number)
            time.sleep(0.01)
        server.connections[0].event(b'{"n": -1}')
        wait_until(lambda: -1 == client.get_int("n"), message="the last change")
        client.close()

    times = [when for when, _ in cache.saves]
    saved = [json.loads(payload)["n"] for _, payload in cache.saves]
    assert 2.5 <= times[1] - times[0] < 2.5 + 2.0
    assert (0, -1, 3) == (saved[0], saved[-1], len(saved))
    assert saved[1] > number / 2


def test_memory_only(tmp_path: Path) -> None:
    """With `cache=None` nothing is read from and nothing written to the disk."""
    with ScriptedServer(hold_open(b'{"on": true}')) as server:
        write_cache(tmp_path / "cache", b'{"old": true}', server.base_url)
        with open_client(server.base_url, cache_directory=str(tmp_path / "cache")) as client:
            assert client.get_bool("old") is False
            assert client.wait_ready(10)

    assert 1 == len(list((tmp_path / "cache").iterdir()))
