"""The one cell: armed, settled, published into, and right when a fork comes between two lines."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from soasap._runtime.run import Run
from soasap._runtime.store import SnapshotStore
from soasap._sansio.snapshot import EMPTY, FlagSnapshot
from tests.runtime.fakes import FakeBackend, World, snapshot

ONE, TWO = snapshot(b'{"n": 1, "tree": {"a": [1]}}', "disk"), snapshot(b'{"n": 2}')


@pytest.fixture
def world() -> World:
    return World()


def test_asking_for_flags_starts(world: World) -> None:
    """An armed cell starts the work at each read, and at nothing else."""
    assert EMPTY is world.store.known()
    world.store.arm()
    world.store.replace(ONE)
    assert 0 == world.starts

    assert 1 == world.store.snapshot.flags.get("n")
    assert 1 == world.starts


def test_settled_cell_starts_nothing(world: World) -> None:
    """Once the work has started a read is a plain look-up."""
    world.store.replace(ONE)
    world.store.settle()

    assert ONE is world.store.snapshot
    assert 1 == world.store.snapshot.flags.get("n")
    assert 0 == world.starts


def test_armed_again_keeps_what_is_known(world: World) -> None:
    """Arming a cell in use takes no flag away."""
    world.store.replace(ONE)
    world.store.settle()
    world.store.arm()
    world.store.arm()

    assert ONE is world.store.known()
    assert 1 == world.store.snapshot.flags.get("n")
    assert 1 == world.starts


def test_replace_keeps_the_cell_armed_or_settled(world: World) -> None:
    """Another snapshot changes nothing about whether the next read starts the work."""
    world.store.settle()
    world.store.replace(TWO)
    assert TWO is world.store.snapshot


def test_read_that_starts_answers_from_what_the_start_found() -> None:
    """The first read of a forked child gets the younger snapshot that its own start put there."""

    def start() -> None:
        store.replace(TWO)
        store.settle()

    store = SnapshotStore(start)
    store.replace(ONE)

    assert 2 == store.snapshot.flags.get("n")


def test_json_copy_of_an_armed_cell(world: World) -> None:
    """The first read may ask for JSON: it too gets a copy of its own."""
    world.store.replace(ONE)
    armed = world.store.snapshot
    tree: Any = armed.flags.get("tree")
    copy = armed.json_copy("tree", tree)

    assert {"a": [1]} == copy
    assert copy is not tree
    assert copy["a"] is not tree["a"]


def test_publish_swaps_and_tells(world: World) -> None:
    """A new snapshot is in the cell before the sinks hear of it, with the one before."""
    told: list[tuple[Run, FlagSnapshot, FlagSnapshot, object]] = []
    world.store.settle()
    for _ in range(2):
        world.store.sinks.append(
            lambda run, previous, current: told.append((run, previous, current, world.store.snapshot))
        )
    assert EMPTY is world.store.publish(world.run, ONE)
    assert ONE is world.store.publish(world.run, TWO)

    assert [(world.run, EMPTY, ONE, ONE)] * 2 + [(world.run, ONE, TWO, TWO)] * 2 == told


@pytest.mark.parametrize("end", [Run.halt, Run.abandon])
def test_run_that_is_over_publishes_nothing(world: World, end: Callable[[Run], None]) -> None:
    """What a halted run, or a forked child's inherited task, still brings is not taken."""
    told: list[object] = []
    world.store.settle()
    world.store.sinks.append(lambda run, previous, current: told.append(current))
    end(world.run)

    assert world.store.publish(world.run, ONE) is None
    assert EMPTY is world.store.snapshot
    assert [] == told


def test_fork_between_the_lines_of_publish(world: World) -> None:
    """A fork after the look and before the swap leaves an armed cell in the child."""

    class ForkedMeanwhile(Run):
        def over(self) -> bool:
            looked = super().over()
            self.dead = True
            return looked

    told: list[object] = []
    world.store.settle()
    world.store.sinks.append(lambda run, previous, current: told.append(current))

    assert world.store.publish(ForkedMeanwhile(FakeBackend()), ONE) is None
    assert [] == told
    world.store.snapshot.flags.get("n")
    assert 1 == world.starts


def test_death_between_the_lines_of_publish(world: World) -> None:
    """If another task of the run dies after the look and before the swap, the next read starts the work anew."""

    class DiesMeanwhile(Run):
        def over(self) -> bool:
            looked = super().over()
            if not looked:  # as the supervisor does it, on the thread of the other task
                self.halt()
                world.store.arm()
            return looked

    world.store.settle()
    world.store.publish(DiesMeanwhile(FakeBackend()), ONE)
    world.store.snapshot.flags.get("n")

    assert 1 == world.starts
    assert ONE is world.store.known()


def test_readers_never_see_half_a_set(world: World) -> None:
    """However fast sets follow each other, two flags that change together are read together."""
    sets = [snapshot(b'{"a": %d, "b": %d}' % (number, number)) for number in range(200)]
    world.store.settle()
    world.store.publish(world.run, sets[0])
    torn: list[object] = []
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            flags = world.store.snapshot.flags
            if flags["a"] != flags["b"]:
                torn.append(dict(flags))

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for _ in range(20):
        for each in sets:
            world.store.publish(world.run, each)
    stop.set()
    for reader in readers:
        reader.join(10)

    assert [] == torn
