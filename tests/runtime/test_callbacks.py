"""Calls of the application wait in a queue, are made on a task of their own, and break nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

import pytest

from soasap._runtime.callbacks import QUEUE_LENGTH, Callbacks
from soasap._runtime.run import Run
from tests.runtime.fakes import Clock, FakeBackend, FakeEvent, FakeTask


def halted() -> Run:
    """A run that is over: whoever serves it makes the calls that wait, and leaves."""
    run = Run(FakeBackend())
    run.halt()
    return run


def test_calls_wait_for_the_first_run() -> None:
    """What is posted before anything runs is called once something does, in order."""
    callbacks = Callbacks()
    calls: list[object] = []
    for number in range(3):
        assert callbacks.post(partial(calls.append, number))

    assert [] == calls
    callbacks.serve(halted())
    assert [0, 1, 2] == calls


def test_queue_has_an_end() -> None:
    """A hundred calls wait; one more is refused and not made."""
    callbacks = Callbacks()
    calls: list[object] = []

    assert [True] * QUEUE_LENGTH + [False] == [callbacks.post(partial(calls.append, 1)) for _ in range(101)]
    callbacks.serve(halted())
    assert 100 == len(calls) == QUEUE_LENGTH
    assert callbacks.post(partial(calls.append, 2))


def test_serving_waits_and_wakes() -> None:
    """The task sleeps until a call is posted, makes it, and ends with the run."""
    run = Run(FakeBackend())
    callbacks = Callbacks()
    calls: list[object] = []
    assert isinstance(run.posted, FakeEvent)
    meanwhile: list[Callable[[], object]] = [lambda: callbacks.post(lambda: calls.append(1)), lambda: None, run.halt]
    run.posted.on_wait = lambda timeout: meanwhile.pop(0)()

    callbacks.serve(run)

    assert [1] == calls
    assert [60.0] * 3 == run.posted.waits


def test_last_words() -> None:
    """What the other tasks post until they have ended is called too."""
    run = halted()
    callbacks = Callbacks()
    calls: list[object] = []

    class Ending(FakeTask):
        def join(self, timeout: float) -> bool:
            callbacks.post(partial(calls.append, self.name))
            return True

    run.tasks += [Ending(lambda: None, name, Clock()) for name in ("stream", "cache")]
    callbacks.post(partial(calls.append, "before"))
    callbacks.serve(run)

    assert ["before", "stream", "cache"] == calls


@pytest.mark.parametrize("error", [LookupError("mine"), SystemExit(1)])
def test_what_a_call_raises_is_logged(error: BaseException, caplog: pytest.LogCaptureFixture) -> None:
    """An exception of the application is logged with its traceback, and the next call is made."""
    callbacks = Callbacks()
    calls: list[object] = []

    def fail() -> None:
        raise error

    callbacks.post(fail)
    callbacks.post(partial(calls.append, 1))
    callbacks.serve(halted())

    assert [1] == calls
    ((name, level, message),) = caplog.record_tuples
    assert ("soasap", logging.ERROR, "soasap: a callback of the application raised") == (name, level, message)
    assert type(error).__name__ in caplog.text


def test_a_kill_is_a_kill() -> None:
    """What is neither an exception nor an exit leaves the task: greenlets are killed so."""

    class Kill(BaseException):
        pass

    def killed() -> None:
        raise Kill

    callbacks = Callbacks()
    callbacks.post(killed)
    with pytest.raises(Kill):
        callbacks.serve(halted())


def test_forked_child_starts_empty() -> None:
    """What the parent's run had queued is not called in the child."""
    callbacks = Callbacks()
    calls: list[object] = []
    callbacks.serve(halted())
    callbacks.post(partial(calls.append, "parent's"))
    callbacks.forget()
    callbacks.post(partial(calls.append, "child's"))
    callbacks.serve(halted())

    assert ["child's"] == calls


def test_reports_of_the_constructor_reach_every_child() -> None:
    """What was queued before anything ran, a bad cache file say, is new in the child."""
    callbacks = Callbacks()
    calls: list[object] = []
    callbacks.post(partial(calls.append, "constructor's"))
    callbacks.forget()
    callbacks.serve(halted())

    assert ["constructor's"] == calls


def test_inherited_task_makes_no_calls() -> None:
    """A greenlet that a forked child inherited leaves without touching the queue."""
    callbacks = Callbacks()
    calls: list[object] = []
    run = Run(FakeBackend())
    callbacks.post(lambda: run.abandon())
    callbacks.post(partial(calls.append, 1))
    callbacks.serve(run)

    assert [] == calls
