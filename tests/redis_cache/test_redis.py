from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from soasap._io.cache_file import MAX_CACHE_BYTES
from soasap.exceptions import CacheError
from soasap.redis import RedisSnapshotCache
from tests.addresses import free_port
from tests.redis_cache.entries import PATIENCE, ask, calls, keys, payload, put
from tests.redis_server import RedisServer
from tests.scripts import run_script

NAME = "a" * 64
PAYLOAD = b'{ "on" :true,\n"n":\t1.50 }\xf0\x9f\x9a\xa9'


def cache_of(server: RedisServer, name: str = NAME) -> RedisSnapshotCache:
    """A cache for one environment that does not lose patience on a busy machine."""
    return RedisSnapshotCache(server.url, connect_timeout=PATIENCE, timeout=PATIENCE).for_environment(name)


def test_save_and_load(server: RedisServer) -> None:
    """What was saved comes back byte for byte, in another cache object too; before that there is nothing."""
    before = cache_of(server).load()
    cache_of(server).save(PAYLOAD)

    assert before is None
    assert PAYLOAD == cache_of(server).load()
    assert [f"soasap:cache:{NAME}"] == keys(server)
    assert hashlib.sha256(PAYLOAD).hexdigest().encode() == ask(server, "HGET", f"soasap:cache:{NAME}", "digest")


def test_what_is_there_is_not_sent_again(server: RedisServer) -> None:
    """A payload that Redis has is not written, whoever wrote it; another one is, and the one after that."""
    for _ in range(3):
        cache_of(server).save(PAYLOAD)
    once = calls(server, "hset")
    cache_of(server).save(b"{}")
    cache_of(server).save(PAYLOAD)

    assert (1, 3) == (once, calls(server, "hset"))
    assert PAYLOAD == cache_of(server).load()


@pytest.mark.slow
def test_many_workers_at_once(server: RedisServer) -> None:
    """Of two hundred workers that save the same change in the same moment, few send it."""
    caches = [cache_of(server) for _ in range(200)]
    with ThreadPoolExecutor(50) as pool:
        list(pool.map(lambda cache: cache.save(PAYLOAD), caches))

    assert 200 == calls(server, "hget")
    assert calls(server, "hset") <= 60
    assert PAYLOAD == payload(server, f"soasap:cache:{NAME}")


def test_environments_are_apart(server: RedisServer) -> None:
    """Two names never share an entry, and a prefix of one's own sets all of them apart."""
    cache_of(server, "a").save(b'{"a": 1}')
    cache_of(server, "b").save(b'{"b": 1}')
    RedisSnapshotCache(server.url, prefix="shop:").for_environment("a").save(b'{"c": 1}')

    assert (b'{"a": 1}', b'{"b": 1}') == (cache_of(server, "a").load(), cache_of(server, "b").load())
    assert ["shop:a", "soasap:cache:a", "soasap:cache:b"] == keys(server)


def test_without_an_environment(server: RedisServer) -> None:
    """A cache that was given to no client does not guess an entry."""
    for call in (RedisSnapshotCache(server.url).load, lambda: RedisSnapshotCache(server.url).save(b"{}")):
        with pytest.raises(CacheError, match="give this cache to a client, or call for_environment"):
            call()

    assert [] == keys(server)


def test_cap(server: RedisServer) -> None:
    """The largest payload comes back; one byte more is refused before it is read, and named with its size."""
    cache = cache_of(server)
    cache.save(b" " * MAX_CACHE_BYTES)
    largest = cache.load()
    put(server, f"soasap:cache:{NAME}", b" " * (MAX_CACHE_BYTES + 1))
    before = calls(server, "hget")

    with pytest.raises(CacheError, match=rf"127.0.0.1:{server.port} has 5242881 bytes, 5242880 are allowed"):
        cache.load()
    assert MAX_CACHE_BYTES == len(largest or b"")
    assert before == calls(server, "hget")


def test_entry_of_another_kind(server: RedisServer) -> None:
    """A key that somebody else uses for something else is an error, and stays as it is."""
    ask(server, "SET", f"soasap:cache:{NAME}", "theirs")

    with pytest.raises(CacheError, match="could not be loaded: refused with WRONGTYPE"):
        cache_of(server).load()
    with pytest.raises(CacheError, match="could not be saved: refused with WRONGTYPE"):
        cache_of(server).save(PAYLOAD)
    assert b"theirs" == ask(server, "GET", f"soasap:cache:{NAME}")


def test_errors_say_where_and_what() -> None:
    """An error has scheme, host, port and the kind of failure; no URL, no user, no password, and no foreign error."""
    port = free_port()
    cache = RedisSnapshotCache(f"redis://ada:s3cret@127.0.0.1:{port}/3").for_environment(NAME)

    with pytest.raises(CacheError) as caught:
        cache.load()

    assert f"the flag cache in redis://127.0.0.1:{port} could not be loaded: Connection refused" == str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert f"RedisSnapshotCache('redis://127.0.0.1:{port}')" == repr(cache)


def test_dead_server_between_calls(server: RedisServer) -> None:
    """A server that was killed and started again serves the next call as if nothing had been."""
    cache = cache_of(server)
    cache.save(PAYLOAD)
    server.kill()
    with pytest.raises(CacheError, match="Connection refused"):
        cache.load()
    server.start()

    assert cache.load() is None
    cache.save(PAYLOAD)
    assert PAYLOAD == cache.load()


@pytest.mark.parametrize(
    ("arguments", "error", "complaint"),
    [
        ({"url": "http://cache"}, ValueError, "begins with http://"),
        ({"url": None}, TypeError, "must be a string, not NoneType"),
        ({"prefix": 7}, TypeError, "prefix must be a string, not int"),
        ({"timeout": "1"}, TypeError, "timeout must be a number of seconds, not str"),
        ({"timeout": True}, TypeError, "timeout must be a number of seconds, not bool"),
        ({"connect_timeout": 0}, ValueError, "connect_timeout must be more than 0 seconds and finite, not 0"),
        ({"timeout": float("inf")}, ValueError, "timeout must be more than 0 seconds and finite, not inf"),
    ],
)
def test_wrong_arguments(arguments: dict[str, Any], error: type[Exception], complaint: str) -> None:
    """A wrong argument is refused at construction, in words that name it."""
    with pytest.raises(error, match=complaint):
        RedisSnapshotCache(**{"url": "redis://cache", **arguments})


def test_construction_touches_no_network() -> None:
    """A cache can be made for a server that does not exist, and makes neither client, lock nor socket."""
    output = run_script("""
import socket, threading
import redis
from soasap.redis import RedisSnapshotCache

made = []
places = [(threading, "Lock"), (threading, "RLock"), (socket, "socket"), (socket, "getaddrinfo"), (redis, "Redis")]
originals = [getattr(*place) for place in places]
for module, name in places:
    setattr(module, name, lambda *args, name=name, **kwargs: made.append(name))
RedisSnapshotCache("redis+sentinel://nowhere.invalid/flags").for_environment("a")
for (module, name), original in zip(places, originals):
    setattr(module, name, original)
print(made)
""")

    assert "[]\n" == output


def test_import_is_cheap() -> None:
    """Importing the module imports neither redis-py nor ssl: a server may be about to patch the process."""
    output = run_script("""
import sys
before = set(sys.modules)
import soasap.redis
print(sorted({"redis", "ssl", "asyncio", "urllib3"} & (sys.modules.keys() - before)))
""")

    assert "[]\n" == output


def test_without_redis_py() -> None:
    """Without redis-py the module can be imported, and construction says how to get it."""
    output = run_script("""
import sys
from importlib.machinery import PathFinder

class Without(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name == "redis" else PathFinder.find_spec(name, path, target)

sys.meta_path = [finder for finder in sys.meta_path if finder is not PathFinder] + [Without]
sys.path_importer_cache.clear()
from soasap.redis import RedisSnapshotCache
try:
    RedisSnapshotCache("redis://cache")
except ImportError as error:
    print(error)
""")

    assert 'RedisSnapshotCache needs redis-py: pip install "soasap[redis]"\n' == output


def test_cooperative_follows_the_patch() -> None:
    """The cache is cooperative where sockets are a green library's at that moment, and not where one is imported."""
    program = """
from soasap.redis import RedisSnapshotCache
cache = RedisSnapshotCache("redis://cache").for_environment("a")
print(cache.cooperative)
import warnings
warnings.simplefilter("ignore")
import {library}, {monkey}
print(cache.cooperative)
{patch}
print(cache.cooperative)
"""
    gevent = program.format(library="gevent.socket", monkey="gevent.monkey", patch="gevent.monkey.patch_all()")
    eventlet = program.format(
        library="eventlet.green.socket", monkey="eventlet.patcher", patch="eventlet.monkey_patch()"
    )

    assert "False\nFalse\nTrue\n" == run_script(gevent)
    assert "False\nFalse\nTrue\n" == run_script(eventlet)
