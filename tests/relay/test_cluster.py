"""Relays as processes on a Redis of every kind: TLS, a user with few rights, Sentinel."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import trustme
from redis.exceptions import RedisError

from soasap._devserver.process import ServerProcess
from soasap._io.cache_location import cache_path, environment_name
from soasap._redis_client import connected
from soasap._relay.process import RelayProcess
from soasap._relay.shared_snapshot import SharedSnapshot
from tests.clients import API_KEY
from tests.devserver.flag_files import replace_flags, write_flags
from tests.devserver.stream_reader import StreamReader
from tests.redis_sentinel import RedisSentinel
from tests.redis_server import RedisServer
from tests.waiting import wait_until

RIGHTS = "~soasap:* &soasap:* +@all -@admin -@dangerous"
"""What the README says that a relay's user needs."""


class Pair:
    """Two relays on one Redis, a reader on each, and the number that they have seen."""

    def __init__(self, path: Path, server: ServerProcess, relays: list[RelayProcess], readers: list[StreamReader]):
        self.path = path
        self.server = server
        self.relays = relays
        self.seen: list[list[int]] = [[], []]
        self._readers = readers
        self.number = 0
        self.receive()

    def roles(self) -> list[str]:
        return sorted(relay.environment()["role"] for relay in self.relays)

    def change(self) -> None:
        """Change the flag, and see both readers have it, and nothing older meanwhile."""
        self.number += 1
        replace_flags(self.path, {"n": self.number})
        self.receive()

    def receive(self) -> None:
        for reader, seen in zip(self._readers, self.seen, strict=True):
            while not seen or seen[-1] != self.number:
                event = reader.next_event()
                assert event is not None
                seen.append(json.loads(event)["n"])
                assert sorted(seen) == seen


@contextmanager
def pair(tmp_path: Path, url: str) -> Iterator[Pair]:
    path = tmp_path / "flags.json"
    write_flags(path, {"n": 0})
    with ExitStack() as stack:
        server = stack.enter_context(ServerProcess(str(path), api_key=API_KEY))
        relays, readers = [], []
        for place in "ab":
            options = ("--redis", url, "--cache-directory", str(tmp_path / place), "--drain", "0")
            relays.append(stack.enter_context(RelayProcess("--upstream", server.url, *options, api_key=API_KEY)))
        for relay in relays:
            readers.append(stack.enter_context(StreamReader(relay.url, headers={"X-API-Key": API_KEY})))
        yield Pair(path, server, relays, readers)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "redis"
    folder.mkdir()
    return folder


def expect_one_stream(found: Pair) -> None:
    """One leads, one follows, and both have each change."""
    wait_until(lambda: found.roles() == ["follower", "leader"], 20, "one leader and one follower")
    wait_until(lambda: 1 == len(found.server.streams()), 20, "one stream upstream")
    for _ in range(3):
        found.change()
    assert "connected" == found.relays[0].health()["redis"]


def test_tls(tmp_path: Path, folder: Path, ca: trustme.CA, ca_file: str) -> None:
    """Relays share a stream over a Redis behind TLS."""
    with RedisServer(folder, tls=ca) as redis, pair(tmp_path, f"{redis.url}?ssl_ca_certs={ca_file}") as found:
        expect_one_stream(found)


def test_user_with_few_rights(tmp_path: Path, folder: Path) -> None:
    """A user of the access control list needs our keys and our channel, and nothing that is dangerous."""
    users = ("default off", f"relay on >secret {RIGHTS}")
    with (
        RedisServer(folder, users=users) as redis,
        pair(tmp_path, redis.url.replace("//", "//relay:secret@")) as found,
    ):
        expect_one_stream(found)


def test_wrong_password(tmp_path: Path, folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Where Redis refuses, each relay streams for itself and says so in words; no text has the password."""
    users = ("default off", "relay on >right ~* &* +@all")
    with (
        RedisServer(folder, users=users) as redis,
        pair(tmp_path, redis.url.replace("//", "//relay:s3cret@")) as found,
    ):
        wait_until(lambda: found.roles() == ["alone", "alone"], 20, "two relays alone")
        found.change()
        told = str([relay.health() for relay in found.relays])

    shown = "".join(capfd.readouterr())
    assert "s3cret" not in told + shown
    assert "user or password refused, or missing" in told
    assert "Redis cannot be used (user or password refused, or missing): streams from upstream itself" in shown


def test_follower_that_is_all_alone(tmp_path: Path, folder: Path) -> None:
    """A relay that only followed is restarted without Redis and upstream: it serves the last that it knew."""
    with RedisServer(folder) as redis, pair(tmp_path, redis.url) as found:
        expect_one_stream(found)
        place = next(place for place, relay in enumerate(found.relays) if relay.environment()["role"] == "follower")
        directory = tmp_path / "ab"[place]
        file = Path(cache_path(API_KEY, found.server.url, str(directory)))
        last = json.dumps({"n": found.number}, separators=(",", ":")).encode()
        wait_until(lambda: file.exists() and last == file.read_bytes(), 20, "the last snapshot on its disk")
        redis.kill()
        found.server.kill()
        found.relays[place].kill()
        options = ("--redis", redis.url, "--cache-directory", str(directory), "--drain", "0")
        with (
            RelayProcess("--upstream", found.server.url, *options, api_key=API_KEY) as relay,
            StreamReader(relay.url, headers={"X-API-Key": API_KEY}) as reader,
        ):
            assert last == reader.next_event()


@pytest.mark.slow
def test_failover_by_sentinel(tmp_path: Path, folder: Path) -> None:
    """When Redis dies and Sentinel names another one, relays go on there; no client notices."""
    with ExitStack() as stack:
        master = stack.enter_context(RedisServer(folder))
        replica = stack.enter_context(RedisServer(folder, master=master.port))
        sentinel = stack.enter_context(RedisSentinel(folder, "flags", master.port))
        wait_until(lambda: [replica.port] == sentinel.replicas("flags"), 30, "a replica that Sentinel knows")
        url = f"redis+sentinel://127.0.0.1:{sentinel.port}/flags"
        found = stack.enter_context(pair(tmp_path, url))
        expect_one_stream(found)
        master.kill()
        for _ in range(5):
            found.change()
        wait_until(lambda: found.number == stored(replica, found.server.url), 60, "the last change on the new master")
        expect_one_stream(found)


def stored(redis: RedisServer, upstream: str) -> int | None:
    """The number in the snapshot that is there; `None` if there is none, or while Redis changes its part."""
    try:
        with connected(redis.url, connect_timeout=5.0, timeout=5.0) as client:
            loaded = SharedSnapshot(client, environment_name(API_KEY, upstream)).load()
    except RedisError:
        return None
    return None if loaded is None else int(json.loads(loaded[1])["n"])
