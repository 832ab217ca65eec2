"""
From a URL to a Redis client: plain, TLS, a Unix socket, or the master that a Sentinel names.

::

    redis://[[user]:password@]host[:port][/db]                        rediss:// for TLS
    unix://[[user]:password@]/path/to/socket[?db=0]
    redis+sentinel://[[user]:password@]host[:port][,...]/service[/db]    rediss+sentinel:// for TLS

The query takes redis-py's own options (`?ssl_ca_certs=/etc/ca.pem`), except those for time-outs and retries: they are
the caller's. `sentinel_username` and `sentinel_password` are for the Sentinels; user and password are for the master.

Checking and showing a URL imports nothing: redis-py imports ssl, which must not happen in a process that is about to be
monkey-patched. What is shown has no user and no password; what cannot be read is not shown at all, because then nobody
knows which part of it is the password.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl, urlencode

if TYPE_CHECKING:
    import redis

__all__ = ["OPTIONS", "SENTINEL_OPTIONS", "check", "connect", "connected", "disconnect", "in_words", "shown"]

SCHEMES = ("redis", "rediss", "unix", "redis+sentinel", "rediss+sentinel")

OPTIONS = frozenset(
    {
        *("client_name", "db", "password", "protocol", "socket_keepalive", "username"),
        *("ssl_ca_certs", "ssl_ca_data", "ssl_ca_path", "ssl_cert_reqs", "ssl_certfile", "ssl_check_hostname"),
        *("ssl_ciphers", "ssl_keyfile", "ssl_min_version", "ssl_password"),
    }
)
"""What the query of any URL may say."""

SENTINEL_OPTIONS = frozenset({"sentinel_username", "sentinel_password"})

DEFAULT_PORT = 6379
SENTINEL_PORT = 26379

_SHAPE = re.compile(r"(?P<scheme>[a-z+]+)://(?P<authority>[^/?#]*)(?P<path>/[^?#]*)?(\?(?P<query>[^#]*))?")
_HOST = re.compile(r"(?P<host>[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\])(:(?P<port>[0-9]{1,5}))?")
_ENCODE = "percent-encode what is special in user and password: / ? # @ : and %"


class _Parts(NamedTuple):
    scheme: str
    userinfo: str
    hosts: list[tuple[str, int]]
    path: str
    query: dict[str, str]

    @property
    def is_sentinel(self) -> bool:
        return self.scheme.endswith("+sentinel")

    @property
    def is_tls(self) -> bool:
        return self.scheme.startswith("rediss")


def check(url: str) -> None:
    """
    Look whether this is a URL as above.

    Raises:
        TypeError, ValueError: It is not; the message says what was seen, what is expected and what to do.
    """
    _parse(url)


def shown(url: str) -> str:
    """Scheme and address, for people: `rediss://cache.internal:6379`. Raises as `check`."""
    parts = _parse(url)
    if parts.scheme == "unix":
        return f"unix://{parts.path}"
    hosts = ",".join(f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in parts.hosts)
    return f"{parts.scheme}://{hosts}" + (f"/{_service(parts)[0]}" if parts.is_sentinel else "")


def connect(
    url: str,
    *,
    connect_timeout: float,
    timeout: float | None,
    on_connect: Callable[[Any], None] | None = None,
) -> redis.Redis:
    """
    A client, which connects when it is first asked, and never tries twice.

    Args:
        url: As above.
        connect_timeout: Seconds for each address that is tried, Sentinels included.
        timeout: Seconds for each answer; `None` waits for ever.
        on_connect: Called with each connection that was made, TLS included, before it says anything; has to call the
            connection's `on_connect`.

    Raises:
        ImportError: redis-py is missing.
        TypeError, ValueError: See `check`.
    """
    from redis import Redis
    from redis.backoff import NoBackoff
    from redis.connection import parse_url
    from redis.retry import Retry

    parts = _parse(url)
    common: dict[str, Any] = {
        "socket_connect_timeout": connect_timeout,
        "socket_timeout": timeout,
        "retry": Retry(NoBackoff(), 0),  # redis-py's own default is three to ten, each with a time-out of its own
        "protocol": 2,  # one round trip less: no HELLO
    }
    if parts.is_tls:
        # Older releases check host names only if asked to.
        common["ssl_check_hostname"] = parts.query.get("ssl_cert_reqs", "").lower() not in ("none", "cert_none")
    if on_connect is not None:
        common["redis_connect_func"] = on_connect
    if not parts.is_sentinel:
        return Redis.from_url(url, **common)

    from redis.sentinel import Sentinel

    service, database = _service(parts)
    query = {name: value for name, value in parts.query.items() if name not in SENTINEL_OPTIONS}
    userinfo = f"{parts.userinfo}@" if parts.userinfo else ""
    given = parse_url(f"redis://{userinfo}localhost/{database}?{urlencode(query)}")  # type: ignore[no-untyped-call]
    options = {**common, **given}
    del options["host"]
    if parts.is_tls:
        options["ssl"] = True
    for_sentinels = {name: value for name, value in options.items() if name not in ("db", "username", "password")}
    for name in SENTINEL_OPTIONS & parts.query.keys():
        for_sentinels[name.removeprefix("sentinel_")] = parts.query[name]
    sentinel: Any = Sentinel(parts.hosts, sentinel_kwargs=for_sentinels, **options)  # type: ignore[no-untyped-call]
    client: redis.Redis = sentinel.master_for(service)
    return client


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


def in_words(error: Exception) -> str:
    """
    What went wrong with a Redis, for people. What the server or the system said is not quoted: it may quote us.

    Args:
        error: What a client raised.
    """
    import ssl

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
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        cause = cause.__cause__ or cause.__context__
    return "the connection was lost" if isinstance(error, exceptions.ConnectionError) else type(error).__name__


def _parse(url: str) -> _Parts:
    if not isinstance(url, str):
        raise TypeError(f"the Redis URL must be a string, not {type(url).__name__}")
    shape = _SHAPE.fullmatch(url)
    scheme = shape["scheme"] if shape else ""
    if shape is None or scheme not in SCHEMES:
        seen = f"begins with {scheme}://" if scheme else "is none"
        raise ValueError(f"the Redis URL {seen}; expected {'://, '.join(SCHEMES)}://; {_ENCODE}")
    userinfo, _, authority = shape["authority"].rpartition("@")
    path = shape["path"] or ""
    query = _query(scheme, shape["query"] or "")
    if scheme == "unix":
        if authority or len(path) < 2:
            raise ValueError("the Redis URL begins with unix:// and names no socket; expected unix:///path/to/socket")
        return _Parts(scheme, userinfo, [], path, query)
    is_sentinel = scheme.endswith("+sentinel")
    hosts = _hosts(scheme, authority, SENTINEL_PORT if is_sentinel else DEFAULT_PORT)
    parts = _Parts(scheme, userinfo, hosts, path, query)
    if is_sentinel:
        _service(parts)
    elif len(hosts) > 1:
        raise ValueError(f"the Redis URL names {len(hosts)} hosts; {scheme}:// takes one, {scheme}+sentinel:// several")
    elif not re.fullmatch(r"(/[0-9]*)?", path):
        raise ValueError(f"the path of the Redis URL is not the number of a database; expected /0; {_ENCODE}")
    return parts


def _hosts(scheme: str, authority: str, port: int) -> list[tuple[str, int]]:
    found = [_HOST.fullmatch(each) for each in authority.split(",")]
    hosts = [(each["host"].strip("[]"), int(each["port"] or port)) for each in found if each]
    if len(hosts) < len(found) or any(not 0 < number < 65536 for _, number in hosts):
        raise ValueError(
            f"the Redis URL begins with {scheme}:// and has no host, or a port that is none; "
            f"expected {scheme}://host:port; {_ENCODE}"
        )
    return hosts


def _query(scheme: str, text: str) -> dict[str, str]:
    allowed = OPTIONS | SENTINEL_OPTIONS if scheme.endswith("+sentinel") else OPTIONS
    query = dict(parse_qsl(text, keep_blank_values=True))
    for name in sorted(query.keys() - allowed):
        if re.fullmatch(r"(socket_(connect_)?timeout|timeout|retry_on_\w+)", name):
            raise ValueError(f"the Redis URL has the option {name}; time-outs are arguments, and nothing is retried")
        seen = name if re.fullmatch(r"[a-z_]{1,40}", name) else "that has no proper name"
        raise ValueError(f"the Redis URL has an option {seen}; allowed are {', '.join(sorted(allowed))}; {_ENCODE}")
    return query


def _service(parts: _Parts) -> tuple[str, int]:
    """The service a Sentinel URL names, and the number of the database."""
    found = re.fullmatch(r"/(?P<service>[A-Za-z0-9_.-]+)(/(?P<database>[0-9]*))?", parts.path)
    if found is None:
        raise ValueError(
            f"the Redis URL begins with {parts.scheme}:// and names no service; "
            f"expected {parts.scheme}://host:port/service or .../service/0"
        )
    return found["service"], int(found["database"] or parts.query.get("db", "0"))
