"""Runs: at most one per process, whoever starts, ends, forks or dies in between."""

from __future__ import annotations

import logging
import threading
from typing import Any

import pytest

from soasap._runtime.run import Run
from soasap.protocols import ConcurrencyBackend
from tests.runtime.crew import Crew
from tests.runtime.fakes import FakeEvent, FakeTransport, snapshot


class Kill(BaseException):
    """What ends greenlets."""


@pytest.fixture
def crew() -> Crew:
    return Crew()


def test_first_read_starts_one_run(crew: Crew) -> None:
    """The first read starts, later ones and other callers find the run."""
    for _ in range(3):
        crew.store.snapshot.flags.get("x")
        crew.supervisor.start()

    assert 1 == len(crew.runs)
    assert crew.runs[0] is crew.supervisor.run
    assert ("connecting", False) == (crew.vitals.state, crew.armed())


def test_simultaneous_starts_elect_one() -> None:
    """Eight threads that start at the same moment make one run between them, every time."""
    for _ in range(100):
        crew = Crew()
        barrier = threading.Barrier(8)

        def start(crew: Crew = crew, barrier: threading.Barrier = barrier) -> None:
            barrier.wait(10)
            crew.supervisor.start()

        threads = [threading.Thread(target=start) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)

        assert 1 == len(crew.runs)


@pytest.mark.parametrize("where", ["process", "backend"])
def test_obstacle(crew: Crew, where: str, caplog: pytest.LogCaptureFixture) -> None:
    """Where nothing can run, nothing starts and the status says why; once it can, the next read starts."""
    if where == "process":
        crew.reason = "a master"
    else:
        crew.backend_reason = "no hub"
    for _ in range(3):
        crew.store.snapshot.flags.get("x")

    assert [] == crew.runs
    assert ("a master" if where == "process" else "no hub") == crew.vitals.hint
    assert (0 if where == "process" else 1) == len(caplog.records)
    assert crew.supervisor.wait_ready(5.0) is False
    assert 0 == crew.vitals.errors

    crew.reason = crew.backend_reason = ""
    crew.store.snapshot.flags.get("x")
    assert (1, "") == (len(crew.runs), crew.vitals.hint)


def test_backend_that_cannot_be_made(crew: Crew) -> None:
    """A failing backend is reported, reads go on, and it is tried again after a pause, not at each read."""
    crew.backend_error = OSError("no threads left")
    for _ in range(5):
        crew.store.snapshot.flags.get("x")

    assert (1, "idle") == (crew.vitals.errors, crew.vitals.state)
    crew.backend_error = None
    crew.clock.now += 0.1
    crew.store.snapshot.flags.get("x")
    assert 1 == len(crew.runs)


def test_run_that_cannot_be_manned(crew: Crew) -> None:
    """If no task can start the run is dropped and reported; a later read tries again."""
    crew.man_error = RuntimeError("can't start new thread")
    crew.store.snapshot.flags.get("x")

    assert crew.supervisor.run is None
    assert (1, "idle", True) == (crew.vitals.errors, crew.vitals.state, crew.armed())
    assert crew.runs[0].over()
    crew.man_error = None
    crew.clock.now += 0.1
    crew.store.snapshot.flags.get("x")
    assert crew.runs[1] is crew.supervisor.run


def test_kill_during_a_start(crew: Crew) -> None:
    """A kill in the middle of a start goes its way, and the next read starts again."""
    crew.man_error = Kill()
    with pytest.raises(Kill):
        crew.store.snapshot.flags.get("x")

    assert (True, None) == (crew.armed(), crew.supervisor.run)


def test_kill_between_election_and_beginning(crew: Crew) -> None:
    """A kill that comes when the run is elected and nothing has begun leaves no run behind that never streams."""

    class KillsOnce(dict[str, Run]):
        kill = True

        def setdefault(self, key: str, default: Any = None) -> Any:
            answer = super().setdefault(key, default)
            if self.kill:
                self.kill = False
                raise Kill
            return answer

    crew.supervisor._runs = KillsOnce()
    with pytest.raises(Kill):
        crew.supervisor.start()

    assert (None, True) == (crew.supervisor.run, crew.armed())
    crew.clock.now += 0.1
    crew.supervisor.start()
    assert crew.runs[0] is crew.supervisor.run


def test_log_handler_that_reads(crew: Crew) -> None:
    """A log handler of the application may read a flag while a start reports why it failed: nothing starts in there."""
    made = 0

    def fail() -> ConcurrencyBackend:
        nonlocal made
        made += 1
        raise OSError("no threads left")

    class Reads(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            crew.store.snapshot.flags.get("x")

    crew.make_backend = fail  # type: ignore[method-assign]
    handler = Reads()
    logger = logging.getLogger("soasap")
    logger.addHandler(handler)
    try:
        crew.supervisor.start()
    finally:
        logger.removeHandler(handler)

    assert (1, 1) == (made, crew.vitals.errors)


def test_obstacle_that_cannot_be_told(crew: Crew) -> None:
    """Whatever goes wrong in asking what stands in the way is reported, not raised."""

    def fail() -> str:
        raise LookupError("half imported")

    crew.obstacle = fail  # type: ignore[method-assign]
    crew.supervisor.start()

    assert (1, None) == (crew.vitals.errors, crew.supervisor.run)


def test_task_that_dies(crew: Crew) -> None:
    """An error nobody expected ends the run, is reported, and the next read after a pause starts another."""

    def die() -> None:
        raise LookupError("a bug")

    crew.work = die
    crew.supervisor.start()
    crew.task.run()

    assert (1, "idle", True, None) == (crew.vitals.errors, crew.vitals.state, crew.armed(), crew.supervisor.run)
    assert crew.vitals.last_error is not None
    assert crew.vitals.last_error.is_transient
    assert crew.runs[0].over()
    crew.store.snapshot.flags.get("x")
    assert 1 == len(crew.runs)
    crew.clock.now += 0.1
    crew.store.snapshot.flags.get("x")
    assert 2 == len(crew.runs)


def test_pauses_double_and_a_healthy_minute_forgives(crew: Crew) -> None:
    """A bug that strikes at once costs fewer and fewer starts, down to one a minute."""

    def die() -> None:
        raise LookupError("a bug")

    def pause() -> float:
        crew.task.run()
        died = crew.clock.now
        runs = len(crew.runs)
        while len(crew.runs) == runs:
            crew.clock.now += 0.05
            crew.supervisor.start()
        return round(crew.clock.now - died, 1)

    crew.work = die
    crew.supervisor.start()

    assert [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 51.2, 60, 60] == pytest.approx(
        [pause() for _ in range(12)], abs=0.11
    )
    crew.clock.now += 60
    assert 0.1 == pytest.approx(pause(), abs=0.06)


def test_task_that_is_killed(crew: Crew) -> None:
    """A kill ends the run as an error does, and goes on its way."""

    def die() -> None:
        raise Kill

    crew.work = die
    crew.supervisor.start()
    with pytest.raises(Kill):
        crew.task.run()

    assert (None, True) == (crew.supervisor.run, crew.armed())


def test_task_that_leaves(crew: Crew) -> None:
    """A task that leaves of its own accord, because another backend fits now, makes room at once and without a word."""
    crew.supervisor.start()
    crew.task.run()

    assert (0, "idle", None) == (crew.vitals.errors, crew.vitals.state, crew.supervisor.run)
    crew.store.snapshot.flags.get("x")
    assert 2 == len(crew.runs)


def test_host_that_ends(crew: Crew) -> None:
    """When the thread of its hub ends, a run ends without a word, and the next read starts another at once."""
    crew.supervisor.start()
    first = crew.runs[0]
    crew.backends[0].host_end()

    assert (True, 0, None, True) == (first.stopped, crew.vitals.errors, crew.supervisor.run, crew.armed())
    crew.store.snapshot.flags.get("x")
    assert 2 == len(crew.runs)

    crew.backends[0].host_end()
    assert crew.runs[1] is crew.supervisor.run


@pytest.mark.parametrize("error", [None, LookupError("late"), Kill()])
def test_words_of_a_run_that_ended(crew: Crew, error: BaseException | None) -> None:
    """What a task of a run that is over still says, or raises, concerns nobody."""

    def late() -> None:
        if error is not None:
            raise error

    crew.work = late
    crew.supervisor.start()
    old = crew.task
    crew.supervisor.close(0.0)
    if isinstance(error, Kill):
        with pytest.raises(Kill):
            old.run()
    else:
        old.run()

    assert (0, "closed", False) == (crew.vitals.errors, crew.vitals.state, crew.armed())


def test_late_death_of_an_old_run_spares_the_new_one(crew: Crew) -> None:
    """Another task of a retired run may die later: the run that took its place goes on."""
    crew.supervisor.start()
    first = crew.task
    crew.task.run()
    crew.supervisor.start()
    first.run()

    assert crew.runs[1] is crew.supervisor.run
    assert not crew.runs[1].over()


def test_close_ends_for_good(crew: Crew) -> None:
    """After `close()` nothing starts, the run is over, and the last snapshot stays."""
    crew.store.replace(snapshot(b'{"n": 1}'))
    crew.supervisor.start()
    crew.task.ended = True
    crew.supervisor.close(5.0)
    crew.supervisor.close(5.0)
    crew.supervisor.start()

    assert crew.runs[0].over()
    assert (1, "closed", None) == (len(crew.runs), crew.vitals.state, crew.supervisor.run)
    assert 1 == crew.store.snapshot.flags.get("n")


def test_closed_cell_settles_again(crew: Crew) -> None:
    """If a task that was just publishing arms the cell after the close, the next read makes it plain again."""
    crew.supervisor.start()
    crew.supervisor.close(0.0)
    crew.store.arm()
    crew.store.snapshot.flags.get("x")

    assert (1, False) == (len(crew.runs), crew.armed())


def test_close_waits_for_a_run_that_died(crew: Crew) -> None:
    """When one task has died the others are still leaving: `close()` waits for them."""

    def die() -> None:
        raise LookupError("a bug")

    crew.work = die
    crew.supervisor.start()
    crew.task.run()
    assert crew.supervisor.run is None
    crew.supervisor.close(5.0)

    assert crew.task.joins


def test_close_after_a_close_that_was_killed(crew: Crew) -> None:
    """A close that a kill cut short is made good by the next one."""
    crew.supervisor.start()
    run = crew.runs[0]

    class KillsOnce(dict[str, Run]):
        kill = True

        def pop(self, *args: Any) -> Any:
            answer = super().pop(*args)
            if self.kill:
                self.kill = False
                raise Kill
            return answer

    crew.supervisor._runs = KillsOnce(crew.supervisor._runs)
    with pytest.raises(Kill):
        crew.supervisor.close(5.0)
    crew.task.ended = True
    crew.supervisor.close(5.0)

    assert run.over()
    assert crew.task.joins


def test_close_before_any_start(crew: Crew) -> None:
    """A client that never started closes, and reads start nothing."""
    crew.supervisor.close(5.0)
    crew.store.snapshot.flags.get("x")

    assert ([], "closed") == (crew.runs, crew.vitals.state)


def test_close_waits_within_its_timeout_and_wakes_again(crew: Crew) -> None:
    """A task that does not hear is woken again and again; when the time is up it is left behind."""
    crew.supervisor.start()
    before = crew.clock.now
    crew.supervisor.close(2.0)
    transport = crew.runs[0].transport

    assert isinstance(transport, FakeTransport)
    assert 2.0 <= crew.clock.now - before < 2.1
    assert len(transport.calls) > 20


def test_close_grants_callbacks_a_moment(crew: Crew) -> None:
    """A callback of the application that does not end costs `close()` a twentieth of a second."""
    crew.supervisor.start()
    crew.task.ended = True
    crew.callbacks.calling = True
    before = crew.clock.now
    crew.supervisor.close(5.0)

    assert pytest.approx(0.05) == crew.clock.now - before


def test_close_waits_for_callbacks_that_make_no_call(crew: Crew) -> None:
    """Between two calls the task is ours and ends by itself: on a busy machine it is given a second."""
    crew.supervisor.start()
    crew.task.ended = True
    before = crew.clock.now
    crew.supervisor.close(2.0)

    assert 1.0 <= crew.clock.now - before < 1.1


def test_close_by_a_task_does_not_wait_for_itself(crew: Crew) -> None:
    """What runs on one of our tasks may close: it waits for the others only."""
    crew.supervisor.start()
    crew.task.current = True
    before = crew.clock.now
    crew.supervisor.close(5.0)

    assert crew.clock.now - before <= 0.051


def test_close_in_the_middle_of_a_start(crew: Crew) -> None:
    """A start that meets a close half way, in a signal handler say, ends what it has begun."""
    crew.while_manning = lambda: crew.supervisor.close(0.0)
    crew.supervisor.start()

    assert crew.runs[0].over()
    assert (None, "closed", False) == (crew.supervisor.run, crew.vitals.state, crew.armed())


def test_close_before_the_election(crew: Crew) -> None:
    """A close between the first line of a start and its election leaves no run behind."""
    made = crew.make_backend

    def close_meanwhile() -> ConcurrencyBackend:
        crew.supervisor.close(0.0)
        return made()

    crew.make_backend = close_meanwhile  # type: ignore[method-assign]
    crew.supervisor.start()

    assert crew.supervisor.run is None
    assert all(run.over() for run in crew.runs)


def test_run_that_dies_when_closed_stays_dead(crew: Crew) -> None:
    """A run that cannot be manned while the client is being closed arms nothing."""

    def close_and_fail() -> None:
        crew.supervisor.close(0.0)
        raise RuntimeError("can't start new thread")

    crew.while_manning = close_and_fail
    crew.supervisor.start()

    assert ("closed", False, None) == (crew.vitals.state, crew.armed(), crew.supervisor.run)


def test_fork_drops_the_run_and_arms(crew: Crew) -> None:
    """In a forked child the next read starts a run of its own; the parent's connection is given up, not closed."""
    crew.store.replace(snapshot(b'{"n": 1}'))
    crew.supervisor.start()
    crew.vitals.connects = 3
    crew.supervisor.after_fork_in_child()
    transport = crew.runs[0].transport

    assert isinstance(transport, FakeTransport)
    assert ["abandon"] == transport.calls
    assert (True, False) == (crew.runs[0].dead, crew.runs[0].stopped)
    assert ("idle", 0, True) == (crew.vitals.state, crew.vitals.connects, crew.armed())
    assert 1 == crew.store.snapshot.flags.get("n")
    assert 2 == len(crew.runs)


def test_fork_while_a_run_ends(crew: Crew) -> None:
    """A run that its process is just ending is its parent's as well: the child gives up its connection, too."""
    crew.supervisor.start()
    crew.supervisor.close(0.0)
    crew.supervisor.after_fork_in_child()
    transport = crew.runs[0].transport

    assert isinstance(transport, FakeTransport)
    assert "abandon" == transport.calls[-1]
    assert crew.runs[0].dead


def test_fork_forgets_pauses(crew: Crew) -> None:
    """A pause after a death in the parent does not bind the child."""
    crew.man_error = RuntimeError("can't start new thread")
    crew.supervisor.start()
    crew.man_error = None
    crew.supervisor.after_fork_in_child()
    crew.supervisor.start()

    assert 2 == len(crew.runs)


def test_fork_of_a_closed_client(crew: Crew) -> None:
    """A client closed before the fork is closed in the child."""
    crew.supervisor.close(0.0)
    crew.supervisor.after_fork_in_child()
    crew.store.snapshot.flags.get("x")

    assert ([], "closed", False) == (crew.runs, crew.vitals.state, crew.armed())


def test_fork_in_the_middle_of_a_start(crew: Crew) -> None:
    """A green starter that survives into the child, half way through, leaves the cell armed there."""
    crew.while_manning = crew.supervisor.after_fork_in_child
    crew.supervisor.start()

    assert (True, None) == (crew.armed(), crew.supervisor.run)


def test_first_start_in_a_child_looks_at_the_cache(crew: Crew) -> None:
    """In a forked child the younger of file and memory wins, once."""
    crew.store.replace(snapshot(b'{"n": 1}'))
    crew.younger = snapshot(b'{"n": 2}', "disk")
    assert 1 == crew.store.snapshot.flags.get("n")
    crew.supervisor.after_fork_in_child()
    crew.supervisor._pid -= 1  # as if it had been another process

    assert 2 == crew.store.snapshot.flags.get("n")
    crew.younger = None
    crew.supervisor.after_fork_in_child()
    crew.supervisor._pid -= 1
    assert 2 == crew.store.snapshot.flags.get("n")


def ready_event(run: Run) -> FakeEvent:
    assert isinstance(run.ready, FakeEvent)
    return run.ready


def test_wait_ready(crew: Crew) -> None:
    """Waiting starts the work, ends with the first snapshot, and waits in slices no longer than a second."""
    crew.supervisor.start()
    ready = ready_event(crew.runs[0])
    ready.on_wait = lambda timeout: ready.set() if len(ready.waits) == 4 else None

    assert crew.supervisor.wait_ready(None) is True
    assert [1.0] * 4 == ready.waits
    assert crew.supervisor.wait_ready(0) is True


@pytest.mark.parametrize(("expected", "timeout"), [([1.0, 1.0, 0.5], 2.5), ([0.0], 0), ([0.0], -3)])
def test_wait_ready_gives_up(crew: Crew, expected: list[float], timeout: float) -> None:
    """When the time is up the answer is no, not an error."""
    assert crew.supervisor.wait_ready(timeout) is False
    assert pytest.approx(expected) == ready_event(crew.runs[0]).waits


def test_wait_ready_and_close(crew: Crew) -> None:
    """A close ends the waiting: readiness will not come."""
    crew.supervisor.start()
    ready_event(crew.runs[0]).on_wait = lambda timeout: crew.supervisor.close(0.0)

    assert crew.supervisor.wait_ready(None) is False
    assert crew.supervisor.wait_ready(None) is False


def test_wait_ready_outlives_a_run(crew: Crew) -> None:
    """If the run dies meanwhile the wait goes on with the one that takes its place."""
    crew.supervisor.start()
    first = ready_event(crew.runs[0])

    def leave(timeout: float) -> None:
        crew.task.run()
        crew.supervisor.start()
        second = ready_event(crew.runs[1])
        second.on_wait = lambda timeout: second.set()

    first.on_wait = leave

    assert crew.supervisor.wait_ready(None) is True
    assert 2 == len(crew.runs)


def test_wait_ready_outlives_a_pause(crew: Crew) -> None:
    """If no thread can be started just now, the wait goes on until the next try, which is due in a moment."""
    crew.man_error = RuntimeError("can't start new thread")
    crew.supervisor.start()
    crew.man_error = None
    began = crew.clock.now
    answer = crew.supervisor.wait_ready(5.0)

    assert 2 == len(crew.runs)
    assert crew.supervisor.run is crew.runs[1]
    assert answer is False
    assert pytest.approx(5.0) == crew.clock.now - began


def test_wait_ready_gives_up_in_a_pause(crew: Crew) -> None:
    """When the time is up within a pause the answer is no, and not earlier."""
    crew.man_error = RuntimeError("can't start new thread")
    began = crew.clock.now

    assert crew.supervisor.wait_ready(2.0) is False
    assert pytest.approx(2.0) == crew.clock.now - began
    assert 5 == len(crew.runs)  # after 0, 0.1, 0.3, 0.7 and 1.5 s


def test_wait_ready_without_anything_to_wait_on(crew: Crew) -> None:
    """Where no backend can be made there is nothing to wait on, and the answer is no."""
    crew.backend_error = OSError("no threads left")

    assert crew.supervisor.wait_ready(None) is False
    assert 1 == crew.vitals.errors


def test_wait_ready_where_nobody_can_wait(crew: Crew) -> None:
    """In an event loop's own callback a wait returns at once: so does `wait_ready`, with no."""
    crew.supervisor.start()
    ready = ready_event(crew.runs[0])

    def at_once(timeout: float) -> None:
        crew.clock.now -= timeout

    ready.on_wait = at_once

    assert crew.supervisor.wait_ready(None) is False
    assert 1 == len(ready.waits)
