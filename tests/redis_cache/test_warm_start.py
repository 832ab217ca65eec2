"""Clients with a cache in Redis: what a new process knows, and who shares what with whom."""

from __future__ import annotations

from pathlib import Path

import pytest
import trustme

from soasap import SoasapErrorContext, create_soasap_client
from soasap.exceptions import InvalidPayload
from soasap.redis import RedisSnapshotCache
from tests.clients import API_KEY, open_client
from tests.flagserver import Connection, ScriptedServer, hold_open
from tests.redis_cache.entries import PATIENCE, ask, calls, entry, keys, payload, put
from tests.redis_server import RedisServer
from tests.scripts import run_script
from tests.waiting import wait_until


def silent(connection: Connection, index: int) -> None:
    """No answer at all."""
    connection.hang()


def patient(server: RedisServer, options: str = "") -> RedisSnapshotCache:
    """A cache that does not lose patience on a busy machine."""
    return RedisSnapshotCache(server.url + options, connect_timeout=PATIENCE, timeout=PATIENCE)


def test_second_process_starts_warm(server: RedisServer) -> None:
    """What one process heard, another one knows before its stream has said anything, byte for byte."""
    flags = b'{ "on" :true,\n"n":\t1.50 }'
    program = f"""
import sys
from soasap import create_soasap_client
from soasap.redis import RedisSnapshotCache
cache = RedisSnapshotCache(sys.argv[2], connect_timeout={PATIENCE}, timeout={PATIENCE})
with create_soasap_client(api_key={API_KEY!r}, base_url=sys.argv[1], cache=cache) as client:
    assert client.wait_ready(20), client.status()
"""
    with ScriptedServer(hold_open(flags)) as service:
        run_script(program, service.base_url, server.url)
        port = service.port
    stored = payload(server, entry(service.base_url))

    with ScriptedServer(silent, port=port) as service, open_client(service.base_url, cache=patient(server)) as client:
        wait_until(lambda: client.get_bool("on"), message="the flag from Redis")

        assert flags == stored
        assert (1.5, "disk") == (client.get_number("n"), client.status().source)
        assert client.wait_ready(0) is False


def test_over_tls(tmp_path: Path, ca: trustme.CA, ca_file: str) -> None:
    """A client saves to a Redis behind TLS."""
    with (
        RedisServer(tmp_path, tls=ca) as server,
        ScriptedServer(hold_open(b'{"n": 1}')) as service,
        open_client(service.base_url, cache=patient(server, f"?ssl_ca_certs={ca_file}")) as client,
    ):
        assert client.wait_ready(10)
        client.close()
        cache = patient(server, f"?ssl_ca_certs={ca_file}").for_environment(entry(service.base_url)[13:])

        assert b'{"n": 1}' == cache.load()


def test_construction_asks_nobody(server: RedisServer) -> None:
    """Making a client asks Redis nothing; its first read makes its background task ask."""
    with ScriptedServer(silent) as service, open_client(service.base_url, cache=patient(server)) as client:
        put(server, entry(service.base_url), b'{"on": true}')
        asked = calls(server, "hget")
        wait_until(lambda: client.get_bool("on"), message="the flag from Redis")

        assert (0, 1) == (asked, calls(server, "hget"))


def test_keys_and_services_never_share(server: RedisServer) -> None:
    """Two API keys at one service, and one key at two services, have entries of their own, from one cache object."""
    cache = patient(server)
    with ScriptedServer(hold_open(b'{"n": 1}')) as one, ScriptedServer(hold_open(b'{"n": 2}')) as two:
        clients = [
            create_soasap_client(api_key=API_KEY, base_url=one.base_url, cache=cache),
            create_soasap_client(api_key=f"{API_KEY}-2", base_url=one.base_url, cache=cache),
            create_soasap_client(api_key=API_KEY, base_url=two.base_url, cache=cache),
        ]
        for client in clients:
            assert client.wait_ready(10)
            client.close()

        assert 3 == len(keys(server))
        assert b'{"n": 1}' == payload(server, entry(one.base_url))
        assert b'{"n": 2}' == payload(server, entry(two.base_url))
        assert API_KEY not in "".join(keys(server))


def test_equal_clients_write_once(server: RedisServer) -> None:
    """Five clients of one environment that receive the same flags write them once."""
    with ScriptedServer(hold_open(b'{"n": 1}')) as service:
        for _ in range(5):
            with open_client(service.base_url, cache=patient(server)) as client:
                assert client.wait_ready(10)

        assert 1 == calls(server, "hset")


@pytest.mark.parametrize("stored", [b'{"on": tr', b"", b"[]"])
def test_useless_entry(server: RedisServer, stored: bytes) -> None:
    """An entry that is no flag set is one DISK report, and is replaced by what the stream brings."""
    errors: list[SoasapErrorContext] = []
    with ScriptedServer(hold_open(b'{"on": true}')) as service:
        put(server, entry(service.base_url), stored)
        with open_client(service.base_url, cache=patient(server), on_error=errors.append) as client:
            assert client.wait_ready(10)

        assert [("disk", InvalidPayload)] == [(error.source.value, type(error.exception)) for error in errors]
        assert b'{"on": true}' == payload(server, entry(service.base_url))


def test_entry_that_was_lost(server: RedisServer) -> None:
    """An entry that somebody removed is written again with the next change."""
    with ScriptedServer(hold_open(b'{"n": 1}')) as service:
        with open_client(service.base_url, cache=patient(server)) as client:
            assert client.wait_ready(10)
            wait_until(lambda: payload(server, entry(service.base_url)), message="the first save")
            ask(server, "FLUSHALL")
            service.connections[0].event(b'{"n": 2}')
            wait_until(lambda: 2 == client.get_int("n"), message="the change")

        assert b'{"n": 2}' == payload(server, entry(service.base_url))
