from __future__ import annotations

import time
from pathlib import Path

import pytest
import redis
import trustme

from soasap._redis_client import connect, connected, disconnect, in_words, tls_context
from tests.addresses import FullBacklog, free_port
from tests.redis_sentinel import RedisSentinel
from tests.redis_server import RedisServer
from tests.waiting import wait_until

ADA = "ada on >s3cret:/@ ~soasap:* +@all -flushall"
AS_ADA = "//ada:s3cret%3A%2F%40@"
PATIENCE = 20.0
"""Seconds for each address and answer, where none is expected to fail."""


def problem(url: str, timeout: float = PATIENCE) -> str:
    """What goes wrong with a server, in words; fails if nothing does."""
    try:
        with connected(url, connect_timeout=timeout, timeout=timeout) as client:
            client.set("soasap:x", "1")
    except Exception as error:
        return in_words(error)
    raise AssertionError("nothing went wrong")


def works(url: str) -> bool:
    """Whether a value comes back from there."""
    with connected(url, connect_timeout=PATIENCE, timeout=PATIENCE) as client:
        client.set("soasap:x", "1")
        return client.get("soasap:x") == b"1"


def test_plain_and_unix_socket(server: RedisServer) -> None:
    """A server is reached through TCP and through its Unix socket, the database as the URL says."""
    assert works(server.url)
    assert works(server.unix_url)
    assert works(f"{server.unix_url}?db=3")

    with connected(server.url.replace("/0", "/3"), connect_timeout=PATIENCE, timeout=PATIENCE) as client:
        assert b"1" == client.get("soasap:x")


def test_user(tmp_path: Path) -> None:
    """A user of the access control list, with a password that has to be percent-encoded, does what he may."""
    with RedisServer(tmp_path, users=["default off", ADA]) as server:
        url = server.url.replace("//", AS_ADA)

        assert works(url)
        assert "user or password refused, or missing" == problem(server.url)
        assert "user or password refused, or missing" == problem(server.url.replace("//", "//ada:wrong@"))
        with (
            connected(url, connect_timeout=PATIENCE, timeout=PATIENCE) as client,
            pytest.raises(redis.exceptions.NoPermissionError) as caught,
        ):
            client.get("other")
        assert "the user may not use this command or key" == in_words(caught.value)


def test_tls(tmp_path: Path, ca: trustme.CA, ca_file: str) -> None:
    """A certificate passes with its authority and its name, and nothing else does unless the URL says so."""
    with RedisServer(tmp_path, tls=ca) as server:
        assert works(f"{server.url}?ssl_ca_certs={ca_file}")
        assert works(f"{server.url.replace('127.0.0.1', 'localhost')}?ssl_ca_certs={ca_file}")
        assert works(f"{server.url}?ssl_cert_reqs=none")
        assert "its certificate was refused" in problem(server.url)
        assert "No such file or directory" == problem(f"{server.url}?ssl_ca_certs=/nowhere/ca.pem")


def test_tls_name(tmp_path: Path, ca_file: str, ca: trustme.CA) -> None:
    """A certificate for another name is refused, and passes if the URL does without the name."""
    with RedisServer(tmp_path, tls=ca, names=["cache.example"]) as server:
        url = f"{server.url}?ssl_ca_certs={ca_file}"

        assert "its certificate was refused: IP address mismatch" in problem(url)
        assert works(f"{url}&ssl_check_hostname=false")


def test_ready_context(tmp_path: Path, ca: trustme.CA, ca_file: str) -> None:
    """A context serves many clients, and is as strict as the URL asks for; without TLS there is none."""
    with RedisServer(tmp_path, tls=ca) as server:
        url = f"{server.url}?ssl_ca_certs={ca_file}"
        context = tls_context(url)
        for _ in range(2):
            with connected(url, connect_timeout=PATIENCE, timeout=PATIENCE, context=context) as client:
                assert client.ping()

    assert tls_context("redis://127.0.0.1") is None
    with pytest.raises(ValueError, match="ssl_cert_reqs must be none, optional or required"):
        tls_context("rediss://127.0.0.1?ssl_cert_reqs=maybe")


def test_refused() -> None:
    """Where nothing listens, or nobody is known, that is what the words say."""
    assert "Connection refused" == problem(f"redis://127.0.0.1:{free_port()}")
    assert "No such file or directory" == problem("unix:///nowhere/redis.sock")
    assert "its name is unknown" == problem("redis://nowhere.invalid")


def test_time_outs_are_not_multiplied(server: RedisServer) -> None:
    """Neither a connection that is not answered nor a question is tried twice."""
    with FullBacklog() as full:
        started = time.monotonic()
        words = problem(f"redis://127.0.0.1:{full.port}", 1.0)
        connecting = time.monotonic() - started
    server.pause()
    started = time.monotonic()

    assert "no answer in time" == words == problem(server.url, 1.0)
    assert 1.0 <= connecting < 2.0
    assert 1.0 <= time.monotonic() - started < 2.0


def test_a_dropped_connection_is_made_anew(server: RedisServer) -> None:
    """A client that is kept notices, when it asks again, that the server has dropped its connection meanwhile."""
    client = connect(server.url, connect_timeout=PATIENCE, timeout=PATIENCE)
    assert client.ping()
    with connected(server.url, connect_timeout=PATIENCE, timeout=PATIENCE) as other:
        other.client_kill_filter(_type="normal", skipme=True)

    assert client.ping()
    disconnect(client)


def test_nothing_stays_open(server: RedisServer) -> None:
    """After `connected` the server has no connection of ours, and `disconnect` does the same."""
    with connected(server.url, connect_timeout=PATIENCE, timeout=PATIENCE) as watcher:
        works(server.url)
        client = connect(server.url, connect_timeout=PATIENCE, timeout=PATIENCE)
        client.ping()
        wait_until(lambda: 2 == watcher.info("clients")["connected_clients"], message="the first one to be gone")
        disconnect(client)

        wait_until(lambda: 1 == watcher.info("clients")["connected_clients"], message="the second one to be gone")


def test_sentinel_with_users(tmp_path: Path) -> None:
    """The first Sentinel that answers names the master; it and the master have users of their own."""
    boss = "boss on >w0rd ~* &* +@all"
    with (
        RedisServer(tmp_path, users=[ADA]) as server,
        RedisSentinel(tmp_path, "flags", server.port, users=["default off", boss]) as sentinel,
    ):
        hosts = f"127.0.0.1:{free_port()},127.0.0.1:{sentinel.port}"
        url = f"redis+sentinel:{AS_ADA}{hosts}/flags/1?sentinel_username=boss&sentinel_password="

        assert works(f"{url}w0rd")
        assert "no Sentinel that answers knows a master of this name" == problem(f"{url}wrong")
        assert "no Sentinel that answers knows a master of this name" == problem(f"{url}w0rd".replace("flags", "other"))


def test_replica_takes_no_writes(server: RedisServer, tmp_path: Path) -> None:
    """A replica is told from a master by what it refuses."""
    with RedisServer(tmp_path, master=server.port) as replica:
        assert "it is a replica that takes no writes" == problem(replica.url)


def test_words_quote_nobody() -> None:
    """What the server or an unknown error says is not repeated, the server's code for it is."""
    assert "refused with WRONGTYPE" == in_words(redis.ResponseError("WRONGTYPE Operation against s3cret"))
    assert "refused" == in_words(redis.ResponseError("unknown command s3cret"))
    assert "the connection was lost" == in_words(redis.ConnectionError("s3cret"))
    assert "KeyError" == in_words(KeyError("s3cret"))
