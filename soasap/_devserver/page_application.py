"""
The page's requests.

====================  ==========================================================================================
`GET /`               the page, with its token
`GET /page/…`         its style, script and icon
`GET /page/events`    an event stream of the topics of `soasap._devserver.page_news`; needs the token
`POST /page/flags`    changes one flag, see below; needs the token
====================  ==========================================================================================

A change is a JSON object: `key`, `was` and `now`, the latter two a value as JSON text (as the event stream gives it) or
null for "not there". `was` is what its author saw. The answer is JSON as well: `{"clients": 3}` with the number of
clients that are sent the change, or `{"problem": …, "message": …}`:

=====  ============  ============================================================================================
422    `value`       `now` is not JSON: the message says where
409    `changed`     the flag has become something else, which is in `now`; nothing was written
409    `file`        the file is broken, missing or cannot be written; nothing was written
=====  ============  ============================================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gevent
import orjson

from soasap._devserver.flag_file import MAX_PAYLOAD_BYTES, FlagFile, FlagFileError
from soasap._devserver.flag_source import FlagChanged, FlagSource, ValueRefused
from soasap._devserver.page_guard import PageGuard
from soasap._devserver.page_news import PageNews
from soasap._server.broadcaster import Broadcaster
from soasap._server.stream_body import SOCKET, StreamBody
from soasap._version import __version__

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

__all__ = ["EVENTS_PATH", "FLAGS_PATH", "PageApplication"]

EVENTS_PATH = "/page/events"
FLAGS_PATH = "/page/flags"

MAX_BODY_BYTES = 2 * MAX_PAYLOAD_BYTES
"""Both values of a change; each fits into a file that clients accept."""

FOLDER = Path(__file__).with_name("page")
CONTENT_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}

HEADERS = [
    ("Cache-Control", "no-store"),
    # Nothing from anywhere else, no script in the text of the page, and in nobody's frame (a click could be led there).
    (
        "Content-Security-Policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
]

_Route = Callable[["WSGIEnvironment", "StartResponse"], Iterable[bytes]]


class PageApplication:
    """
    The WSGI application of the page.

    Args:
        source: Where changes go.
        news: What the page shows; hears of each change before it is answered.
        broadcaster: Whose clients are counted.
    """

    def __init__(self, source: FlagSource, news: PageNews, broadcaster: Broadcaster) -> None:
        self._source = source
        self._news = news
        self._broadcaster = broadcaster
        self._guard = PageGuard()
        self._files = {f"/page/{file.name}": _file(file) for file in FOLDER.iterdir() if file.suffix in CONTENT_TYPES}
        page, content_type = self._files.pop("/page/page.html")
        filled = page.replace(b"{{token}}", self._guard.token.encode()).replace(b"{{version}}", __version__.encode())
        self._files["/"] = filled, content_type
        self._routes: dict[str, tuple[str, bool, _Route]] = {
            EVENTS_PATH: ("GET", True, self._events),
            FLAGS_PATH: ("POST", True, self._change),
            **dict.fromkeys(self._files, ("GET", False, self._send_file)),
        }

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        body = self._respond(environ, start_response)
        # An answer to HEAD has no body; it would be taken for the head of the next answer.
        return [] if environ["REQUEST_METHOD"] == "HEAD" else body

    def _respond(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        found = self._routes.get(environ["PATH_INFO"])
        if found is None:
            return _problem(start_response, "404 Not Found", "request", "the page has no such part")
        method, token, route = found
        if environ["REQUEST_METHOD"] != method:
            return _problem(start_response, "405 Method Not Allowed", "request", f"use {method}", ("Allow", method))
        refusal = self._guard.refusal(environ, token=token)
        if refusal is not None:
            return _problem(start_response, "403 Forbidden", "refused", refusal)
        return route(environ, start_response)

    def _send_file(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        content, content_type = self._files[environ["PATH_INFO"]]
        return _answer(start_response, "200 OK", content, content_type)

    def _events(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "text/event-stream"), *HEADERS])
        return StreamBody(self._news.feed.subscribe(), environ.get(SOCKET))

    def _change(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        content_type = environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
        if content_type != "application/json":  # what no form of another site can send
            return _problem(start_response, "415 Unsupported Media Type", "request", "send application/json")
        length = environ.get("CONTENT_LENGTH", "")
        if not length.isdecimal():
            return _problem(start_response, "411 Length Required", "request", "say how long it is")
        if len(length) > 9 or int(length) > MAX_BODY_BYTES:  # digits without end would take a while
            return _problem(
                start_response, "413 Content Too Large", "value", f"{length} bytes, and {MAX_BODY_BYTES} are accepted"
            )
        try:
            key, was, now = _wish(environ["wsgi.input"].read(int(length)))
        except ValueError:
            return _problem(start_response, "400 Bad Request", "request", "not an object of key, was and now")
        # The disk may be slow, and streams must not wait for it. A daemon thread of the hub's own pool.
        outcome = gevent.get_hub().threadpool.spawn(self._try, key, was, now).get()
        assert outcome is not None, "it was waited for"
        if not isinstance(outcome, Exception):
            self._news.accept(outcome)
            return _json(start_response, "200 OK", {"clients": len(self._broadcaster)})
        if isinstance(outcome, ValueRefused):
            return _problem(start_response, "422 Unprocessable Content", "value", str(outcome))
        if isinstance(outcome, FlagChanged):
            return _json(
                start_response,
                "409 Conflict",
                {"problem": "changed", "message": str(outcome), "now": outcome.now},
            )
        return _problem(start_response, "409 Conflict", "file", str(outcome))

    def _try(self, key: str, was: str | None, now: str | None) -> FlagFile | Exception:
        """The file after the change, or what stopped it: the pool prints a traceback for what is raised."""
        try:
            return self._source.change(key, was, now)
        except (ValueRefused, FlagChanged, FlagFileError) as exc:
            return exc


def _file(path: Path) -> tuple[bytes, str]:
    return path.read_bytes(), CONTENT_TYPES[path.suffix]


def _wish(body: bytes) -> tuple[str, str | None, str | None]:
    """Key, was and now; `ValueError` if the body is something else."""
    root = orjson.loads(body)
    if not isinstance(root, dict) or root.keys() != {"key", "was", "now"}:
        raise ValueError("other members")
    key, was, now = root["key"], root["was"], root["now"]
    if not isinstance(key, str) or not isinstance(was, (str, type(None))) or not isinstance(now, (str, type(None))):
        raise ValueError("other types")
    return key, was, now


def _problem(
    start_response: StartResponse, status: str, problem: str, message: str, *headers: tuple[str, str]
) -> Iterable[bytes]:
    return _json(start_response, status, {"problem": problem, "message": message}, *headers)


def _json(start_response: StartResponse, status: str, content: Any, *headers: tuple[str, str]) -> Iterable[bytes]:
    return _answer(start_response, status, orjson.dumps(content), "application/json", *headers)


def _answer(
    start_response: StartResponse, status: str, content: bytes, content_type: str, *headers: tuple[str, str]
) -> Iterable[bytes]:
    fields = [("Content-Type", content_type), ("Content-Length", str(len(content))), *HEADERS, *headers]
    start_response(status, fields)
    return [content]
