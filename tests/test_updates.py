"""What an application hears of changes, and what it reads before and beside the stream."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from soasap import FlagChange, SoasapClientImpl, SoasapErrorHandler, create_soasap_client
from soasap.concurrency.threads import ThreadsBackend, ThreadTask
from tests.clients import API_KEY, NOWHERE, open_client
from tests.flagserver import ScriptedServer, hold_open
from tests.waiting import wait_until


class Ear:
    """A handler that keeps what it hears."""

    def __init__(self) -> None:
        self.calls: list[dict[str, tuple[Any, Any]]] = []

    def __call__(self, changes: Mapping[str, FlagChange]) -> None:
        self.calls.append({key: (change.old, change.new) for key, change in changes.items()})


@pytest.mark.parametrize("on_error", [None, lambda report: None], ids=["updates only", "errors too"])
def test_a_stream_that_is_faster_than_its_starter(on_error: SoasapErrorHandler | None) -> None:
    """Where the first flags are there before the starter goes on, they are told, by the one task that tells."""
    spawned: list[str] = []
    told = threading.Event()

    class Eager(ThreadsBackend):
        def spawn(self, function: Callable[[], None], name: str) -> ThreadTask:
            task = super().spawn(function, name)
            spawned.append(name)
            if name == "soasap-stream":
                told.wait(10)
            return task

    heard = Ear()

    def handler(changes: Mapping[str, FlagChange]) -> None:
        heard(changes)
        told.set()

    with (
        ScriptedServer(hold_open(b'{"a": 1}')) as server,
        open_client(server.base_url, on_update=handler, on_error=on_error, backend=Eager) as client,
    ):
        client.status()

        assert told.is_set()
    assert [{"a": (None, 1)}] == heard.calls
    assert 1 == spawned.count("soasap-callbacks")


def test_every_change_is_told() -> None:
    """The option and `subscribe` hear the first flags and each change of them; equal payloads are no news."""
    option, subscribed = Ear(), Ear()
    with (
        ScriptedServer(hold_open(b'{"a": 1}')) as server,
        open_client(server.base_url, on_update=option) as client,
    ):
        unsubscribe = client.subscribe(subscribed)  # starts the work
        wait_until(lambda: option.calls and subscribed.calls, message="the first flags")
        server.connections[0].event(b'{"a": 1}')
        server.connections[0].event(b'{"a": true, "b": {}}')
        wait_until(lambda: 2 == len(option.calls) == len(subscribed.calls), message="the change")
        unsubscribe()
        server.connections[0].event(b'{"b": {}}')
        wait_until(lambda: 3 == len(option.calls), message="the removal")

    assert [{"a": (None, 1)}, {"a": (1, True), "b": (None, {})}, {"a": (True, None)}] == option.calls
    assert option.calls[:2] == subscribed.calls


def test_listener_that_blocks() -> None:
    """While a listener does not come back, reads and the stream go on; afterwards it hears the sum."""
    entered, go_on = threading.Event(), threading.Event()
    ear = Ear()

    def slow(changes: Mapping[str, FlagChange]) -> None:
        ear(changes)
        entered.set()
        go_on.wait(30)

    with ScriptedServer(hold_open(b'{"n": 0}')) as server, open_client(server.base_url, on_update=slow) as client:
        assert client.wait_ready(10)
        assert entered.wait(10)
        for number in range(1, 21):
            server.connections[0].event(b'{"n": %d}' % number)
        wait_until(lambda: 20 == client.get_int("n"), message="the last event")
        go_on.set()
        wait_until(lambda: 2 == len(ear.calls), message="the second call")

    assert [{"n": (None, 0)}, {"n": (0, 20)}] == ear.calls


def test_listener_may_do_anything(caplog: pytest.LogCaptureFixture) -> None:
    """A listener may read, subscribe, close the client, and raise."""
    later = Ear()

    def busy(changes: Mapping[str, FlagChange]) -> None:
        assert client.get_int("n") == changes["n"].new
        client.subscribe(later)
        client.close()
        raise LookupError("the listener is broken")

    with ScriptedServer(hold_open(b'{"n": 1}')) as server, open_client(server.base_url) as client:
        client.subscribe(busy)
        wait_until(lambda: "closed" == client.status().state, message="the close")
        wait_until(lambda: "a listener of the application raised" in caplog.text, message="the log")

        assert 1 == client.get_int("n")
        assert [] == later.calls


def test_subscribe_refuses_what_cannot_be_called() -> None:
    """What is not callable is a `TypeError`, there and as an option."""
    with open_client(NOWHERE) as client, pytest.raises(TypeError, match="callback must be callable, not int 7"):
        client.subscribe(7)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="on_update must be callable or None, not int 7"):
        create_soasap_client(api_key=API_KEY, on_update=7)  # type: ignore[arg-type]


def test_all_flags_are_a_copy() -> None:
    """`all_flags` starts the work like any read, and what it gives is the caller's own."""
    with ScriptedServer(hold_open(b'{"a": {"b": [1]}, "n": null}')) as server, open_client(server.base_url) as client:
        assert {} == client.all_flags()
        wait_until(lambda: client.all_flags(), message="the flags")
        client.all_flags()["a"]["b"].append(2)

        assert {"a": {"b": [1]}, "n": None} == client.all_flags()


def test_initial_flags_until_something_better_is_there(tmp_path: Path) -> None:
    """Initial flags answer until the stream speaks, and are not saved; the cache file comes before them."""
    initial: dict[str, Any] = {"n": 1, "only": [1]}
    with ScriptedServer(hold_open()) as server:
        options: dict[str, Any] = {"initial_flags": initial, "cache": "disk", "cache_directory": str(tmp_path)}
        with open_client(server.base_url, **options) as client:
            initial["only"].append(2)

            assert "initial" == client.status().source
            assert (1, [1]) == (client.get_int("n"), client.get_json("only", [0]))
            assert {"n": 1, "only": [1]} == client.all_flags()
            server.wait_requests(1)
            server.connections[0].event(b'{"n": 2}')
            wait_until(lambda: 2 == client.get_int("n"), message="the stream's flags")
            assert {"n": 2} == client.all_flags()

        with open_client(server.base_url, **options) as client:
            assert {"n": 2} == client.all_flags()


def test_a_clean_end_saves_no_initial_flags(tmp_path: Path) -> None:
    """Initial flags never reach the cache: they are the application's own."""
    with open_client(NOWHERE, initial_flags={"n": 1}, cache="disk", cache_directory=str(tmp_path / "cache")) as client:
        assert 1 == client.get_int("n")

    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(
    ("initial", "error"),
    [([("a", 1)], TypeError), ({1: 2}, TypeError), ({"a": object()}, TypeError), ({"a": float("nan")}, ValueError)],
    ids=["no mapping", "key", "value", "nan"],
)
def test_initial_flags_that_are_none(initial: Any, error: type[Exception]) -> None:
    """What JSON does not have is refused at construction, by the name of the option."""
    with pytest.raises(error, match="initial_flags"):
        create_soasap_client(api_key=API_KEY, initial_flags=initial)


def test_misreads_are_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """A flag read as another type is one warning at the server's next sign of life; an unknown one is told at DEBUG."""
    with (
        caplog.at_level(logging.DEBUG, logger="soasap"),
        ScriptedServer(hold_open(b'{"limit": "10", "half": 0.5}')) as server,
        open_client(server.base_url) as client,
    ):
        assert client.wait_ready(10)
        for _ in range(3):
            assert (7, False, 0, None) == every_wrong_read(client)
        wait_until(lambda: told(server, caplog) >= 3, message="the words")
        every_wrong_read(client)
        server.connections[0].event(b'{"limit": "10", "half": 0.5, "end": 1}')
        wait_until(lambda: 2 == client.status().events, message="the next event")

    assert {
        "soasap: the flag 'limit' is a string, asked for as a number: that reads as the default",
        "soasap: the flag 'half' is a number, asked for as an integer: that reads as the default",
        "soasap: there is no flag 'unknown': it reads as the default",
    } <= set(caplog.messages)
    assert 3 == told_so_far(caplog)


def every_wrong_read(client: SoasapClientImpl) -> tuple[float, bool, int, object]:
    return (
        client.get_number("limit", 7),
        client.get_bool("unknown"),
        client.get_int("half"),
        client.get_json("unknown"),
    )


def told(server: ScriptedServer, caplog: pytest.LogCaptureFixture) -> int:
    server.connections[0].comment()
    return told_so_far(caplog)


def told_so_far(caplog: pytest.LogCaptureFixture) -> int:
    return sum("reads as the default" in message for message in caplog.messages)
