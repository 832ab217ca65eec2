"""The life of a client: lazy start, readiness, and what `status()` says on the way."""

from __future__ import annotations

import math
import os
import socket
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import pytest

from soasap import SoasapClientImpl
from tests.clients import open_client
from tests.flagserver import Connection, ScriptedServer, hold_open
from tests.waiting import thread_names, wait_until

FIRST_READS: dict[str, Callable[[SoasapClientImpl], object]] = {
    "get_bool": lambda client: client.get_bool("x"),
    "get_flag": lambda client: client.get_flag("x"),
    "get_number": lambda client: client.get_number("x"),
    "get_int": lambda client: client.get_int("x"),
    "get_string": lambda client: client.get_string("x"),
    "get_json": lambda client: client.get_json("x"),
    "status": lambda client: client.status(),
    "wait_ready": lambda client: client.wait_ready(0),
}


def tasks() -> list[str]:
    return [name for name in thread_names() if name.startswith("soasap")]


@pytest.mark.parametrize("read", FIRST_READS.values(), ids=FIRST_READS)
def test_first_read_starts(read: Callable[[SoasapClientImpl], object]) -> None:
    """Nothing runs until the first read, of whatever kind; then the stream opens."""
    with ScriptedServer(hold_open(b'{"x": 1}')) as server, open_client(server.base_url) as client:
        assert "idle" in repr(client)
        assert [] == tasks()
        read(client)

        assert ["soasap-stream"] == tasks()
        server.wait_requests(1)


def test_preload_starts() -> None:
    """With `preload` the constructor starts the work and does not wait for it."""
    with ScriptedServer(hold_open(b"{}")) as server, open_client(server.base_url, preload=True) as client:
        assert ["soasap-stream"] == tasks()
        server.wait_requests(1)
        wait_until(lambda: "live" in repr(client))


def test_simultaneous_first_reads_start_once() -> None:
    """However many threads read first, there is one stream."""
    with ScriptedServer(hold_open(b'{"on": true}')) as server:
        for _ in range(20):
            with open_client(server.base_url) as client:
                barrier = threading.Barrier(8)

                def read(client: SoasapClientImpl = client, barrier: threading.Barrier = barrier) -> None:
                    barrier.wait(10)
                    client.get_bool("on")

                readers = [threading.Thread(target=read) for _ in range(8)]
                for reader in readers:
                    reader.start()
                for reader in readers:
                    reader.join(10)

                assert ["soasap-stream"] == tasks()
                assert client.wait_ready(10)
                assert 1 == client.status().connects

        assert 20 == len(server.connections)


def test_reads_after_close_answer_from_the_last_snapshot() -> None:
    """Closing takes nothing away and lets nothing start again."""
    with (
        ScriptedServer(hold_open(b'{"on": true, "tree": {"a": [1]}}')) as server,
        open_client(server.base_url) as client,
    ):
        assert client.wait_ready(10)
        client.close()

        assert client.get_bool("on") is True
        assert {"a": [1]} == client.get_json("tree")
        for read in FIRST_READS.values():
            read(client)
        assert [] == tasks()
        assert 1 == len(server.connections)


def test_wait_ready_returns_with_the_first_snapshot() -> None:
    """`wait_ready` is true once the first snapshot is there, and from then on at once."""

    def script(connection: Connection, index: int) -> None:
        connection.head()
        connection.comment(b"hold on")
        connection.hang()

    with ScriptedServer(script) as server, open_client(server.base_url) as client:
        assert client.wait_ready(0.05) is False
        server.connections[0].event(b"not json")
        assert client.wait_ready(0.05) is False
        threading.Timer(0.05, lambda: server.connections[0].event(b'{"on": true}')).start()

        assert client.wait_ready() is True
        assert client.get_bool("on") is True
        assert client.wait_ready(0) is True


@pytest.mark.parametrize("timeout", [0, -1, 0.05, -math.inf])
def test_wait_ready_gives_up(timeout: float) -> None:
    """`wait_ready` is false when the time is up, in plain seconds."""
    with ScriptedServer(lambda connection, index: connection.hang()) as server, open_client(server.base_url) as client:
        started = time.monotonic()

        assert client.wait_ready(timeout) is False
        assert max(0, timeout) <= time.monotonic() - started < max(0, timeout) + 1


@pytest.mark.parametrize("timeout", [None, 60, math.inf])
def test_close_wakes_wait_ready(timeout: float | None) -> None:
    """Who waits for readiness learns of the close at once: it will not come."""
    answers: list[bool] = []
    with ScriptedServer(lambda connection, index: connection.hang()) as server, open_client(server.base_url) as client:
        waiter = threading.Thread(target=lambda: answers.append(client.wait_ready(timeout)))
        waiter.start()
        server.wait_requests(1)
        client.close()
        waiter.join(1)

        assert [False] == answers


def test_status_through_a_life() -> None:
    """Connecting, live, stale, live again, closed: with counters and times that fit."""

    def script(connection: Connection, index: int) -> None:
        connection.head()
        connection.event(b'{"n": 1}')
        connection.event(b"not json")
        connection.hang()

    silent = socket.create_server(("127.0.0.1", 0))
    port = silent.getsockname()[1]
    with open_client(f"http://127.0.0.1:{port}") as client:
        first = client.status()

        assert ("connecting", "none", "threads") == (first.state, first.source, first.backend)
        assert (os.getpid(), "") == (first.pid, first.hint)
        assert (None, None, None, None) == (first.age, first.snapshot_age, first.last_error, first.connected_since)
        assert (0, 0) == (first.events, first.connects)

        silent.close()
        wait_until(lambda: client.status().errors, message="a failed attempt")
        failed = client.status()

        assert ("connecting", 0, 1) == (failed.state, failed.connects, failed.errors)
        assert failed.last_error is not None
        assert timedelta(0) <= datetime.now(timezone.utc) - failed.last_error.timestamp < timedelta(seconds=5)

        with ScriptedServer(script, port=port) as server:
            assert client.wait_ready(30)
            wait_until(lambda: 2 == client.status().events, message="both events")
            wait_until(lambda: client.status().last_error is not failed.last_error, message="the report")
            live = client.status()

            assert ("live", "stream", 1) == (live.state, live.source, live.connects)
            assert live.age is not None
            assert 0 <= live.age < 5
            assert live.snapshot_age is not None
            assert 0 <= live.snapshot_age < 5
            assert live.connected_since is not None
            assert timedelta(0) <= datetime.now(timezone.utc) - live.connected_since < timedelta(seconds=5)
            assert "parser" == (live.last_error.source.value if live.last_error else None)

            wait_until(lambda: (client.status().age or 0) > 0.3, message="some silence")
            server.connections[0].comment()
            wait_until(lambda: (client.status().age or 0) < 0.3, message="a sign of life")

        wait_until(lambda: "live" != client.status().state, message="the loss")
        stale = client.status()

        assert ("stale", "stream", None, 1) == (stale.state, stale.source, stale.connected_since, stale.connects)
        assert 2 == stale.events
        assert client.get_int("n") == 1

        with ScriptedServer(script, port=port):
            wait_until(lambda: "live" == client.status().state, 30, "the way back")
        client.close()
        closed = client.status()

        assert ("closed", "stream", "") == (closed.state, closed.source, closed.backend)
