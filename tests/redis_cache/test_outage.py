"""A Redis that is away, hangs or comes back: memory goes on, one report, and nobody waits."""

from __future__ import annotations

import contextlib
import logging
import time
from pathlib import Path
from typing import Any

import pytest
import redis

from soasap import SoasapClientImpl, SoasapErrorContext
from soasap._sansio import debounce
from soasap.redis import RedisSnapshotCache
from tests.addresses import free_port
from tests.clients import open_client
from tests.flagserver import Connection, ScriptedServer, hold_open
from tests.redis_cache.entries import PATIENCE, calls, entry, payload
from tests.redis_sentinel import RedisSentinel
from tests.redis_server import RedisServer
from tests.waiting import wait_until

SECRET = "s3cret"


def cache_at(url: str, timeout: float = 1.0) -> RedisSnapshotCache:
    """A cache with a password that must be seen nowhere."""
    return RedisSnapshotCache(url.replace("//", f"//:{SECRET}@"), connect_timeout=timeout, timeout=timeout)


def seconds_to_close(client: SoasapClientImpl) -> float:
    started = time.monotonic()
    client.close()
    return time.monotonic() - started


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Saves are 0.2 s apart, failed ones too: with half a minute in between a test would take several."""
    monkeypatch.setattr(debounce, "FAILURE_PAUSE", 0.2)
    monkeypatch.setattr(debounce.Debounce.__init__, "__defaults__", (0.2,))


def test_away_from_the_start(hasty: None, caplog: pytest.LogCaptureFixture) -> None:
    """Without Redis flags stream and are read, and ten failed saves are one report that says where and why."""
    caplog.set_level(logging.DEBUG, "soasap")
    errors: list[SoasapErrorContext] = []
    port = free_port()
    cache = cache_at(f"redis://127.0.0.1:{port}")
    with ScriptedServer(hold_open(b'{"n": 0}')) as service:
        with open_client(service.base_url, cache=cache, on_error=errors.append) as client:
            assert client.wait_ready(10)
            attempts = Attempts(client)
            wait_until(lambda: attempts.count >= 10, 30, "ten attempts to save")
            service.connections[0].event(b'{"n": 1}')
            wait_until(lambda: 1 == client.get_int("n"), message="the change")
            status = client.status()
        shown = " ".join([repr(errors), *(str(error.exception) for error in errors), *caplog.messages])

    assert f"the flag cache in redis://127.0.0.1:{port} could not be loaded: Connection refused" in shown
    assert ["disk"] == [error.source.value for error in errors]
    assert (1, "live") == (status.errors, status.state)
    assert SECRET not in shown


class Attempts:
    """Counts the saves that a client's writer tries, at the seam between it and the cache."""

    def __init__(self, client: SoasapClientImpl) -> None:
        self.count = 0
        given: Any = client._supervisor._crew._given  # type: ignore[attr-defined]
        self._save = given._cache.save
        given._cache.save = self

    def __call__(self, payload: bytes) -> None:
        self.count += 1
        self._save(payload)


def test_killed_and_back(server: RedisServer, hasty: None, caplog: pytest.LogCaptureFixture) -> None:
    """Two outages are two reports, each end is logged once, and saves go on by themselves."""
    caplog.set_level(logging.INFO, "soasap")
    errors: list[SoasapErrorContext] = []
    cache = RedisSnapshotCache(server.url, connect_timeout=PATIENCE, timeout=PATIENCE)
    with (
        ScriptedServer(hold_open(b'{"n": 0}')) as service,
        open_client(service.base_url, cache=cache, on_error=errors.append) as client,
    ):
        assert client.wait_ready(10)
        for number in (1, 2):
            wait_until(lambda: payload(server, entry(service.base_url)), message="a save")
            server.kill()
            service.connections[0].event(b'{"n": %d}' % number)
            wait_until(lambda: number == len(errors), message="the report")  # noqa: B023
            assert number == client.get_int("n")
            server.start()
            wait_until(lambda: payload(server, entry(service.base_url)), message="the save after it")
            assert b'{"n": %d}' % number == payload(server, entry(service.base_url))

    assert ["disk", "disk"] == [error.source.value for error in errors]
    assert 2 == caplog.messages.count("soasap: the cache works again")


def test_hanging_at_the_start(server: RedisServer) -> None:
    """A Redis that answers nothing delays the first connection by one time-out, and no read."""
    server.pause()
    with (
        ScriptedServer(hold_open(b'{"n": 1}')) as service,
        open_client(service.base_url, cache=RedisSnapshotCache(server.url, timeout=2.0)) as client,
    ):
        started = time.monotonic()
        assert 0 == client.get_int("n")
        read = time.monotonic() - started
        assert client.wait_ready(20)
        ready = time.monotonic() - started
        server.resume()

    assert read < 1.8
    assert 2.0 <= ready < 4.0


def test_close_while_a_save_hangs(server: RedisServer) -> None:
    """With a save in flight to a Redis that hangs, closing waits for that one answer and does not ask again."""
    cache = RedisSnapshotCache(server.url, connect_timeout=2.0, timeout=2.0)
    with ScriptedServer(hold_open(b'{"n": 1}')) as service, open_client(service.base_url, cache=cache) as client:
        assert client.wait_ready(10)
        wait_until(lambda: calls(server, "hset"), message="the first save")
        server.pause()
        attempts = Attempts(client)
        service.connections[0].event(b'{"n": 2}')
        wait_until(lambda: attempts.count, message="a save in flight")
        closing = seconds_to_close(client)
        server.resume()

    assert closing < 2.0 + 1.5
    assert 1 == attempts.count


def test_close_with_something_to_save(server: RedisServer) -> None:
    """What was not saved yet when the client is closed is saved first, by the time `close` returns."""
    cache = RedisSnapshotCache(server.url, connect_timeout=PATIENCE, timeout=PATIENCE)
    with ScriptedServer(hold_open(b'{"n": 1}')) as service, open_client(service.base_url, cache=cache) as client:
        assert client.wait_ready(10)
        wait_until(lambda: calls(server, "hset"), message="the first save")
        service.connections[0].event(b'{"n": 2}')
        wait_until(lambda: 2 == client.get_int("n"), message="the change")
        client.close()

        assert b'{"n": 2}' == payload(server, entry(service.base_url))


def test_close_does_not_try_a_redis_that_is_down(server: RedisServer) -> None:
    """After a failed save `close` returns without another attempt, though there is something to save."""
    cache = RedisSnapshotCache(server.url, connect_timeout=PATIENCE, timeout=PATIENCE)
    errors: list[SoasapErrorContext] = []
    with (
        ScriptedServer(hold_open(b'{"n": 1}')) as service,
        open_client(service.base_url, cache=cache, on_error=errors.append) as client,
    ):
        assert client.wait_ready(10)
        wait_until(lambda: calls(server, "hset"), message="the first save")
        server.kill()
        service.connections[0].event(b'{"n": 2}')
        wait_until(lambda: errors, message="the report")
        server.start()
        server.pause()  # whoever asks now waits for his whole time-out

        assert seconds_to_close(client) < PATIENCE / 2
        server.resume()


def test_failover(tmp_path: Path, hasty: None) -> None:
    """When a Sentinel names another master, saves go there, and what the old one had is still known."""
    errors: list[SoasapErrorContext] = []
    (tmp_path / "redis").mkdir()
    directory = tmp_path / "redis"
    with (
        RedisServer(directory) as master,
        RedisServer(directory, master=master.port) as replica,
        RedisSentinel(directory, "flags", master.port) as sentinel,
        ScriptedServer(hold_open(b'{"n": 1}')) as service,
    ):
        wait_until(lambda: replica.port in sentinel.replicas("flags"), 30, "the Sentinel to know the replica")
        url = f"redis+sentinel://127.0.0.1:{sentinel.port}/flags"
        cache = RedisSnapshotCache(url, connect_timeout=PATIENCE, timeout=PATIENCE)
        with open_client(service.base_url, cache=cache, on_error=errors.append) as client:
            assert client.wait_ready(10)
            wait_until(lambda: payload(replica, entry(service.base_url)), 30, "the save and its copy")
            master.kill()
            service.connections[0].event(b'{"n": 2}')
            wait_until(lambda: b'{"n": 2}' == after_failover(replica, entry(service.base_url)), 60, "the next save")
            assert 2 == client.get_int("n")

        assert len(errors) <= 1
        assert b'{"n": 2}' == cache.for_environment(entry(service.base_url)[13:]).load()


def after_failover(replica: RedisServer, key: str) -> object:
    """What is there; a Sentinel that makes it the master throws everybody out, us too."""
    with contextlib.suppress(redis.ConnectionError):
        return payload(replica, key)
    return None


def silent(connection: Connection, index: int) -> None:
    """No answer at all."""
    connection.hang()


def test_close_while_loading(server: RedisServer) -> None:
    """Closing while the first load hangs waits for that one answer."""
    server.pause()
    cache = RedisSnapshotCache(server.url, connect_timeout=2.0, timeout=2.0)
    with ScriptedServer(silent) as service, open_client(service.base_url, cache=cache) as client:
        client.get_int("n")
        closing = seconds_to_close(client)
        server.resume()

        assert closing < 2.0 + 1.5
        assert [] == service.requests
