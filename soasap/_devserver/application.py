"""
The WSGI application: which request gets what.

====================================  ======================================================================
`GET /api/v1/flags/live`              the event stream: all flags on connect and after each change
`GET /api/v1/streams`                 a development aid: the open streams as JSON, see `describe`
`/` and below `/page/`                the page, where the server has one: `soasap._devserver.page_application`
another method on these               405
another path                          404
a wrong or missing `X-API-Key`        401, if the server was given a key; else every request is welcome
====================================  ======================================================================
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import orjson

from soasap._server.answers import LIVE_PATH, give, given_key, refuse, stream_from
from soasap._server.broadcaster import Broadcaster, Stream

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["STREAMS_PATH", "FlagApplication", "describe"]

STREAMS_PATH = "/api/v1/streams"

NO_PAGE = "the page is off, because this server does not listen on a loopback address only"


class FlagApplication:
    """
    Serves what a broadcaster has.

    Args:
        broadcaster: The source.
        api_key: The only key accepted; `None` accepts all requests, without a key too. The page asks for its own
            token instead.

    Attributes:
        page: The page; `None` where there is none.
    """

    def __init__(self, broadcaster: Broadcaster, *, api_key: str | None = None) -> None:
        self._broadcaster = broadcaster
        self._api_key = api_key.encode() if api_key is not None else None
        self.page: WSGIApplication | None = None
        self._routes: dict[str, Callable[[WSGIEnvironment, StartResponse], Iterable[bytes]]] = {
            LIVE_PATH: self._live,
            STREAMS_PATH: self._streams,
        }

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path: str = environ["PATH_INFO"]
        if path == "/" or path.startswith("/page/"):
            if self.page is not None:
                return self.page(environ, start_response)
            return refuse(environ, start_response, "404 Not Found", f"{NO_PAGE}; {LIVE_PATH} is here")
        route = self._routes.get(path)
        if route is None:
            return refuse(environ, start_response, "404 Not Found", f"only {LIVE_PATH} is here")
        if environ["REQUEST_METHOD"] != "GET":
            return refuse(environ, start_response, "405 Method Not Allowed", "use GET", ("Allow", "GET"))
        if not self._admits(environ):
            return refuse(environ, start_response, "401 Unauthorized", "X-API-Key is missing or wrong")
        return route(environ, start_response)

    def _admits(self, environ: WSGIEnvironment) -> bool:
        return self._api_key is None or hmac.compare_digest(given_key(environ), self._api_key)

    def _live(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return stream_from(self._broadcaster, environ, start_response)

    def _streams(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return give(start_response, orjson.dumps([describe(stream) for stream in self._broadcaster.streams()]))


def describe(stream: Stream) -> dict[str, int | float | str]:
    """
    One stream for `/api/v1/streams`.

    `since` and `last_sent` are wall clock in seconds, `last_sent` the moment the newest event's first byte
    was written, 0 before the first event. `sent_events` counts those written completely.
    """
    return {
        "id": stream.number,
        "user_agent": stream.user_agent,
        "remote": stream.remote,
        "since": stream.since,
        "sent_events": stream.events,
        "last_sent": stream.last_sent,
    }
