"""
The process behind `soasap relay`: environments, server and Redis joined, until a signal.

Its first line on stdout is for people and programs alike, and nothing follows it there::

    soasap relay: http://127.0.0.1:43117 relaying 2 environments of https://api.soasap.com
"""

from __future__ import annotations

import hashlib
import signal
import sys

import gevent
from gevent.event import Event

from soasap._relay.application import RelayApplication
from soasap._relay.drain import drain
from soasap._relay.environment import Environment, Source
from soasap._relay.health import Health
from soasap._relay.metrics import relay_registry
from soasap._relay.roster import Roster
from soasap._relay.settings import RelaySettings
from soasap._relay.solo import Solo
from soasap._server.broadcaster import Broadcaster
from soasap._server.listening import CannotServe, allow_many_descriptors, leave, listen, tls_context
from soasap._server.server import FlagServer

__all__ = ["relay"]

PROGRAM = "soasap relay"


def relay(settings: RelaySettings) -> None:
    """
    Relay until SIGTERM or SIGINT, then part from the clients over some seconds and return. A second signal hurries.

    The process must be monkey-patched by gevent if there is a Redis: redis-py uses the standard library's sockets. Ends
    the process, with status 0, if some readers do not take their end in time.

    Raises:
        CannotServe: The address or a certificate cannot be used.
    """
    stopping, hurrying = Event(), Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, lambda: (hurrying if stopping.is_set() else stopping).set())
    if limit := allow_many_descriptors():
        _say(limit)
    works = _Works(settings)
    roster = Roster(works.guest if settings.open else None)
    health = Health(roster, has_redis=settings.redis is not None)
    server = FlagServer(
        (settings.host, settings.port),
        RelayApplication(roster, health, relay_registry(roster)),
        tls=tls_context(settings.tls_cert, settings.tls_key),
        program=PROGRAM,
    )
    listen(server, settings.host, settings.port)
    for each in settings.environments:
        roster.add(each.api_key, works.environment(each.name, each.api_key, each.upstream))
    works.start()
    janitor = gevent.spawn(roster.keep_clean)
    print(f"{PROGRAM}: {server.url} relaying {_count(settings)}", flush=True)
    stopping.wait()
    server.close()  # before the streams end, or their readers would be let in again
    for environment in roster:
        environment.source.resign()
    streams = [stream for environment in roster for stream in environment.broadcaster.streams()]
    draining: gevent.Greenlet[..., None] = gevent.spawn(drain, streams, settings.drain)
    draining.rawlink(lambda _: hurrying.set())
    hurrying.wait()
    janitor.kill()
    works.stop()
    gevent.joinall([gevent.spawn(environment.stop) for environment in roster])
    leave(server)


class _Works:
    """Makes environments, each with the source that this relay's settings ask for."""

    def __init__(self, settings: RelaySettings) -> None:
        self._settings = settings
        self._link = None
        if settings.redis is not None:
            # Not at the top: a relay on its own needs no redis-py.
            from soasap._relay.link import Link

            try:
                self._link = Link(settings.redis, _say)
            except OSError as exc:
                raise CannotServe(f"redis: its certificates cannot be used: {exc}") from exc

    def start(self) -> None:
        if self._link is not None:
            self._link.start()

    def stop(self) -> None:
        if self._link is not None:
            self._link.stop()

    def environment(self, name: str, api_key: str, upstream: str, *, is_guest: bool = False) -> Environment:
        """The environment of a key that was checked. Starts nothing."""
        options = self._settings.client_options(api_key, upstream)
        broadcaster = Broadcaster(keep_alive=self._settings.keep_alive)
        source: Source
        source = Solo(options, broadcaster) if self._link is None else self._link.member(name, options, broadcaster)
        return Environment(name, broadcaster, source, is_guest=is_guest)

    def guest(self, api_key: str) -> Environment:
        """The environment of a key that nobody named. Raises `ValueError` for what cannot be a key."""
        name = f"guest-{hashlib.sha256(api_key.encode()).hexdigest()[:12]}"
        return self.environment(name, api_key, self._settings.upstream, is_guest=True)


def _count(settings: RelaySettings) -> str:
    upstreams = {each.upstream for each in settings.environments} or {settings.upstream}
    number = len(settings.environments)
    count = "1 environment" if number == 1 else f"{number} environments"
    return f"{count} of {' and '.join(sorted(upstreams))}" + (", and any key it knows" if settings.open else "")


def _say(message: str) -> None:
    print(f"{PROGRAM}: {message}", file=sys.stderr, flush=True)
