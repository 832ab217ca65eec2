"""The routes, asked without a socket; `wsgiref.validate` watches over the WSGI rules."""

from __future__ import annotations

import json

import pytest

from soasap._devserver.application import STREAMS_PATH, FlagApplication
from soasap._server.answers import LIVE_PATH
from soasap._server.broadcaster import Broadcaster
from tests.devserver.wsgi_answer import Answer


@pytest.fixture
def broadcaster() -> Broadcaster:
    broadcaster = Broadcaster()
    broadcaster.publish(b'{"a":1}')
    return broadcaster


def test_the_stream(broadcaster: Broadcaster) -> None:
    """The live path gives an unbuffered event stream whose first event is the newest payload."""
    answer = Answer(FlagApplication(broadcaster), LIVE_PATH)
    chunk = next(iter(answer.body))
    counted = len(broadcaster)
    answer.close()

    assert "200 OK" == answer.status
    assert "text/event-stream" == answer.headers["content-type"]
    assert "no-cache" == answer.headers["cache-control"]
    assert "no" == answer.headers["x-accel-buffering"]
    assert b'data: {"a":1}\n\n' == chunk
    assert (1, 0) == (counted, len(broadcaster))


def test_the_list_of_streams(broadcaster: Broadcaster) -> None:
    """The list shows each open stream, who reads it, since when, and what it was sent."""
    application = FlagApplication(broadcaster)
    live = Answer(application, LIVE_PATH, HTTP_USER_AGENT="reader/1", REMOTE_ADDR="192.0.2.1", REMOTE_PORT="99")
    chunks = iter(live.body)
    next(chunks)
    broadcaster.publish(b"{}")
    next(chunks)
    (shown,) = json.loads(Answer(application, STREAMS_PATH).text())
    live.close()

    assert 0 < shown.pop("since") <= shown.pop("last_sent")
    assert {"id": 1, "user_agent": "reader/1", "remote": "192.0.2.1:99", "sent_events": 1} == shown
    assert "[]" == Answer(application, STREAMS_PATH).text()


@pytest.mark.parametrize("path", ["/", "/page/events", "/page/x"])
def test_the_page(broadcaster: Broadcaster, path: str) -> None:
    """Where there is a page, it gets its requests without an API key; elsewhere they are a 404 that says why."""
    application = FlagApplication(broadcaster, api_key="k")
    off = Answer(application, path)

    assert "404 Not Found" == off.status
    assert "loopback" in off.text()

    application.page = lambda environ, start_response: (
        start_response("200 OK", [("Content-Type", "text/plain")]),
        [environ["PATH_INFO"].encode()],
    )[1]
    assert path == Answer(application, path).text()


@pytest.mark.parametrize("path", ["/page", "/api/v1/flags", "/api/v1/flags/live/", "/api/v1/flags/live/x"])
def test_other_paths_are_not_found(broadcaster: Broadcaster, path: str) -> None:
    """Whatever is not served is a 404 that says what is."""
    answer = Answer(FlagApplication(broadcaster, api_key="k"), path)

    assert "404 Not Found" == answer.status
    assert LIVE_PATH in answer.text()


@pytest.mark.parametrize("path", [LIVE_PATH, STREAMS_PATH])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "HEAD"])
def test_other_methods_are_not_allowed(broadcaster: Broadcaster, path: str, method: str) -> None:
    """Whatever is not GET is a 405 that says so, without a body for HEAD."""
    answer = Answer(FlagApplication(broadcaster), path, method)

    assert "405 Method Not Allowed" == answer.status
    assert "GET" == answer.headers["allow"]
    assert ("" if method == "HEAD" else "use GET\n") == answer.text()


@pytest.mark.parametrize("path", [LIVE_PATH, STREAMS_PATH])
@pytest.mark.parametrize(
    ("api_key", "given", "status"),
    [
        (None, None, "200 OK"),
        (None, "anything", "200 OK"),
        ("k", "k", "200 OK"),
        ("k", None, "401 Unauthorized"),
        ("k", "", "401 Unauthorized"),
        ("k", "K", "401 Unauthorized"),
        ("k", "\xff", "401 Unauthorized"),
        ("é", "é".encode().decode("latin-1"), "200 OK"),
    ],
)
def test_keys(broadcaster: Broadcaster, path: str, api_key: str | None, given: str | None, status: str) -> None:
    """Without a key of its own the application accepts all requests, with one only those that carry it."""
    headers = {} if given is None else {"HTTP_X_API_KEY": given}
    answer = Answer(FlagApplication(broadcaster, api_key=api_key), path, **headers)
    next(iter(answer.body))
    answer.close()

    assert status == answer.status


@pytest.mark.parametrize(("protocol", "connection"), [("HTTP/1.0", "close"), ("HTTP/1.1", None)])
def test_http_1_0_ends_with_the_connection(broadcaster: Broadcaster, protocol: str, connection: str | None) -> None:
    """Under HTTP/1.0 the stream's answer says that the connection ends with it."""
    answer = Answer(FlagApplication(broadcaster), LIVE_PATH, SERVER_PROTOCOL=protocol)
    next(iter(answer.body))
    answer.close()

    assert connection == answer.headers.get("connection")
