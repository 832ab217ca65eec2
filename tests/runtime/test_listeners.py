"""Listeners hear what has changed since they last heard, on the callbacks' task, each for itself."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import pytest

from soasap._runtime.listeners import Listeners
from soasap._runtime.run import Run
from soasap.types import FlagChange
from tests.runtime.fakes import FakeBackend, World, snapshot


class Heard:
    """A world with a store that publishes, and a handler that keeps what it hears."""

    def __init__(self) -> None:
        self.world = World()
        self.world.store.settle()
        self.listeners = Listeners(self.world.store, self.world.callbacks)
        self.world.store.sinks.append(self.listeners)
        self.calls: list[dict[str, tuple[Any, Any]]] = []

    def handler(self, changes: Mapping[str, FlagChange]) -> None:
        self.calls.append({key: (change.old, change.new) for key, change in changes.items()})

    def publish(self, payload: bytes) -> None:
        self.world.store.publish(self.world.run, snapshot(payload))

    def turn(self) -> None:
        """Let the callbacks' task make the calls that wait."""
        run = Run(self.world.backend)
        run.halt()
        self.world.callbacks.serve(run)


@pytest.fixture
def heard() -> Heard:
    return Heard()


def test_changes_are_told(heard: Heard) -> None:
    """Each change is one call with old and new values; a snapshot that changes nothing is none."""
    heard.listeners.add(heard.handler)
    for payload in (b'{"a": 1}', b'{"a": 1 }', b'{"a": 2, "b": [3]}', b'{"b": [3]}'):
        heard.publish(payload)
        heard.turn()

    assert [{"a": (None, 1)}, {"a": (1, 2), "b": (None, [3])}, {"a": (2, None)}] == heard.calls


def test_changes_are_coalesced(heard: Heard) -> None:
    """What came before the listener's turn is one call; what came and went is none."""
    heard.listeners.add(heard.handler)
    for number in range(500):
        heard.publish(b'{"a": %d}' % number)
    heard.turn()
    heard.publish(b"{}")
    heard.publish(b'{"a": 499}')
    heard.turn()

    assert [{"a": (None, 499)}] == heard.calls


def test_late_listeners_hear_what_is_new(heard: Heard) -> None:
    """Who comes later hears no old news, and who leaves hears nothing more; both also while a call waits."""
    first, second = Heard(), Heard()
    leave = heard.listeners.add(first.handler)
    heard.publish(b'{"a": 1}')
    heard.listeners.add(second.handler)
    heard.turn()
    heard.publish(b'{"a": 2}')
    leave()
    leave()
    heard.turn()

    assert [{"a": (None, 1)}] == first.calls
    assert [{"a": (1, 2)}] == second.calls


def test_one_listener_may_leave_during_the_call_of_another(heard: Heard) -> None:
    """A listener that was removed by one before it is not called."""
    heard.listeners.add(lambda changes: leave())
    leave = heard.listeners.add(heard.handler)
    heard.publish(b'{"a": 1}')
    heard.turn()

    assert [] == heard.calls


@pytest.mark.parametrize("error", [ValueError("bad"), SystemExit(1)])
def test_listeners_are_isolated(heard: Heard, error: BaseException, caplog: pytest.LogCaptureFixture) -> None:
    """One that raises, or changes what it got, harms neither the others nor the flags."""

    def spoil(changes: Mapping[str, FlagChange]) -> None:
        changes["a"].new.append("spoilt")
        assert isinstance(changes, dict)
        changes.clear()
        raise error

    heard.listeners.add(spoil)
    heard.listeners.add(heard.handler)
    with caplog.at_level(logging.ERROR, logger="soasap"):
        heard.publish(b'{"a": []}')
        heard.turn()

    assert [{"a": (None, [])}] == heard.calls
    assert {"a": []} == heard.world.store.known().flags
    assert ["soasap: a listener of the application raised"] == caplog.messages


def test_task_starts_when_there_is_something_to_tell(heard: Heard) -> None:
    """Without a listener no task is made for callbacks; with one it is made at the first change, once."""
    backend = heard.world.backend
    heard.publish(b'{"a": 1}')

    assert [] == backend.tasks
    heard.listeners.add(heard.handler)
    heard.publish(b'{"a": 2}')
    heard.publish(b'{"a": 3}')
    assert ["soasap-callbacks"] == [task.name for task in backend.tasks]


class Exhausted(FakeBackend):
    """No thread is to be had, for now."""

    refusing = True

    def spawn(self, function: Any, name: str) -> Any:
        if self.refusing:
            raise RuntimeError("can't start new thread")
        return super().spawn(function, name)


def test_no_thread_can_be_started(heard: Heard) -> None:
    """While no task can be made nothing is told, the stream does not notice, and the next change tells of all."""
    backend = Exhausted(heard.world.clock)
    heard.world.run = Run(backend)
    heard.listeners.add(heard.handler)
    heard.publish(b'{"a": 1}')
    heard.turn()

    assert [] == heard.calls
    backend.refusing = False
    heard.publish(b'{"a": 2}')
    heard.turn()
    assert [{"a": (None, 2)}] == heard.calls
