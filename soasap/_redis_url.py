"""
The URL of a Redis: plain, TLS, a Unix socket, or the master that a Sentinel names.

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
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote

__all__ = ["OPTIONS", "SENTINEL_OPTIONS", "TLS_OPTIONS", "RedisUrl", "parse", "shown"]

SCHEMES = ("redis", "rediss", "unix", "redis+sentinel", "rediss+sentinel")

OPTIONS = frozenset({"client_name", "db", "password", "username"})
"""What the query of any URL may say."""

TLS_OPTIONS = frozenset(
    {
        *("ssl_ca_certs", "ssl_ca_path", "ssl_ca_data", "ssl_cert_reqs", "ssl_check_hostname"),
        *("ssl_certfile", "ssl_keyfile", "ssl_password"),
    }
)
"""What it may say besides, where there is TLS."""

SENTINEL_OPTIONS = frozenset({"sentinel_username", "sentinel_password"})
"""What it may say besides, where there are Sentinels."""

DEFAULT_PORT = 6379
SENTINEL_PORT = 26379

_SHAPE = re.compile(r"(?P<scheme>[a-z+]+)://(?P<authority>[^/?#]*)(?P<path>/[^?#]*)?(\?(?P<query>[^#]*))?")
_HOST = re.compile(r"(?P<host>[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\])(:(?P<port>[0-9]{1,5}))?")
_ENCODE = "percent-encode what is special in user and password: / ? # @ : and %"


class RedisUrl(NamedTuple):
    """
    A URL in its parts.

    Attributes:
        scheme: One of those above.
        username: Decoded; empty if there is none, and so is the password.
        password: Decoded.
        hosts: One and its port; several for Sentinels; none for a Unix socket.
        path: Of the Unix socket, decoded; else as it stands there.
        service: What the Sentinels call the master.
        query: Options, decoded.
    """

    scheme: str
    username: str
    password: str
    hosts: list[tuple[str, int]]
    path: str
    service: str
    query: dict[str, str]

    def __repr__(self) -> str:
        return f"RedisUrl({self.scheme}, {self.hosts or self.path})"  # it may get into somebody's log

    @property
    def is_sentinel(self) -> bool:
        """Whether the hosts are Sentinels."""
        return self.scheme.endswith("+sentinel")

    @property
    def is_tls(self) -> bool:
        """Whether all connections are encrypted."""
        return self.scheme.startswith("rediss")


def shown(url: str) -> str:
    """Scheme and address, for people: `rediss://cache.internal:6379`. Raises as `check`."""
    parts = parse(url)
    if parts.scheme == "unix":
        return f"unix://{parts.path}"
    hosts = ",".join(f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in parts.hosts)
    return f"{parts.scheme}://{hosts}" + (f"/{parts.service}" if parts.is_sentinel else "")


def parse(url: str) -> RedisUrl:
    """
    The parts of a URL as above.

    Raises:
        TypeError, ValueError: It is none; the message says what was seen, what is expected and what to do.
    """
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
    hosts: list[tuple[str, int]] = []
    service = ""
    if scheme == "unix":
        if authority or len(path) < 2:
            raise ValueError("the Redis URL begins with unix:// and names no socket; expected unix:///path/to/socket")
        path = unquote(path)
    elif scheme.endswith("+sentinel"):
        hosts = _hosts(scheme, authority, SENTINEL_PORT)
        service, path = _service(scheme, path)
    else:
        hosts = _hosts(scheme, authority, DEFAULT_PORT)
    if scheme != "unix":
        if len(hosts) > 1 and not service:
            raise ValueError(
                f"the Redis URL names {len(hosts)} hosts; {scheme}:// takes one, {scheme}+sentinel:// more"
            )
        if not re.fullmatch(r"(/[0-9]*)?", path):
            raise ValueError(f"the path of the Redis URL is not the number of a database; expected /0; {_ENCODE}")
        if path.strip("/"):
            query = {"db": path.strip("/"), **query}  # the query wins, as in redis-py
    if not re.fullmatch(r"[0-9]*", query.get("db", "")):
        raise ValueError("the Redis URL has an option db that is not the number of a database; expected db=0")
    username, _, password = userinfo.partition(":")
    username, password = query.pop("username", unquote(username)), query.pop("password", unquote(password))
    return RedisUrl(scheme, username, password, hosts, path, service, query)


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
    allowed = OPTIONS
    if scheme.startswith("rediss"):
        allowed |= TLS_OPTIONS
    if scheme.endswith("+sentinel"):
        allowed |= SENTINEL_OPTIONS
    query = dict(parse_qsl(text, keep_blank_values=True))
    for name in sorted(query.keys() - allowed):
        if re.fullmatch(r"(socket_(connect_)?timeout|timeout|retry_on_\w+)", name):
            raise ValueError(f"the Redis URL has the option {name}; time-outs are arguments, and nothing is retried")
        seen = name if re.fullmatch(r"[a-z_]{1,40}", name) else "that has no proper name"
        raise ValueError(f"the Redis URL has an option {seen}; allowed are {', '.join(sorted(allowed))}; {_ENCODE}")
    return query


def _service(scheme: str, path: str) -> tuple[str, str]:
    """The service that the path of a Sentinel URL names, and the rest of that path."""
    found = re.fullmatch(r"/(?P<service>[A-Za-z0-9_.-]+)(?P<rest>/.*)?", path)
    if found is None:
        raise ValueError(
            f"the Redis URL begins with {scheme}:// and names no service; "
            f"expected {scheme}://host:port/service or {scheme}://host:port/service/0"
        )
    return found["service"], found["rest"] or ""
