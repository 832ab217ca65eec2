"""The cache writer: newest wins, not too often, and what fails is tried again."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest

from soasap._runtime.cache_writer import CacheWriter
from soasap.exceptions import CacheError
from soasap.types import SoasapErrorSource
from tests.runtime.fakes import FakeEvent, World, snapshot


class FakeCache:
    """Keeps what is saved, with the time; fails while `broken`."""

    def __init__(self, world: World) -> None:
        self.saved: bytes | None = None
        self.broken = False
        self.failing = False
        self.saves: list[tuple[float, bytes]] = []
        self._world = world
        self._start = world.clock.now

    def save(self, payload: bytes) -> None:
        if self.broken:
            raise CacheError("the disk is full")
        self.saved = payload
        self.saves.append((round(self._world.clock.now - self._start, 3), payload))


class Writing:
    """A writer on its world; `meanwhile` says what happens at each wait, after which the run ends."""

    def __init__(self) -> None:
        self.world = World()
        self.cache = FakeCache(self.world)
        self.writer = CacheWriter(
            self.world.run,
            self.world.store,
            self.cache,
            self.world.reporter,
            self.world.clock,
            self.world.backend.run_blocking,
        )

    def publish(self, payload: bytes) -> None:
        self.world.store.publish(self.world.run, snapshot(payload))
        self.world.run.dirty.set()

    def work(self, *meanwhile: Callable[[], object]) -> None:
        steps = list(meanwhile)

        def step(timeout: float) -> None:
            (steps.pop(0) if steps else self.world.run.halt)()

        for event in (self.world.run.dirty, self.world.run.stop):
            assert isinstance(event, FakeEvent)
            event.on_wait = step
        self.writer()
        assert [] == steps


@pytest.fixture
def writing() -> Writing:
    return Writing()


def test_first_change_at_once_then_the_newest_after_an_interval(writing: Writing) -> None:
    """The first snapshot after quiet is saved at once; of those that follow, the newest, 2.5 s later."""

    def three() -> None:
        for number in (2, 3, 4):
            writing.publish(b'{"n": %d}' % number)

    writing.publish(b'{"n": 1}')
    writing.work(three, lambda: None)

    assert (0.0, b'{"n": 1}') == writing.cache.saves[0]
    assert [b'{"n": 1}', b'{"n": 4}'] == [payload for _, payload in writing.cache.saves]
    assert ["save", "save"] == writing.world.backend.blocking


def test_at_most_once_per_interval(writing: Writing) -> None:
    """Changes that never stop are saved every 2.5 s."""
    writing.publish(b"{}")

    def burst() -> None:
        writing.publish(b'{"n": %d}' % len(writing.cache.saves))

    writing.work(burst, burst, burst, burst, burst, burst)
    times = [when for when, _ in writing.cache.saves]

    assert all(later - earlier >= 2.5 for earlier, later in pairwise(times[:-1]))


def test_last_snapshot_is_saved_at_the_end(writing: Writing) -> None:
    """What was not due yet when the run ends is saved all the same, by the task itself."""
    writing.publish(b'{"n": 1}')

    def change_and_end() -> None:
        writing.publish(b'{"n": 2}')
        writing.world.run.halt()

    writing.work(change_and_end)

    assert [b'{"n": 1}', b'{"n": 2}'] == [payload for _, payload in writing.cache.saves]
    assert ["save"] == writing.world.backend.blocking


def test_equal_payload_is_not_saved(writing: Writing) -> None:
    """What the cache has already is not written again."""
    writing.cache.saved = b'{"n": 1}'
    writing.publish(b"".join([b'{"n"', b": 1}"]))
    writing.work(lambda: None)

    assert [] == writing.cache.saves


@pytest.mark.parametrize("source", ["none", "initial"])
def test_only_what_came_from_stream_or_disk(writing: Writing, source: object) -> None:
    """Flags that the application gave, or none at all, never reach the cache."""
    writing.world.store.replace(snapshot(b'{"n": 1}', source))  # type: ignore[arg-type]
    writing.work(lambda: None)

    assert [] == writing.cache.saves


def test_snapshot_of_an_older_release_is_taken_over(writing: Writing) -> None:
    """What was loaded from elsewhere, so that our cache does not have it, is saved at the start."""
    writing.world.store.replace(snapshot(b'{"n": 1}', "disk"))
    writing.work()

    assert [(0.0, b'{"n": 1}')] == writing.cache.saves


def test_failed_save_is_reported_and_tried_again(writing: Writing) -> None:
    """A full disk is a DISK report; half a minute later the newest snapshot is tried again."""
    writing.cache.broken = True

    def repair() -> None:
        writing.cache.broken = False
        writing.publish(b'{"n": 2}')

    writing.publish(b'{"n": 1}')
    writing.work(repair)

    assert [(30.0, b'{"n": 2}')] == writing.cache.saves
    assert [SoasapErrorSource.DISK] == [context.source for context in writing.world.reported()]


def test_failure_at_the_end_is_reported(writing: Writing) -> None:
    """The last save may fail too: reported, and the task ends."""
    writing.cache.broken = True
    writing.publish(b'{"n": 1}')
    writing.work()

    assert 2 == len(writing.world.reported())
    assert [] == writing.cache.saves


def test_an_outage_is_reported_once(writing: Writing, caplog: pytest.LogCaptureFixture) -> None:
    """A cache that was failing already is tried every half minute without a word, until it works again."""
    caplog.set_level("INFO", "soasap")
    writing.cache.broken = writing.cache.failing = True

    def repair() -> None:
        writing.cache.broken = False

    def settle() -> None:
        writing.cache.failing = False

    writing.publish(b'{"n": 1}')
    writing.work(lambda: None, lambda: None, repair, settle)

    assert [(90.0, b'{"n": 1}')] == writing.cache.saves
    assert [] == writing.world.reported()
    assert ["soasap: the cache works again"] == caplog.messages


def test_failing_cache_is_not_tried_at_the_end(writing: Writing) -> None:
    """The end of a run does not wait for a cache whose last call failed."""
    calls: list[str] = []
    writing.cache.broken = True
    writing.publish(b'{"n": 1}')

    def give_up() -> None:
        calls.append("waits")
        writing.cache.failing, writing.cache.broken = True, False
        writing.world.run.halt()

    writing.work(give_up)

    assert ["waits"] == calls
    assert [] == writing.cache.saves
    assert 1 == len(writing.world.reported())


def test_inherited_writer_that_fails_is_silent(writing: Writing, monkeypatch: pytest.MonkeyPatch) -> None:
    """A save that a fork broke off in an inherited greenlet is no error of the child's."""

    def fork_and_fail(payload: bytes) -> None:
        writing.world.run.abandon()
        raise CacheError("the connection is the parent's")

    monkeypatch.setattr(writing.cache, "save", fork_and_fail)
    writing.publish(b'{"n": 1}')
    writing.work()

    assert [] == writing.world.reported()


def test_inherited_writer_leaves_the_cache_alone(writing: Writing) -> None:
    """A writer that a forked child inherited writes nothing: the parent does."""

    def fork() -> None:
        writing.publish(b'{"n": 1}')
        writing.world.run.abandon()

    writing.work(fork)

    assert [] == writing.cache.saves


class Kill(BaseException):
    """What ends greenlets, or a signal handler raises in one."""


def killed() -> None:
    raise Kill


def test_killed_between_saves(writing: Writing) -> None:
    """A kill is gone through with, and what was not saved yet is saved first."""
    writing.publish(b'{"n": 1}')

    with pytest.raises(Kill):
        writing.work(lambda: writing.publish(b'{"n": 2}'), killed)

    assert [b'{"n": 1}', b'{"n": 2}'] == [payload for _, payload in writing.cache.saves]


def test_killed_during_a_save(writing: Writing, monkeypatch: pytest.MonkeyPatch) -> None:
    """A save that was broken off may go on in its pool: none begins beside it."""
    saves: list[bytes] = []

    def save(payload: bytes) -> None:
        saves.append(payload)
        raise Kill

    monkeypatch.setattr(writing.cache, "save", save)
    writing.publish(b'{"n": 1}')

    with pytest.raises(Kill):
        writing.work()

    assert [b'{"n": 1}'] == saves


def test_killed_right_after_a_save(writing: Writing, monkeypatch: pytest.MonkeyPatch) -> None:
    """A save that is over in its pool, though its task was killed before it heard, is in nobody's way."""
    save = writing.cache.save

    def save_and_die(payload: bytes) -> None:
        save(payload)
        monkeypatch.setattr(writing.cache, "save", save)
        writing.publish(b'{"n": 2}')
        raise Kill

    monkeypatch.setattr(writing.cache, "save", save_and_die)
    writing.publish(b'{"n": 1}')

    with pytest.raises(Kill):
        writing.work()

    assert [b'{"n": 1}', b'{"n": 2}'] == [payload for _, payload in writing.cache.saves]


def test_killed_in_a_child(writing: Writing) -> None:
    """An inherited task that is killed in a forked child saves nothing."""
    writing.publish(b'{"n": 1}')

    def fork_and_kill() -> None:
        writing.publish(b'{"n": 2}')
        writing.world.run.dead = True
        raise Kill

    with pytest.raises(Kill):
        writing.work(fork_and_kill)

    assert [b'{"n": 1}'] == [payload for _, payload in writing.cache.saves]
