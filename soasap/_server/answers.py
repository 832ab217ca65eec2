"""The answers that every server of ours gives: a stream of snapshots, a small document, a refusal."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from soasap._server.broadcaster import Broadcaster
from soasap._server.stream_body import SOCKET, StreamBody

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

__all__ = ["LIVE_PATH", "give", "given_key", "refuse", "stream_from"]

LIVE_PATH = "/api/v1/flags/live"


def given_key(environ: WSGIEnvironment) -> bytes:
    """The request's API key, as its bytes came; empty without one."""
    given: str = environ.get("HTTP_X_API_KEY", "")  # WSGI: bytes as latin-1
    return given.encode("latin-1")


def stream_from(broadcaster: Broadcaster, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """All flags now, and after each change, until one side leaves."""
    headers = [
        ("Content-Type", "text/event-stream"),
        ("Cache-Control", "no-cache"),
        ("X-Accel-Buffering", "no"),  # nginx would collect events otherwise
    ]
    if environ["SERVER_PROTOCOL"] == "HTTP/1.0":
        # No chunks there, so only the connection's end can end the body, whatever the request says.
        headers.append(("Connection", "close"))
    start_response("200 OK", headers)
    stream = broadcaster.subscribe(
        user_agent=environ.get("HTTP_USER_AGENT", ""),
        remote=f"{environ.get('REMOTE_ADDR', '')}:{environ.get('REMOTE_PORT', '')}",
    )
    return StreamBody(stream, environ.get(SOCKET))


def give(
    start_response: StartResponse, body: bytes, content_type: str = "application/json", status: str = "200 OK"
) -> Iterable[bytes]:
    """A document made for this request."""
    start_response(
        status,
        [("Content-Type", content_type), ("Cache-Control", "no-store"), ("Content-Length", str(len(body)))],
    )
    return [body]


def refuse(
    environ: WSGIEnvironment, start_response: StartResponse, status: str, why: str, *headers: tuple[str, str]
) -> Iterable[bytes]:
    """An error, in one line for whoever reads it."""
    # An answer to HEAD has no body; it would be taken for the head of the next answer.
    body = b"" if environ["REQUEST_METHOD"] == "HEAD" else f"{why}\n".encode()
    start_response(
        status,
        [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body))), *headers],
    )
    return [body]
