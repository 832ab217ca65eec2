"""Saves: the first change after quiet at once, then one per interval, and a pause after a failure."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from soasap._sansio.debounce import Debounce


def test_the_first_save_is_allowed_at_once() -> None:
    """Whatever the clock says, and it may start below 0."""
    assert 0 == Debounce().wait(0)
    assert 0 == Debounce().wait(-1e9)


def test_one_save_per_interval() -> None:
    """After a save the next one waits for the rest of 2.5 s, and after quiet not at all."""
    debounce = Debounce()
    debounce.saved(100)

    assert [2.5, 1.5, 0, 0] == [debounce.wait(now) for now in (100, 101, 102.5, 900)]


def test_a_pause_after_a_failure() -> None:
    """A failed save is not tried again for 30 s; a good one brings the interval back."""
    debounce = Debounce()
    debounce.failed(100)

    assert [30, 0] == [debounce.wait(now) for now in (100, 130)]
    debounce.saved(130)
    assert 2.5 == debounce.wait(130)


def test_a_long_interval_holds_after_a_failure() -> None:
    """A failure never makes saves come sooner."""
    debounce = Debounce(interval=60)
    debounce.failed(0)

    assert 60 == debounce.wait(0)


@settings(deadline=None)
@given(st.lists(st.floats(0, 3)))
def test_never_more_often_than_the_interval(pauses: list[float]) -> None:
    """However changes arrive, two saves are an interval apart."""
    debounce = Debounce()
    now, saves = 0.0, []
    for pause in pauses:
        now += pause
        if debounce.wait(now) == 0:
            debounce.saved(now)
            saves.append(now)

    assert all(later - earlier >= 2.49 for earlier, later in pairwise(saves))
