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

from soasap._devserver.broadcaster import Broadcaster, Stream
from soasap._devserver.stream_body import SOCKET, StreamBody

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["LIVE_PATH", "STREAMS_PATH", "FlagApplication", "describe"]

LIVE_PATH = "/api/v1/flags/live"
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
            return _refuse(environ, start_response, "404 Not Found", f"{NO_PAGE}; {LIVE_PATH} is here")
        route = self._routes.get(path)
        if route is None:
            return _refuse(environ, start_response, "404 Not Found", f"only {LIVE_PATH} is here")
        if environ["REQUEST_METHOD"] != "GET":
            return _refuse(environ, start_response, "405 Method Not Allowed", "use GET", ("Allow", "GET"))
        if not self._admits(environ):
            return _refuse(environ, start_response, "401 Unauthorized", "X-API-Key is missing or wrong")
        return route(environ, start_response)

    def _admits(self, environ: WSGIEnvironment) -> bool:
        if self._api_key is None:
            return True
        given: str = environ.get("HTTP_X_API_KEY", "")  # WSGI: bytes as latin-1
        return hmac.compare_digest(given.encode("latin-1"), self._api_key)

    def _live(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        headers = [
            ("Content-Type", "text/event-stream"),
            ("Cache-Control", "no-cache"),
            ("X-Accel-Buffering", "no"),  # nginx would collect events otherwise
        ]
        if environ["SERVER_PROTOCOL"] == "HTTP/1.0":
            # No chunks there, so only the connection's end can end the body, whatever the request says.
            headers.append(("Connection", "close"))
        start_response("200 OK", headers)
        stream = self._broadcaster.subscribe(
            user_agent=environ.get("HTTP_USER_AGENT", ""),
            remote=f"{environ.get('REMOTE_ADDR', '')}:{environ.get('REMOTE_PORT', '')}",
        )
        return StreamBody(stream, environ.get(SOCKET))

    def _streams(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        body = orjson.dumps([describe(stream) for stream in self._broadcaster.streams()])
        start_response(
            "200 OK",
            [
                ("Content-Type", "application/json"),
                ("Cache-Control", "no-store"),
                ("Content-Length", str(len(body))),
            ],
        )
        return [body]


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


def _refuse(
    environ: WSGIEnvironment, start_response: StartResponse, status: str, why: str, *headers: tuple[str, str]
) -> Iterable[bytes]:
    # An answer to HEAD has no body; it would be taken for the head of the next answer.
    body = b"" if environ["REQUEST_METHOD"] == "HEAD" else f"{why}\n".encode()
    start_response(
        status,
        [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body))), *headers],
    )
    return [body]
