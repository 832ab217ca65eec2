"""
The WSGI application of a relay: which request gets what.

====================================  ======================================================================
`GET /api/v1/flags/live`              the event stream of the environment whose key the request has
`GET /healthz`                        JSON: how each environment is, see `soasap._relay.health`
`GET /metrics`                        the same for Prometheus, see `soasap._relay.metrics`
another method on these               405
another path                          404
a key that nobody knows               401; if upstream has to be asked and does not answer, 503
====================================  ======================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from soasap._relay.health import Health
from soasap._relay.roster import Roster, Unanswered
from soasap._server.answers import LIVE_PATH, give, given_key, refuse, stream_from

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

__all__ = ["HEALTH_PATH", "METRICS_PATH", "RelayApplication"]

HEALTH_PATH = "/healthz"
METRICS_PATH = "/metrics"

RETRY_AFTER = "5"


class RelayApplication:
    """
    Serves what the environments of a roster have.

    Args:
        roster: Knows the keys.
        health: What `/healthz` says.
        metrics: What `/metrics` says.
    """

    def __init__(self, roster: Roster, health: Health, metrics: Collector) -> None:
        self._roster = roster
        self._health = health
        self._metrics = metrics
        self._routes: dict[str, Callable[[WSGIEnvironment, StartResponse], Iterable[bytes]]] = {
            LIVE_PATH: self._live,
            HEALTH_PATH: self._tell_health,
            METRICS_PATH: self._tell_metrics,
        }

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        route = self._routes.get(environ["PATH_INFO"])
        if route is None:
            return refuse(environ, start_response, "404 Not Found", f"only {', '.join(self._routes)} are here")
        if environ["REQUEST_METHOD"] != "GET":
            return refuse(environ, start_response, "405 Method Not Allowed", "use GET", ("Allow", "GET"))
        return route(environ, start_response)

    def _live(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        try:
            environment = self._roster.find(given_key(environ))
        except Unanswered as exc:
            later = ("Retry-After", RETRY_AFTER)
            return refuse(environ, start_response, "503 Service Unavailable", str(exc), later)
        if environment is None:
            return refuse(environ, start_response, "401 Unauthorized", "X-API-Key is missing or wrong")
        return stream_from(environment.broadcaster, environ, start_response)

    def _tell_health(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return give(start_response, self._health.document())

    def _tell_metrics(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return give(start_response, generate_latest(self._metrics), CONTENT_TYPE_LATEST)
