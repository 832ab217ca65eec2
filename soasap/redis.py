"""
A warm start without a disk: the last flags of all workers in one Redis entry.

>>> from soasap import create_soasap_client
>>> from soasap.redis import RedisSnapshotCache
>>> flags = create_soasap_client(api_key="...", cache=RedisSnapshotCache("redis://cache.internal:6379/0"))

Comes with the extra `soasap[redis]`. For containers whose disk is gone with them, or is read-only.

**A connection per call.** It is made for one load or one save and closed with it. Saves are 2.5 seconds apart at least
and mostly hours, servers and load balancers cut what is idle for so long, a cache is never told that its client was
closed, and a fork finds nothing to inherit. 2,000 workers keep 2,000 connections less open.

**One entry.** A hash with the fields `payload`, as it came from the flag service, and `digest`, its SHA-256 in hex. All
workers receive the same change: whoever finds its digest there sends no payload.
"""

from __future__ import annotations

import hashlib
import importlib.util
import math
import os
import socket
from collections.abc import Callable
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, TypeVar

from soasap._io.cache_file import MAX_CACHE_BYTES
from soasap._io.waker import Waker
from soasap._redis_url import parse, shown
from soasap.concurrency import fork
from soasap.concurrency.auto import detect, process_obstacle
from soasap.exceptions import CacheError

if TYPE_CHECKING:
    import ssl

    import redis

__all__ = ["RedisSnapshotCache"]

R = TypeVar("R")


class RedisSnapshotCache:
    """
    A `soasap.protocols.SnapshotCache` in Redis, for the option `cache`.

    While Redis is away flags live in memory alone: one DISK report per outage, no read and no stream waits, and
    `close()` does not try. It is asked again every 30 seconds if there is something to save.

    Args:
        url: `redis://`, `rediss://` (TLS), `unix://`, or `redis+sentinel://host:port[,host:port...]/service[/db]` and
            `rediss+sentinel://`. The query takes redis-py's options (`?ssl_ca_certs=/etc/ca.pem`), and for Sentinels
            `sentinel_username` and `sentinel_password`.
        prefix: What the names of our entries begin with; a hash of API key and base URL follows.
        connect_timeout: Seconds to connect, for each address that is tried. Resolving a name takes what the system
            takes.
        timeout: Seconds for each answer.

    Raises:
        TypeError, ValueError: An argument is wrong; the message says what to do, and quotes no password.
        ImportError: redis-py is missing.
    """

    def __init__(
        self,
        url: str,
        *,
        prefix: str = "soasap:cache:",
        connect_timeout: float = 0.5,
        timeout: float = 0.5,
    ) -> None:
        parse(url)
        if not isinstance(prefix, str):
            raise TypeError(f"prefix must be a string, not {type(prefix).__name__}")
        self._url = url
        self._prefix = prefix
        self._connect_timeout = _checked_seconds(connect_timeout, "connect_timeout")
        self._timeout = _checked_seconds(timeout, "timeout")
        self._entry = ""
        self._waker = Waker()
        self._tls: tuple[object, ssl.SSLContext | None] | None = None
        if importlib.util.find_spec("redis") is None:
            raise ImportError('RedisSnapshotCache needs redis-py: pip install "soasap[redis]"')
        if not process_obstacle():
            # Weight: it takes 0.2 s, and would hold up a loop at the first use. But where a server is about to patch
            # the process, what redis-py imports would break the application's own HTTPS.
            import redis  # noqa: F401

            import soasap._redis_client  # noqa: F401

    def for_environment(self, name: str) -> RedisSnapshotCache:
        """The same Redis, for one API key at one service. Called by the client that is made with this cache."""
        bound = RedisSnapshotCache(
            self._url, prefix=self._prefix, connect_timeout=self._connect_timeout, timeout=self._timeout
        )
        bound._entry = self._prefix + name
        fork.register(bound)
        return bound

    @property
    def cooperative(self) -> bool:
        """Whether redis-py's sockets are greenlets' now, so that they must stay with the task that uses them."""
        return str(socket.socket.__module__).partition(".")[0] in ("gevent", "eventlet")

    def load(self) -> bytes | None:
        """The payload in Redis; `None` if there is none. Raises `soasap.exceptions.CacheError`."""
        return self._ask("loaded", self._load)

    def save(self, payload: bytes) -> None:
        """Put this payload into Redis, unless it is there. Raises `soasap.exceptions.CacheError`."""
        self._ask("saved", lambda client: self._save(client, payload))

    def after_fork_in_child(self) -> None:
        """Give up a connection that another task of the parent was using. Called by the hook of the fork."""
        self._waker.neutralise()

    def __repr__(self) -> str:
        return f"RedisSnapshotCache({shown(self._url)!r})"

    def _ask(self, done: str, call: Callable[[redis.Redis], R]) -> R:
        if not self._entry:
            raise CacheError("no API key is known here: give this cache to a client, or call for_environment")
        # A fork waits until no native thread resolves a name or shakes hands over TLS. Around all of it, as redis-py
        # does it all at once: a fork may have to wait for a time-out, if it meets the one attempt in half a minute.
        gate = fork.gate().passing() if detect() == "threads" else nullcontext()
        pid = os.getpid()
        from soasap._redis_client import connected, in_words

        try:
            with (
                gate,
                connected(
                    self._url,
                    connect_timeout=self._connect_timeout,
                    timeout=self._timeout,
                    context=self._tls_context(),
                    on_connect=lambda connection: self._watch(connection, pid),
                ) as client,
            ):
                return call(client)
        except CacheError:
            raise
        except Exception as error:
            problem = in_words(error)
        finally:
            self._waker.close()
        # Out here, so that it carries no foreign error: the frames of that one know the password.
        raise CacheError(f"the flag cache in {shown(self._url)} could not be {done}: {problem}")

    def _tls_context(self) -> ssl.SSLContext | None:
        """Made once in a process: again only if that was forked or patched since."""
        import ssl

        from soasap._redis_client import tls_context

        state = (os.getpid(), ssl.SSLContext)
        if self._tls is None or self._tls[0] != state:
            self._tls = (state, tls_context(self._url))
        return self._tls[1]

    def _watch(self, connection: Any, pid: int) -> None:
        """With a connection just made: let the hook of a fork find it."""
        if pid != os.getpid():
            raise CacheError("this process was forked while the connection was made")
        self._waker.add(connection._sock)
        connection.on_connect()

    def _load(self, client: redis.Redis) -> bytes | None:
        size = client.hstrlen(self._entry, "payload")
        if size > MAX_CACHE_BYTES:
            raise CacheError(f"the flag cache in {shown(self._url)} has {size} bytes, {MAX_CACHE_BYTES} are allowed")
        payload = client.hget(self._entry, "payload")
        return payload if isinstance(payload, bytes) else None

    def _save(self, client: redis.Redis, payload: bytes) -> None:
        digest = hashlib.sha256(payload).hexdigest()
        if client.hget(self._entry, "digest") != digest.encode():
            client.hset(self._entry, mapping={"payload": payload, "digest": digest})


def _checked_seconds(value: float, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name} must be a number of seconds, not {type(value).__name__}")
    if not (math.isfinite(value) and value > 0):
        raise ValueError(f"{name} must be more than 0 seconds and finite, not {value!r}")
    return value
