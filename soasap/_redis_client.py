"""
A redis-py client for a URL of `soasap._redis_url`, and what goes wrong with one in plain words.

redis-py is imported here, in functions: it comes with the extra `soasap[redis]`, and it imports ssl, which must not
happen in a process that is about to be monkey-patched.
"""

from __future__ import annotations

import os
import re
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from soasap._redis_url import SENTINEL_OPTIONS, RedisUrl, parse

if TYPE_CHECKING:
    import redis

__all__ = ["connect", "connected", "disconnect", "in_words", "tls_context"]


def tls_context(url: str) -> ssl.SSLContext | None:
    """
    The TLS context that the URL asks for, `None` if that is none.

    Certificates are checked, and host names in them, unless the URL says otherwise. With authorities in the URL these
    alone are trusted; else the system's, which take 40 ms to load. Good for many connections of one process.

    Raises:
        OSError: A file cannot be read, or has nothing of that kind in it.
        ValueError: An option has no meaning.
    """
    parts = parse(url)
    if not parts.is_tls:
        return None
    asked = parts.query
    given = [asked.get(name) for name in ("ssl_ca_certs", "ssl_ca_path", "ssl_ca_data")]
    context = ssl.create_default_context(cafile=given[0], capath=given[1], cadata=given[2])
    required = asked.get("ssl_cert_reqs", "required").lower().removeprefix("cert_")
    if required not in ("none", "optional", "required"):
        raise ValueError("ssl_cert_reqs must be none, optional or required")
    checks = asked.get("ssl_check_hostname", "false" if required == "none" else "true").lower()
    context.check_hostname = checks not in ("0", "f", "false", "n", "no")
    context.verify_mode = ssl.VerifyMode[f"CERT_{required.upper()}"]
    if "ssl_certfile" in asked:
        context.load_cert_chain(asked["ssl_certfile"], asked.get("ssl_keyfile"), asked.get("ssl_password"))
    return context


class _ReadyTls:
    """
    Mixed into redis-py's connections: TLS by a ready context.

    redis-py's own make one for each connection, which holds up a green loop for 40 ms each time.
    """

    def __init__(self, *, ready_context: ssl.SSLContext, **options: Any) -> None:
        self._ready_context = ready_context
        super().__init__(**options)

    def _connect(self) -> Any:
        sock = super()._connect()  # type: ignore[misc]
        try:
            return self._ready_context.wrap_socket(sock, server_hostname=self.host)  # type: ignore[attr-defined]
        except BaseException:
            sock.close()
            raise


def connect(
    url: str,
    *,
    connect_timeout: float,
    timeout: float | None,
    context: ssl.SSLContext | None = None,
    on_connect: Callable[[Any], None] | None = None,
) -> redis.Redis:
    """
    A client, which connects when it is first asked, and never tries twice.

    Args:
        url: See `soasap._redis_url`.
        connect_timeout: Seconds for each address that is tried, Sentinels included.
        timeout: Seconds for each answer; `None` waits for ever.
        context: From `tls_context`; made here if there is none.
        on_connect: Called with each connection that was made, TLS included, before anything is said; has to call the
            connection's own `on_connect`.

    Raises:
        ImportError: redis-py is missing.
        TypeError, ValueError, OSError: See `soasap._redis_url.parse` and `tls_context`.
    """
    from redis import Redis
    from redis.backoff import NoBackoff
    from redis.connection import Connection, ConnectionPool, UnixDomainSocketConnection
    from redis.retry import Retry
    from redis.sentinel import Sentinel, SentinelConnectionPool, SentinelManagedConnection

    # Clients by `connection_pool` and not by `from_pool`: those close themselves when they are collected, which takes a
    # lock, and a green one must not be taken while the interpreter ends. `disconnect` is called instead.
    parts = parse(url)
    every: dict[str, Any] = {
        "socket_connect_timeout": connect_timeout,
        "socket_timeout": timeout,
        "retry": Retry(NoBackoff(), 0),  # redis-py's own default is up to ten, each with its time-outs
        "protocol": 2,  # a round trip less: no HELLO
        "redis_connect_func": on_connect,
    }
    if parts.is_tls:
        every["ready_context"] = context if context is not None else tls_context(url)
    own = {
        **every,
        "db": int(parts.query.get("db") or 0),
        "username": parts.username or None,
        "password": parts.password or None,
        "client_name": parts.query.get("client_name"),
    }
    if parts.scheme == "unix":
        return Redis(connection_pool=ConnectionPool(UnixDomainSocketConnection, path=parts.path, **own))

    def kind(base: type) -> Any:
        return type(f"Tls{base.__name__}", (_ReadyTls, base), {}) if parts.is_tls else base

    if not parts.is_sentinel:
        [(host, port)] = parts.hosts
        return Redis(connection_pool=ConnectionPool(kind(Connection), host=host, port=port, **own))
    theirs = {**every, **_for_sentinels(parts)}
    manager = Sentinel([])  # type: ignore[no-untyped-call]  # they want a kind of connection that it does not make
    manager.sentinels = [
        Redis(connection_pool=ConnectionPool(kind(Connection), host=host, port=port, **theirs))
        for host, port in parts.hosts
    ]
    pool: Any = SentinelConnectionPool
    found = pool(parts.service, manager, connection_class=kind(SentinelManagedConnection), **own)
    return Redis(connection_pool=found)


def disconnect(client: redis.Redis) -> None:
    """Close the client's connections, those to Sentinels too. It may be used again."""
    client.connection_pool.disconnect()
    manager = getattr(client.connection_pool, "sentinel_manager", None)
    for sentinel in getattr(manager, "sentinels", ()):
        sentinel.connection_pool.disconnect()


@contextmanager
def connected(url: str, **options: Any) -> Iterator[redis.Redis]:
    """A client as by `connect`, of which nothing stays open afterwards."""
    client = connect(url, **options)
    try:
        yield client
    finally:
        disconnect(client)


def _for_sentinels(parts: RedisUrl) -> dict[str, str]:
    return {name.removeprefix("sentinel_"): parts.query[name] for name in SENTINEL_OPTIONS & parts.query.keys()}


def in_words(error: Exception) -> str:
    """
    What went wrong with a Redis, for people. What the server or the system said is not quoted: it may quote us.

    Args:
        error: What a client raised.
    """
    from redis import exceptions
    from redis.sentinel import MasterNotFoundError

    for kind, words in (
        (exceptions.TimeoutError, "no answer in time"),
        (MasterNotFoundError, "no Sentinel that answers knows a master of this name"),
        (exceptions.AuthenticationError, "user or password refused, or missing"),
        (exceptions.NoPermissionError, "the user may not use this command or key"),
        (exceptions.ReadOnlyError, "it is a replica that takes no writes"),
        (exceptions.BusyLoadingError, "it is still loading its data"),
        (exceptions.OutOfMemoryError, "it is out of memory"),
    ):
        if isinstance(error, kind):
            return words
    if isinstance(error, exceptions.ResponseError):
        code = str(error).partition(" ")[0]
        return f"refused with {code}" if re.fullmatch(r"[A-Z]{3,20}", code) else "refused"
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate was refused: {cause.verify_message}"
        if isinstance(cause, ssl.SSLError):
            return "TLS failed"
        if isinstance(cause, TimeoutError):
            return "no connection in time"
        if isinstance(cause, socket.gaierror):
            return "its name is unknown"
        if isinstance(cause, OSError) and cause.errno:
            return os.strerror(cause.errno)  # eventlet puts a symbol where the words should be
        cause = cause.__cause__ or cause.__context__
    return "the connection was lost" if isinstance(error, exceptions.ConnectionError) else type(error).__name__
