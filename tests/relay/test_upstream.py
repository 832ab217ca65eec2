"""Our own client as a source of payloads, on this process's hub, with a scripted flag service."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import gevent
import pytest

from soasap._relay.solo import Solo
from soasap._relay.upstream import Upstream
from soasap._sansio.options import check_options
from soasap._server.broadcaster import Broadcaster
from soasap.types import SoasapClientOptions
from tests.clients import API_KEY, write_cache
from tests.flagserver import Connection, ScriptedServer, hold_open

PAYLOAD = b'{"n": 1}'


def options(base_url: str, directory: Path) -> SoasapClientOptions:
    return check_options(
        SoasapClientOptions(
            api_key=API_KEY, base_url=base_url, backend="gevent", cache_directory=str(directory), proxy=""
        )
    )


def eventually(condition: Callable[[], object], what: str) -> None:
    """Let the hub run until a condition holds."""
    with gevent.Timeout(20, AssertionError(f"not in time: {what}")):
        while not condition():
            gevent.sleep(0.005)


def head_only(connection: Connection, index: int) -> None:
    """An open stream that says nothing yet; the test has the rest."""
    connection.head()
    connection.hang()


def test_a_stream(cache_dir: Path) -> None:
    """What comes is handed over byte for byte, and after the end nothing is."""
    heard: list[bytes] = []
    with ScriptedServer(hold_open(PAYLOAD)) as service:
        upstream = Upstream(options(service.base_url, cache_dir), heard.append)
        before = (upstream.is_open, upstream.is_live, upstream.payload, upstream.kept, upstream.status(), upstream.age)
        upstream.open()
        upstream.open()
        eventually(lambda: upstream.is_live, "the stream")
        open_now = (upstream.is_open, upstream.payload, upstream.kept, upstream.trouble())
        ending = upstream.close()
        assert ending is not None
        ending.join(20)

        assert (False, False, None, None, None, 0.0) == before
        assert (True, PAYLOAD, PAYLOAD, "") == open_now
        assert ([PAYLOAD], 1) == (heard, len(service.connections))
        assert (False, None, None) == (upstream.is_live, upstream.payload, upstream.close())


def test_an_open_stream_is_not_live_before_its_first_event(cache_dir: Path) -> None:
    """What was known before says nothing about what the service says now."""
    with ScriptedServer(head_only) as service:
        upstream = Upstream(options(service.base_url, cache_dir), lambda payload: None)
        upstream.open()
        eventually(lambda: "live" == getattr(upstream.status(), "state", ""), "the open stream")
        silent = upstream.is_live
        service.connections[0].event(PAYLOAD)
        eventually(lambda: upstream.payload == PAYLOAD, "the event")

        assert (False, True) == (silent, upstream.is_live)
        upstream.close()


def test_what_the_disk_has(cache_dir: Path) -> None:
    """A snapshot from the disk is kept, and is not what the service says; a relay on its own serves it at once."""
    with ScriptedServer(head_only) as service:
        write_cache(cache_dir, PAYLOAD, service.base_url)
        broadcaster = Broadcaster()
        solo = Solo(options(service.base_url, cache_dir), broadcaster)
        solo.start()

        assert (PAYLOAD, None, PAYLOAD) == (solo.upstream.kept, solo.upstream.payload, broadcaster.payload)
        solo.stop()


@pytest.mark.parametrize(
    ("status", "headers", "refused", "wait"),
    [
        (401, {}, True, False),
        (404, {}, True, False),
        (500, {}, False, False),
        (429, {"Retry-After": "30"}, False, True),
    ],
)
def test_answers(cache_dir: Path, status: int, headers: dict[str, str], refused: bool, wait: bool) -> None:
    """A key that the service does not know, and a word to wait, are told from trouble on this relay's way."""

    def answer(connection: Connection, index: int) -> None:
        connection.answer(status, headers=headers)

    with ScriptedServer(answer) as service:
        upstream = Upstream(options(service.base_url, cache_dir), lambda payload: None)
        upstream.open()
        eventually(upstream.trouble, "the answer")

        assert (refused, wait, False) == (upstream.is_refused, upstream.is_told_to_wait, upstream.is_live)
        assert API_KEY not in upstream.trouble()
        upstream.close()
