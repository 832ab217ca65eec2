"""Watchers hear that there is something to see, on the callbacks' task, however often it changed meanwhile."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest

from soasap._runtime.run import Run
from tests.runtime.fakes import FakeBackend, FakeTask, World


class Watched(World):
    """A world with a watcher that counts."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = 0
        self.remove = self.watchers.add(self.see)

    def see(self) -> None:
        self.seen += 1


@pytest.fixture
def world() -> Watched:
    return Watched()


def test_changes_are_one_call(world: Watched) -> None:
    """What happens before the callbacks' turn is one call; what happens later is another."""
    world.watchers(world.run)
    world.watchers(world.run)

    assert 0 == world.seen

    world.reported()

    assert 1 == world.seen

    world.watchers(world.run)
    world.reported()

    assert 2 == world.seen


def test_the_callbacks_task_is_started_for_them(world: Watched) -> None:
    """The task is started with the first news, once; without a watcher there is none."""
    world.remove()
    world.watchers(world.run)

    assert [] == world.backend.tasks

    world.watchers.add(world.see)
    world.watchers(world.run)
    world.watchers(world.run)

    assert ["soasap-callbacks"] == [task.name for task in world.backend.tasks]


def test_removed_watchers_hear_nothing(world: Watched) -> None:
    """Once removed, even what was due is not told. Removing again does nothing."""
    world.watchers(world.run)
    world.remove()
    world.remove()
    world.reported()

    assert 0 == world.seen


def test_the_same_function_may_watch_twice(world: Watched) -> None:
    """Each addition is one of its own."""
    remove = world.watchers.add(world.see)
    world.watchers(world.run)
    world.reported()

    assert 2 == world.seen

    remove()
    world.watchers(world.run)
    world.reported()

    assert 3 == world.seen


def test_watchers_are_isolated(caplog: pytest.LogCaptureFixture) -> None:
    """One that raises is logged, and the next is called."""
    world = World()
    seen: list[str] = []

    def broken() -> None:
        raise SystemExit("mine")

    world.watchers.add(broken)
    world.watchers.add(lambda: seen.append("next"))
    world.watchers(world.run)
    with caplog.at_level(logging.ERROR, "soasap"):
        world.reported()

    assert ["next"] == seen
    assert "a watcher raised" in caplog.text


def test_no_thread_to_be_had(world: Watched) -> None:
    """Where the task cannot be started the stream goes on, and the next news tell of it."""

    class Exhausted(FakeBackend):
        def spawn(self, function: Callable[[], None], name: str) -> FakeTask:
            raise RuntimeError("can't start new thread")

    world.watchers(Run(Exhausted(world.clock)))
    world.reported()

    assert 0 == world.seen

    world.watchers(world.run)
    world.reported()

    assert 1 == world.seen
