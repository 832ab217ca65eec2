"""The page of a real `soasap serve` over loopback: what it changes, what it hears, and where it is off."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import ssl
import threading
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import trustme

from soasap import create_soasap_client
from soasap._devserver.process import ServerProcess
from tests.devserver.flag_files import replace_flags, write_flags
from tests.devserver.stream_reader import StreamReader
from tests.waiting import wait_until


class Page:
    """A browser's part of the conversation, in plain requests."""

    def __init__(self, server: ServerProcess) -> None:
        self.server = server
        status, text = self.ask("GET", "/")
        assert status == 200, text
        found = re.search(r'name="soasap-token" content="([^"]+)"', text)
        assert found is not None
        self.token = found[1]

    def ask(self, method: str, path: str, body: str | None = None, **headers: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=30)
        try:
            connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def change(self, key: str, was: str | None, now: str | None, **headers: str) -> tuple[int, Any]:
        given = {"Content_Type": "application/json", "X_Soasap_Token": self.token, "Origin": self.server.url, **headers}
        status, text = self.ask("POST", "/page/flags", json.dumps({"key": key, "was": was, "now": now}), **given)
        return status, json.loads(text)

    def listen(self) -> StreamReader:
        return StreamReader(self.server.url, "/page/events", headers={"X-Soasap-Token": self.token})


def wait_event(reader: StreamReader, accepts: Any) -> Any:
    """The first state that fits, of whatever topic."""
    while True:
        data = reader.next_event()
        assert data is not None, "the stream ended"
        state = json.loads(data)
        if accepts(state):
            return state


def flag(key: str, text: str) -> Any:
    return lambda state: isinstance(state, dict) and [key, text] in state.get("flags", [])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "flags.json"
    path.write_text('{\n  "n": 0,\n  "on": true\n}\n')
    return path


@pytest.fixture
def server(path: Path) -> Iterator[ServerProcess]:
    with ServerProcess(str(path)) as server:
        yield server


def test_a_change_reaches_everybody(path: Path, server: ServerProcess) -> None:
    """A change on a page is in the file, at every client and on every page; the clients keep their streams."""
    page = Page(server)
    with (
        create_soasap_client(api_key="any", base_url=server.url, cache=None) as client,
        StreamReader(server.url) as reader,
        page.listen() as one,
        page.listen() as two,
    ):
        assert client.wait_ready(30)
        reader.next_event()
        wait_event(one, lambda state: isinstance(state, dict) and state.get("total") == 2)

        assert (200, {"clients": 2}) == page.change("on", "true", "false")
        assert '{\n  "n": 0,\n  "on": false\n}\n' == path.read_text()
        assert b'{"n": 0,"on": false}' == reader.next_event()
        for stream in (one, two):
            wait_event(stream, flag("on", "false"))
        wait_until(lambda: not client.get_bool("on", True), message="the change at the client")
        assert 1 == client.status().connects


def test_many_changes(path: Path, server: ServerProcess) -> None:
    """Of many quick changes none is lost, and no client sees one of them undone."""
    page = Page(server)
    with StreamReader(server.url) as reader:
        reader.next_event()
        seen = [0]
        for number in range(1, 101):
            assert 200 == page.change("n", str(number - 1), str(number))[0]
        while seen[-1] != 100:
            event = reader.next_event()
            assert event is not None
            seen.append(json.loads(event)["n"])

    assert sorted(seen) == seen
    assert 100 == json.loads(path.read_text())["n"]


def test_edits_of_the_file_are_told(path: Path, server: ServerProcess) -> None:
    """An edit of the file, a mistake in it and its repair reach the pages; a change meanwhile is refused."""
    page = Page(server)
    with page.listen() as stream:
        wait_event(stream, flag("on", "true"))
        path.write_text('{"n": 1,\n "on": yes}')
        wait_event(stream, lambda state: isinstance(state, str) and f"{path}:2:8: " in state)
        status, answer = page.change("on", "true", "false")
        assert (409, "file") == (status, answer["problem"])
        assert '{"n": 1,\n "on": yes}' == path.read_text()

        path.write_text('{"n": 1, "on": true}')
        wait_event(stream, flag("n", "1"))
        assert 200 == page.change("on", "true", "false")[0]


def test_clients_are_told(server: ServerProcess) -> None:
    """A page hears of each client that comes and goes."""
    with Page(server).listen() as stream:
        wait_event(stream, lambda state: isinstance(state, dict) and state.get("total") == 0)
        with StreamReader(server.url, headers={"User-Agent": "soasap-python/2.0.0"}):
            state = wait_event(stream, lambda state: isinstance(state, dict) and state.get("total") == 1)
            assert ("soasap-python", "2.0.0") == (state["clients"][0]["name"], state["clients"][0]["version"])
        wait_event(stream, lambda state: isinstance(state, dict) and state.get("total") == 0)


def test_beside_an_api_key(path: Path) -> None:
    """A server with a key of its own asks clients for it, and the page for its token."""
    with ServerProcess(str(path), api_key="right") as server:
        page = Page(server)

        assert 401 == page.ask("GET", "/api/v1/streams")[0]
        assert 403 == page.change("on", "true", "false", X_Soasap_Token="right")[0]
        assert 200 == page.change("on", "true", "false", X_API_Key="wrong")[0]


def test_refusals(path: Path, server: ServerProcess) -> None:
    """Over the wire as well, other names, other origins and missing tokens get nothing and change nothing."""
    before = path.read_text()
    page = Page(server)

    for method, target in (("GET", "/"), ("GET", "/page/events"), ("POST", "/page/flags")):
        for headers in ({"Host": f"rebound.example:{server.port}"}, {"Origin": "http://evil.example"}):
            assert 403 == page.ask(method, target, X_Soasap_Token=page.token, **headers)[0]
    assert 403 == page.ask("GET", "/page/events")[0]
    assert 403 == page.change("on", "true", "false", X_Soasap_Token="")[0]
    assert 403 == page.change("on", "true", "false", Origin="http://localhost:1")[0]
    assert before == path.read_text()


def test_a_restart_asks_for_a_new_token(path: Path) -> None:
    """The token of an earlier run is refused."""
    with ServerProcess(str(path)) as server:
        old = Page(server)
    with ServerProcess(str(path), port=server.port) as again:
        old.server = again

        assert 403 == old.change("on", "true", "false")[0]
        assert 200 == Page(again).change("on", "true", "false")[0]


def test_where_the_page_is_off(path: Path) -> None:
    """A server that listens elsewhere than on loopback has no page, also for requests over loopback."""
    with ServerProcess(str(path), options=["--host", "0.0.0.0"]) as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        for target in ("/", "/page/events", "/page/page.js", "/page/flags"):
            connection.request("GET", target)
            answer = connection.getresponse()
            assert (404, True) == (answer.status, b"the page is off" in answer.read())
        connection.close()


def test_tls(path: Path, tmp_path: Path, ca: trustme.CA) -> None:
    """Over TLS the origin is an https one, and the plain one is another."""
    chain = tmp_path / "chain.pem"
    ca.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(chain)
    context = ssl.create_default_context()
    ca.configure_trust(context)
    with ServerProcess(str(path), options=["--tls-cert", str(chain)]) as server:
        for scheme, status in (("https", 200), ("http", 403)):
            connection = http.client.HTTPSConnection("127.0.0.1", server.port, timeout=30, context=context)
            connection.request("GET", "/", headers={"Origin": f"{scheme}://127.0.0.1:{server.port}"})
            assert status == connection.getresponse().status
            connection.close()


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="no IPv6 here")
def test_ipv6(path: Path) -> None:
    """The page is on at [::1] as well."""
    with ServerProcess(str(path), options=["--host", "::1"]) as server:
        connection = http.client.HTTPConnection("::1", server.port, timeout=30)
        connection.request("GET", "/")

        assert 200 == connection.getresponse().status
        connection.close()


def test_the_end(server: ServerProcess) -> None:
    """SIGTERM ends the pages' streams in order."""
    with Page(server).listen() as stream:
        wait_event(stream, flag("on", "true"))
        assert 0 == server.stop(signal.SIGTERM)
        while stream.next_event() is not None:
            pass


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    """Where the served path is a link, its target gets the change."""
    real = tmp_path / "real.json"
    write_flags(real, {"on": True})
    link = tmp_path / "flags.json"
    link.symlink_to(real)
    with ServerProcess(str(link)) as server:
        assert 200 == Page(server).change("on", "true", "false")[0]

    assert link.is_symlink()
    assert {"on": False} == json.loads(real.read_text())


def test_a_writer_beside_the_page(path: Path, server: ServerProcess) -> None:
    """While somebody replaces the file all the time, changes are made or refused, and the file is always whole."""
    page = Page(server)
    done = threading.Event()

    def write() -> None:
        for number in count():
            replace_flags(path, {"n": number, "on": True})
            if done.is_set():
                return

    writer = threading.Thread(target=write)
    writer.start()
    try:
        outcomes = []
        for _ in range(50):
            outcomes.append(page.change("on", "true", "false")[0])
            assert {"n", "on"} == json.loads(path.read_text()).keys()
    finally:
        done.set()
        writer.join(60)

    assert {200, 409} >= set(outcomes)
    replace_flags(path, {"n": -1, "on": True})
    assert 200 == page.change("on", "true", "false")[0]
    assert {"n": -1, "on": False} == json.loads(path.read_text())
    assert [] == [name for name in os.listdir(path.parent) if name.startswith(".soasap-")]
