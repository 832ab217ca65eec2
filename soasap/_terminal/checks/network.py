"""
The way to the next machine: its name, and a connection.

The next machine is the proxy if there is one, else the service. Plain sockets, one address at a time: the client itself
stops at the first address that answers, and says nothing of those before it.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

from soasap._terminal.finding import Finding, failure, ok, warning
from soasap._terminal.troubles import Trouble

__all__ = ["SLOW_DNS", "check_connection", "check_dns", "endpoint"]

SLOW_DNS = 2.0
"""Seconds. Resolvers wait 5 before they ask the next server."""

_PORTS = {"http": 80, "https": 443}


def endpoint(url: str) -> tuple[str, int]:
    """Host and port of a URL that was checked."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or _PORTS[parts.scheme]


def check_dns(host: str, port: int) -> tuple[Finding, list[str]]:
    """
    Whether the host is known; the finding, and its addresses in the order in which they are tried.

    May take as long as the system's resolver takes.
    """
    started = time.monotonic()
    try:
        rows = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:  # a label that is too long is no OSError
        words = getattr(error, "strerror", None) or str(error)
        return failure("dns", f"{host} is unknown: {words}", _dns_advice(error), Trouble.UNREACHABLE, host=host), []
    seconds = time.monotonic() - started
    addresses = list(dict.fromkeys(str(row[4][0]) for row in rows))
    words = f"{host} is {', '.join(addresses)}" if addresses != [host] else f"{host} is an address"
    if seconds > SLOW_DNS:
        return (
            warning(
                "dns",
                f"{words}, after {seconds:.1f} s",
                "see which name server of this machine does not answer; each reconnect waits for it",
                Trouble.UNREACHABLE,
                host=host,
                seconds=seconds,
            ),
            addresses,
        )
    return ok("dns", words, host=host, seconds=seconds), addresses


def check_connection(host: str, port: int, addresses: Sequence[str], timeout: float, *, is_proxy: bool) -> Finding:
    """
    Whether one of the addresses takes a connection.

    Args:
        host: For words only.
        port: 1 to 65535.
        addresses: Numeric, at least one.
        timeout: Seconds for each.
        is_proxy: Whether this is the proxy.
    """
    who = "the proxy " if is_proxy else ""
    refused: list[str] = []
    for address in addresses:
        started = time.monotonic()
        try:
            socket.create_connection((address, port), timeout).close()
        except OSError as error:
            ours = isinstance(error, TimeoutError) and error.errno is None
            refused.append(f"{address}: {f'no answer within {timeout:g} s' if ours else error.strerror or error}")
            continue
        seconds = time.monotonic() - started
        words = f"{who}{address} port {port} takes connections, after {seconds * 1000:.1f} ms"
        if not refused:
            return ok("connection", words, address=address, port=port, seconds=seconds)
        return warning(
            "connection",
            f"{words}; not so {'; '.join(refused)}",
            "each connection tries these first: take them out of the DNS, or open the way there",
            Trouble.UNREACHABLE,
            address=address,
            port=port,
            seconds=seconds,
        )
    return failure(
        "connection",
        f"{who}{host} port {port} takes no connection ({'; '.join(refused)})",
        "see that it runs, that host and port are right, and that a firewall lets this machine out",
        Trouble.PROXY if is_proxy else Trouble.UNREACHABLE,
        port=port,
    )


def _dns_advice(error: Exception) -> str:
    if isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN:
        return "the name server did not answer; see the network and resolv.conf of this machine or container"
    return "check the spelling; a name of a private network is known inside of it only"
