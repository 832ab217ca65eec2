"""The page's requests, asked without a socket: each part, each answer to a change, each refusal."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import orjson
import pytest

from soasap import __version__
from soasap._devserver.flag_source import FlagSource
from soasap._devserver.page_application import EVENTS_PATH, FLAGS_PATH, FOLDER, MAX_BODY_BYTES, PageApplication
from soasap._devserver.page_news import PageNews
from soasap._server.broadcaster import Broadcaster
from tests.devserver.wsgi_answer import Answer

TEXT = '{\n  "n": 1.0,\n  "on": true\n}\n'
PARTS = ["/", *(f"/page/{file.name}" for file in FOLDER.iterdir() if file.suffix != ".html")]


class Page:
    """A page's application over a file, asked like a browser does that loaded it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.write_text(TEXT)
        self.broadcaster = Broadcaster()
        source = FlagSource(str(path))
        self.application = PageApplication(
            source, PageNews(str(path), source.read(), self.broadcaster), self.broadcaster
        )
        found = re.search(r'name="soasap-token" content="([^"]+)"', self.ask("/").text())
        assert found is not None
        self.token = found[1]

    def ask(self, path: str, method: str = "GET", body: str = "", **environ: str) -> Answer:
        return Answer(self.application, path, method, body, **{"HTTP_HOST": "localhost:8765", **environ})

    def change(self, key: str, was: str | None, now: str | None) -> tuple[str, Any]:
        return self.post(orjson.dumps({"key": key, "was": was, "now": now}).decode())

    def post(self, body: str, **environ: str) -> tuple[str, Any]:
        given = {
            "CONTENT_TYPE": "application/json",
            "CONTENT_LENGTH": str(len(body.encode())),
            "HTTP_X_SOASAP_TOKEN": self.token,
            "HTTP_ORIGIN": "http://localhost:8765",
            **environ,
        }
        answer = self.ask(FLAGS_PATH, "POST", body, **given)
        return answer.status, orjson.loads(answer.text())


@pytest.fixture
def page(tmp_path: Path) -> Page:
    return Page(tmp_path / "flags.json")


def test_the_parts(page: Page) -> None:
    """The page and all it refers to are there, with their types, and so is nothing that it does not refer to."""
    html = page.ask("/")
    referred = set(re.findall(r'(?:src|href)="(/[^"]*)"', html.text()))
    for script in [part for part in PARTS if part.endswith(".js")]:
        referred |= set(re.findall(r'from "([^"]+)"', page.ask(script).text()))

    assert "text/html; charset=utf-8" == html.headers["content-type"]
    assert set(PARTS) == referred | {"/"}
    for part in PARTS:
        answer = page.ask(part)
        assert ("200 OK", True) == (answer.status, len(answer.text()) > 0)


@pytest.mark.parametrize("part", PARTS)
def test_nothing_comes_from_elsewhere(page: Page, part: str) -> None:
    """No part refers to another server, and the browser is told to load nothing from one, nor to be framed."""
    answer = page.ask(part)
    text = answer.text().replace("http://www.w3.org/2000/svg", "")
    policy = answer.headers["content-security-policy"]

    assert "//" not in re.sub(r"^ *//.*|[ ;]// .*", "", text, flags=re.MULTILINE)
    assert policy.startswith("default-src 'none'; script-src 'self'; ")
    assert "frame-ancestors 'none'" in policy
    assert ("DENY", "nosniff", "same-origin", "no-store") == tuple(
        answer.headers[name]
        for name in ("x-frame-options", "x-content-type-options", "cross-origin-resource-policy", "cache-control")
    )


def test_the_page_is_filled(page: Page) -> None:
    """The page has the version and a token of its own, and no place is left empty."""
    text = page.ask("/").text()

    assert f"soasap {__version__}" in text
    assert "{{" not in text
    assert page.token != Page(page.path).token


def test_events(page: Page) -> None:
    """With the token the topics come as an event stream, which is forgotten when it is closed."""
    answer = page.ask(EVENTS_PATH, HTTP_X_SOASAP_TOKEN=page.token)
    chunks = iter(answer.body)
    events = [next(chunks) for _ in range(4)]
    answer.close()

    assert "text/event-stream" == answer.headers["content-type"]
    assert [b"flags", b"problem", b"clients", b"changes"] == [event.split(b"\n")[0][7:] for event in events]


def test_a_change(page: Page) -> None:
    """A change is written and published before it is answered, and the answer counts the clients."""
    stream = page.broadcaster.subscribe()

    assert ("200 OK", {"clients": 1}) == page.change("on", "true", "false")
    assert TEXT.replace("true", "false") == page.path.read_text()
    assert b'{"n": 1.0,"on": false}' == page.broadcaster.payload
    stream.close()


def test_adding_and_removing(page: Page) -> None:
    """A flag can be added and removed."""
    assert "200 OK" == page.change("x", None, '"new"')[0]
    assert "200 OK" == page.change("x", '"new"', None)[0]
    assert TEXT == page.path.read_text()


def test_a_bad_value(page: Page) -> None:
    """What is not JSON is a 422 that says where, and nothing is written."""
    status, answer = page.change("n", "1.0", '{"a": }')

    assert "422 Unprocessable Content" == status
    assert "value" == answer["problem"]
    assert answer["message"].startswith("line 1, column 7: ")
    assert TEXT == page.path.read_text()


def test_a_conflict(page: Page) -> None:
    """A change for a value that is there no longer is a 409 with the value that is, and nothing is written."""
    assert (
        "409 Conflict",
        {"problem": "changed", "message": "the flag has changed meanwhile", "now": "1.0"},
    ) == page.change("n", "2", "3")
    assert page.change("gone", "2", "3")[1]["now"] is None
    assert TEXT == page.path.read_text()


@pytest.mark.parametrize("text", ['{"n": ', None])
def test_a_broken_file(page: Page, text: str | None) -> None:
    """A file that is broken or missing is a 409 that says so, and nothing is written; clients keep the last flags."""
    page.path.unlink()
    if text is not None:
        page.path.write_text(text)
    status, answer = page.change("n", "1.0", "3")

    assert "409 Conflict" == status
    assert "file" == answer["problem"]
    assert answer["message"].startswith(f"{page.path}:")
    assert text == (page.path.read_text() if text is not None else None)
    assert b'{"n": 1.0,"on": true}' == page.broadcaster.payload


@pytest.mark.parametrize(
    ("environ", "status"),
    [
        ({"HTTP_X_SOASAP_TOKEN": ""}, "403 Forbidden"),
        ({"HTTP_X_SOASAP_TOKEN": "wrong"}, "403 Forbidden"),
        ({"HTTP_ORIGIN": "http://example.org"}, "403 Forbidden"),
        ({"HTTP_ORIGIN": "null"}, "403 Forbidden"),
        ({"HTTP_HOST": "example.org:8765", "HTTP_ORIGIN": "http://example.org:8765"}, "403 Forbidden"),
        ({"CONTENT_TYPE": "text/plain"}, "415 Unsupported Media Type"),
        ({"CONTENT_TYPE": "application/x-www-form-urlencoded"}, "415 Unsupported Media Type"),
        ({"CONTENT_LENGTH": ""}, "411 Length Required"),
        ({"CONTENT_LENGTH": str(MAX_BODY_BYTES + 1)}, "413 Content Too Large"),
        ({"CONTENT_LENGTH": "9" * 4000}, "413 Content Too Large"),
    ],
)
def test_requests_that_are_refused(page: Page, environ: dict[str, str], status: str) -> None:
    """Without token, from another origin or name, of another type or without bounds: refused, and nothing written."""
    body = '{"key":"on","was":"true","now":"false"}'

    assert "200 OK" == page.post(body)[0]  # the same request without the fault
    page.path.write_text(TEXT)
    assert status == page.post(body, **environ)[0]
    assert TEXT == page.path.read_text()


@pytest.mark.parametrize(
    "body",
    [
        *("", "{", "[]", "{}", '{"key":"on","was":"true"}', '{"key":1,"was":"true","now":"false"}'),
        *('{"key":"on","was":"true","now":false}', '{"key":"on","was":true,"now":"false"}'),
        '{"key":"on","was":"true","now":"false","more":1}',
    ],
)
def test_other_bodies_are_refused(page: Page, body: str) -> None:
    """A body that is not an object of key, was and now is a 400, and nothing is written."""
    assert "400 Bad Request" == page.post(body)[0]
    assert TEXT == page.path.read_text()


@pytest.mark.parametrize(
    "environ", [{}, {"HTTP_X_SOASAP_TOKEN": "wrong"}, {"HTTP_X_SOASAP_TOKEN": "", "HTTP_X_API_KEY": "k"}]
)
def test_events_need_the_token(page: Page, environ: dict[str, str]) -> None:
    """Without the token nothing is told."""
    answer = page.ask(EVENTS_PATH, **environ)

    assert "403 Forbidden" == answer.status
    assert b"1.0" not in answer.text().encode()


@pytest.mark.parametrize("path", [*PARTS, EVENTS_PATH])
@pytest.mark.parametrize("environ", [{"HTTP_HOST": "example.org"}, {"HTTP_ORIGIN": "http://example.org"}])
def test_other_names_and_origins(page: Page, path: str, environ: dict[str, str]) -> None:
    """No part is given to another name or origin, so that none of them gets to know the token."""
    answer = page.ask(path, HTTP_X_SOASAP_TOKEN=page.token, **environ)

    assert "403 Forbidden" == answer.status
    assert page.token not in answer.text()


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("/", "POST", "405 Method Not Allowed"),
        ("/", "HEAD", "405 Method Not Allowed"),
        (EVENTS_PATH, "POST", "405 Method Not Allowed"),
        (FLAGS_PATH, "GET", "405 Method Not Allowed"),
        (FLAGS_PATH, "OPTIONS", "405 Method Not Allowed"),
        (FLAGS_PATH, "PUT", "405 Method Not Allowed"),
        ("/page/x", "GET", "404 Not Found"),
        ("/page/page.html", "GET", "404 Not Found"),
        ("/page/../page_guard.py", "GET", "404 Not Found"),
    ],
)
def test_elsewhere(page: Page, path: str, method: str, status: str) -> None:
    """Other methods are a 405 that says which, without a body for HEAD, and other paths a 404."""
    answer = page.ask(path, method)

    assert status == answer.status
    assert ("405" in status) == ("allow" in answer.headers)
    assert (method == "HEAD") == ("" == answer.text())
