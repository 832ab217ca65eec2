"""
The flag service that programs in sub-processes talk to: one process, several ports, one behaviour per path.

A client with `base_url="https://127.0.0.1:port/steady"` asks for `/steady/api/v1/flags/live`; the first part of the
path says what it gets. Every payload has the flag `n`, which counts the events of its connection from 0.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

import trustme

from tests.addresses import FullBacklog, free_port
from tests.connect_proxy import ConnectProxy
from tests.flagserver import Connection, ScriptedServer

STEP = 0.01
"""Seconds between the events of a steady stream."""

LARGE_FLAGS = 14_000
"""Flags of a large payload, about 4.5 MB; more than one would want, less than the cap."""


def steady(connection: Connection) -> None:
    """An event every 10 ms, at most: how late one is does not move the next ones closer together."""
    connection.head()
    for n in range(1_000_000):
        connection.flags({"n": n})
        time.sleep(STEP)


def idle(connection: Connection) -> None:
    """One event, then silence."""
    connection.head()
    connection.flags({"n": 0})
    connection.hang()


def silent(connection: Connection) -> None:
    """No answer at all."""
    connection.hang()


def flood(connection: Connection) -> None:
    """Events without a pause, 200 of them in one write."""
    connection.head()
    for first in range(0, 100_000_000, 200):
        events = (b'data: {"n": %d, "text": "%s"}\n\n' % (n, b"x" * 80) for n in range(first, first + 200))
        connection.chunk(b"".join(events))


def large(connection: Connection) -> None:
    """4.5 MB in one event, a new one every 200 ms."""
    connection.head()
    for n in range(1_000_000):
        connection.event(b'{"n": %d, %s}' % (n, _many_flags()))
        time.sleep(0.2)


def cut(connection: Connection) -> None:
    """One event, and the end."""
    connection.head()
    connection.chunk(b"retry: 100\n")
    connection.flags({"n": 0})
    connection.end()


def garbage(connection: Connection) -> None:
    """One good event, one that is no JSON, then silence."""
    connection.head()
    connection.flags({"n": 0})
    connection.event(b"no JSON")
    connection.hang()


BEHAVIOURS: dict[str, Callable[[Connection], None]] = {
    behaviour.__name__: behaviour for behaviour in (steady, idle, silent, flood, large, cut, garbage)
}

_made_once: dict[str, bytes] = {}
_making = threading.Lock()


def _many_flags() -> bytes:
    with _making:
        if not _made_once:
            flags = {
                f"flag-{n}": {"enabled": True, "percentage": n % 100, "groups": ["a", "b"], "note": "n" * 230}
                for n in range(LARGE_FLAGS)
            }
            _made_once["large"] = json.dumps(flags)[1:-1].encode()
    return _made_once["large"]


def _script(connection: Connection, index: int) -> None:
    name = connection.request.target.split("/")[1]
    BEHAVIOURS[name](connection)


class FlagService:
    """
    Everything a client may meet, on loopback.

    Args:
        ca: The authority that clients trust.
        folder: Where its certificate is put for them.
    """

    def __init__(self, ca: trustme.CA, folder: Path) -> None:
        self.plain = ScriptedServer(_script)
        self.tls = ScriptedServer(_script, tls=ca)
        self.unknown_authority = ScriptedServer(_script, tls=trustme.CA())
        self.wrong_host = ScriptedServer(_script, tls=ca.issue_cert("elsewhere.example"))
        self.no_handshake = ScriptedServer(_script, answer_handshake=False)
        self.proxy = ConnectProxy()
        self._backlog = FullBacklog()
        self._stack = contextlib.ExitStack()
        self._ca_file = folder / "ca.pem"
        ca.cert_pem.write_to_path(str(self._ca_file))

    def __enter__(self) -> FlagService:
        for part in (
            self.plain,
            self.tls,
            self.unknown_authority,
            self.wrong_host,
            self.no_handshake,
            self.proxy,
            self._backlog,
        ):
            self._stack.enter_context(part)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, traceback)

    def addresses(self) -> dict[str, str]:
        """What a program needs to know, for its command line."""
        return {
            "plain": self.plain.base_url,
            "tls": self.tls.base_url,
            "unknown_authority": self.unknown_authority.base_url,
            "wrong_host": self.wrong_host.base_url,
            "no_handshake": self.no_handshake.base_url,
            "no_accept": self._backlog.base_url,
            "nobody": f"http://127.0.0.1:{free_port()}",
            "proxy": self.proxy.url,
            "ca_file": str(self._ca_file),
        }
