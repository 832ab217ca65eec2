"""One run: how it ends, in its own process and in a forked child."""

from __future__ import annotations

import pytest

from soasap._runtime.run import Run
from tests.runtime.fakes import FakeBackend, FakeEvent, FakeTransport


@pytest.fixture
def run() -> Run:
    run = Run(FakeBackend())
    run.transport = FakeTransport(run)
    return run


def calls(run: Run) -> list[str]:
    assert isinstance(run.transport, FakeTransport)
    return run.transport.calls


def test_a_new_run_goes_on(run: Run) -> None:
    """Nothing is set, and the run is not over."""
    assert (False, [], None) == (run.over(), run.tasks, run.callback_task)
    assert not any(event.is_set() for event in (run.stop, run.dirty, run.posted, run.ready))


def test_halt_wakes_everybody(run: Run) -> None:
    """Whatever a task waits for, it wakes; halting again is harmless."""
    run.halt()
    run.halt()

    assert run.over()
    assert all(event.is_set() for event in (run.stop, run.dirty, run.posted, run.ready))
    assert ["wake", "wake"] == calls(run)
    assert not run.dead


def test_abandon_touches_nothing_of_the_parent(run: Run) -> None:
    """In a forked child the run is over, the connection given up, and no event is set."""
    run.abandon()

    assert run.over()
    assert ["abandon"] == calls(run)
    assert not any(event.is_set() for event in (run.stop, run.dirty, run.posted, run.ready))


def test_before_the_transport_exists() -> None:
    """A run can end before it was given a transport."""
    halted, abandoned = Run(FakeBackend()), Run(FakeBackend())
    halted.halt()
    abandoned.abandon()

    assert (True, True) == (halted.over(), abandoned.over())


def test_breathing_is_a_wait_of_no_time(run: Run) -> None:
    """Others run while a task breathes: it waits, for nothing."""
    run.breathe()

    assert isinstance(run.stop, FakeEvent)
    assert [0] == run.stop.waits
