"""The client for tests: it reads as the real one does, and is what the test says, at once and for everybody."""

from __future__ import annotations

import inspect
import json
import logging
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from soasap import ClientStatus, FlagChange, SoasapClientImpl
from soasap.testing import InMemoryClient
from tests.clients import closed_client
from tests.scripts import run_script
from tests.strategies import flag_trees
from tests.test_client import EXPECTED, GETTERS, VALUES, WEIRD_KEYS, getter


@pytest.fixture(scope="module")
def client() -> InMemoryClient:
    return InMemoryClient({key: json.loads(text) for key, text in VALUES.items()})


class Heard:
    """A subscriber that keeps what it hears."""

    def __init__(self) -> None:
        self.calls: list[dict[str, FlagChange]] = []

    def __call__(self, changes: Mapping[str, FlagChange]) -> None:
        self.calls.append(dict(changes))


@pytest.mark.parametrize("key", VALUES)
@pytest.mark.parametrize("name", GETTERS)
def test_value_of_the_asked_type_or_the_default(client: InMemoryClient, name: str, key: str) -> None:
    """The table of the real client holds: a flag of the asked type exactly, else the default, the very object."""
    default = object()
    value = getter(client, name)(key, default)
    expected = EXPECTED[name].get(key, default)

    assert expected == value
    assert type(expected) is type(value)


@pytest.mark.parametrize("name", GETTERS)
@pytest.mark.parametrize("key", WEIRD_KEYS, ids=[type(key).__name__ for key in WEIRD_KEYS])
def test_weird_keys_give_the_default(client: InMemoryClient, name: str, key: Any) -> None:
    """A key that cannot be hashed or compared, or is no string, gives the default and never raises."""
    default = object()

    assert default is getter(client, name)(key, default)


@settings(deadline=None)
@given(flags=flag_trees)
def test_reads_as_the_real_client(tmp_path_factory: pytest.TempPathFactory, flags: dict[str, Any]) -> None:
    """Whatever JSON can hold, every getter and `all_flags` answer as a client that had it from the wire."""
    real = closed_client(json.dumps(flags).encode(), tmp_path_factory.mktemp("cache"))
    client = InMemoryClient(flags)
    default = object()

    for name in GETTERS:
        for key in flags:
            answers = [getter(each, name)(key, default) for each in (real, client)]
            assert answers[0] == answers[1]
            assert type(answers[0]) is type(answers[1])
    assert real.all_flags() == client.all_flags()


def test_getters_are_those_of_the_real_client() -> None:
    """Reads are the real client's own methods, and no public method of it is missing or has other parameters."""
    for name, method in inspect.getmembers(SoasapClientImpl, inspect.isfunction):
        if name in GETTERS:
            assert method is getattr(InMemoryClient, name)
        elif not name.startswith("_"):
            ours = inspect.signature(getattr(InMemoryClient, name)).parameters
            assert list(inspect.signature(method).parameters) == list(ours)
    assert isinstance(InMemoryClient(), SoasapClientImpl)


def test_set_and_remove() -> None:
    """Flags are changed, added and taken away; what is not there can be taken away too."""
    flags = InMemoryClient({"a": 1})
    flags.set("a", "one")
    flags.set("b-c", [True])
    flags.remove("never there")

    assert {"a": "one", "b-c": [True]} == flags.all_flags()
    assert "one" == flags.get_string("a")

    flags.remove("a")

    assert {"b-c": [True]} == flags.all_flags()
    assert "gone" == flags.get_string("a", "gone")


def test_values_belong_to_their_owners() -> None:
    """Neither what was given nor what was read is shared: changing it changes no flag."""
    tree = {"limits": [1, 2]}
    flags = InMemoryClient({"tree": tree})
    flags.set("other", tree)
    tree["limits"].append(3)
    flags.all_flags()["tree"]["limits"].append(4)
    mine: dict[str, Any] | None = flags.get_json("other")
    assert mine is not None
    mine["limits"].append(5)

    assert {"tree": {"limits": [1, 2]}, "other": {"limits": [1, 2]}} == flags.all_flags()


@pytest.mark.parametrize(
    ("flags", "kind"),
    [
        ({1: True}, TypeError),
        ({"a": {1, 2}}, TypeError),
        ({"a": object()}, TypeError),
        ({"a": float("nan")}, ValueError),
        ({"a": [float("inf")]}, ValueError),
        ({"a": "\ud800"}, ValueError),
    ],
)
def test_what_json_has_not(flags: dict[Any, Any], kind: type[Exception]) -> None:
    """What the wire cannot bring is refused, in every way to give it, and nothing changes."""
    client = InMemoryClient({"a": 1})
    [(key, value)] = flags.items()

    with pytest.raises(kind, match="flags must"):
        InMemoryClient(flags)
    with pytest.raises(kind, match="flags must"):
        client.set(key, value)
    with pytest.raises(kind, match="flags must"):
        client.override(flags)
    assert {"a": 1} == client.all_flags()


def test_subscribers_are_called_at_once() -> None:
    """`set` and `remove` return after the subscribers heard of it; what changes nothing is no call."""
    flags = InMemoryClient({"a": 1, "t": {"x": []}})
    heard = Heard()
    unsubscribe = flags.subscribe(heard)
    flags.set("a", 2)
    flags.set("a", 2)
    flags.set("a", 2.0)
    flags.set("t", {"x": [1]})
    flags.remove("a")
    flags.remove("a")

    assert [
        {"a": FlagChange(1, 2)},
        {"a": FlagChange(2, 2.0)},
        {"t": FlagChange({"x": []}, {"x": [1]})},
        {"a": FlagChange(2.0, None)},
    ] == heard.calls

    heard.calls[2]["t"].new["x"].append(2)
    unsubscribe()
    unsubscribe()
    flags.set("a", 3)

    assert 4 == len(heard.calls)
    assert {"x": [1]} == flags.get_json("t")


def test_subscribers_are_isolated(caplog: pytest.LogCaptureFixture) -> None:
    """One that raises is logged, and the next is called; one that changes flags itself may."""
    flags = InMemoryClient({"a": 1})
    heard = Heard()

    def broken(changes: Mapping[str, FlagChange]) -> None:
        raise RuntimeError("mine")

    def follows(changes: Mapping[str, FlagChange]) -> None:
        if "a" in changes:
            flags.set("b", changes["a"].new)

    for subscriber in (broken, follows, heard):
        flags.subscribe(subscriber)
    with caplog.at_level(logging.ERROR, "soasap"):
        flags.set("a", 2)

    assert {"a": 2, "b": 2} == flags.all_flags()
    assert {"a", "b"} == {key for call in heard.calls for key in call}
    assert "a listener of the application raised" in caplog.text


def test_subscriber_that_is_none() -> None:
    """What cannot be called is refused, as by the real client."""
    with pytest.raises(TypeError, match="callable"):
        InMemoryClient().subscribe("not me")  # type: ignore[arg-type]


def test_status_and_readiness() -> None:
    """Live and ready from the first moment, of this process, with its flags from the stream; then closed."""
    with InMemoryClient({"a": 1}) as flags:
        status = flags.status()

        assert isinstance(status, ClientStatus)
        assert ("live", "stream", "memory", "") == (status.state, status.source, status.backend, status.hint)
        assert (os.getpid(), 1, 1, 0) == (status.pid, status.events, status.connects, status.errors)
        assert status.snapshot_age is not None
        assert 0 <= status.snapshot_age < 60
        assert status.connected_since is not None
        assert flags.wait_ready()
        assert flags.wait_ready(0)
        assert "<soasap client, live, 1 flags>" == repr(flags)

        flags.set("a", 2)
        assert 2 == flags.status().events

    assert "closed" == flags.status().state
    assert flags.status().connected_since is None
    assert flags.wait_ready() is False


def test_close() -> None:
    """After it reads go on answering, and subscribers hear no more. Again does nothing."""
    flags = InMemoryClient({"a": 1})
    heard = Heard()
    flags.subscribe(heard)
    flags.close()
    flags.close(timeout=0)
    flags.set("a", 2)

    assert 2 == flags.get_int("a")
    assert [] == heard.calls


def test_changes_of_many_threads() -> None:
    """Threads that set at the same time lose nothing of each other."""
    flags = InMemoryClient()
    barrier = threading.Barrier(8)

    def change(thread: int) -> None:
        barrier.wait(10)
        for number in range(50):
            flags.set(f"{thread}-{number}", number)

    threads = [threading.Thread(target=change, args=(thread,)) for thread in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert 400 == len(flags.all_flags())
    assert 401 == flags.status().events


@pytest.mark.untraced
def test_nothing_runs_and_nothing_is_loaded(cache_dir: Path) -> None:
    """It starts no thread, makes no file, and does without urllib3 and ssl."""
    cache_dir.mkdir()
    run_script(
        """
        import os, sys, threading
        os.environ["HOME"] = os.environ["XDG_DATA_HOME"] = sys.argv[1]
        from soasap.testing import InMemoryClient
        with InMemoryClient({"a": 1}) as flags:
            flags.subscribe(print)
            assert flags.wait_ready() and flags.get_int("a") == 1 and flags.status().state == "live"
            assert threading.active_count() == 1
        assert not {"urllib3", "ssl", "gevent", "pytest"} & set(sys.modules)
        assert os.listdir(sys.argv[1]) == []
        """,
        cache_dir,
    )
