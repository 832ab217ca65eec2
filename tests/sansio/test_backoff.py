"""Delays: spread from the first on, growing to a cap, slow for refusals, and forgiving after health."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soasap._sansio.backoff import Backoff

ALMOST_ONE = 1 - 2**-53

rolls = st.floats(0, 1, exclude_max=True)


def failure(backoff: Backoff, roll: float = ALMOST_ONE, *, is_refusal: bool = False, retry_after: float = 0) -> float:
    return backoff.after_failure(is_refusal=is_refusal, retry_after=retry_after, roll=roll)


def test_delays_grow_to_a_cap() -> None:
    """The spread doubles with each failure in a row, up to 30 s, and stays there however many follow."""
    backoff = Backoff()
    delays = [failure(backoff) for _ in range(7)]

    assert pytest.approx([4.1, 6.3, 10.7, 19.5, 30, 30, 30]) == delays
    for _ in range(5000):
        assert pytest.approx(30) == failure(backoff)


def test_the_first_delay_is_spread_too() -> None:
    """A stream that was cut after a healthy life is followed by anything from 0 to 1.9 s."""
    backoff = Backoff()

    assert pytest.approx([0, 0.95, 1.9]) == [
        backoff.after_stream(lived=100, delivered=True, roll=roll) for roll in (0, 0.5, ALMOST_ONE)
    ]


def test_a_failed_attempt_is_followed_by_a_pause() -> None:
    """However many failed, the next attempt is at least 1.9 s away."""
    backoff = Backoff()

    assert [1.9] * 9 == [failure(backoff, 0) for _ in range(9)]


@pytest.mark.parametrize(("floor", "milliseconds"), [(0.1, 0), (0.1, 99), (2.5, 2500), (30, 30_000), (30, 10**15)])
def test_the_server_sets_the_floor(floor: float, milliseconds: int) -> None:
    """A `retry` field is the least delay from then on, within 0.1 to 30 s."""
    backoff = Backoff()
    backoff.suggest(milliseconds)

    assert floor == backoff.after_stream(lived=100, delivered=True, roll=0)
    for _ in range(10):
        assert max(1.9, floor) == failure(backoff, 0)
        assert failure(backoff) <= max(30, floor + 1.9)


@pytest.mark.parametrize(("least", "asked"), [(1.9, 0), (1.9, 1), (7, 7), (300, 300), (300, 1e9)])
def test_retry_after(least: float, asked: float) -> None:
    """What the service asks for is the least delay, up to 5 minutes, and clients are spread after it."""
    assert least == failure(Backoff(), 0, retry_after=asked)
    assert pytest.approx(least + 2.2) == failure(Backoff(), retry_after=asked)


def test_retry_after_below_the_floor() -> None:
    """The larger of the two counts."""
    backoff = Backoff()
    backoff.suggest(5000)

    assert 5 == failure(backoff, 0, retry_after=1)


def test_refusals_become_slow() -> None:
    """Three refusals in a row wait as failures do; then 5 minutes double to an hour, less up to a fifth."""
    backoff = Backoff()

    assert pytest.approx([4.1, 6.3, 10.7]) == [failure(backoff, is_refusal=True) for _ in range(3)]
    assert [300, 600, 1200, 2400, 3600, 3600] == [failure(backoff, 0, is_refusal=True) for _ in range(6)]
    assert pytest.approx(2880) == failure(backoff, is_refusal=True)
    for _ in range(5000):
        assert 3600 == failure(backoff, 0, is_refusal=True)


@pytest.mark.parametrize("lived", [None, 1.0, 20.0, 100.0])
def test_anything_else_ends_the_refusals(lived: float | None) -> None:
    """After a failure of another kind, or a stream, three more refusals wait as failures do."""
    backoff = Backoff()
    for _ in range(3):
        failure(backoff, is_refusal=True)

    if lived is None:
        failure(backoff)
    else:
        backoff.after_stream(lived=lived, delivered=True, roll=0)
    assert all(failure(backoff, is_refusal=True) < 32 for _ in range(3))
    assert failure(backoff, is_refusal=True) >= 240


def test_full_health_clears_the_record() -> None:
    """A stream that delivered and lived a minute makes the next failure the first."""
    backoff = Backoff()
    for _ in range(6):
        failure(backoff)

    assert pytest.approx(1.9) == backoff.after_stream(lived=60, delivered=True, roll=ALMOST_ONE)
    assert pytest.approx(4.1) == failure(backoff)


def test_brief_health_shortens_one_delay() -> None:
    """A stream that delivered and lived 10 s is followed by a short delay, and forgives nothing else."""
    backoff = Backoff()
    failure(backoff), failure(backoff)

    for _ in range(10):
        assert pytest.approx(1.9) == backoff.after_stream(lived=55, delivered=True, roll=ALMOST_ONE)
    assert pytest.approx(10.7) == failure(backoff)


@pytest.mark.parametrize(("lived", "delivered"), [(9.9, True), (0, True), (0, False), (500, False)])
def test_a_flapping_server(lived: float, delivered: bool) -> None:
    """A stream that is cut soon, or never delivered, counts as a failure."""
    backoff = Backoff()
    delays = [backoff.after_stream(lived=lived, delivered=delivered, roll=ALMOST_ONE) for _ in range(6)]

    assert pytest.approx([1.9, 3.8, 7.6, 15.2, 30, 30]) == delays


@settings(deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.booleans(), rolls, st.floats(0, 1e9), st.integers(0, 10**15)), max_size=50))
def test_never_outside_the_bounds(history: list[tuple[bool, bool, float, float, int]]) -> None:
    """Whatever happened before, a delay is finite, at least what was asked for and at most an hour."""
    backoff = Backoff()
    for is_failure, flag, roll, seconds, milliseconds in history:
        backoff.suggest(milliseconds)
        if is_failure:
            delay = failure(backoff, roll, is_refusal=flag, retry_after=seconds)
            assert max(1.9, min(seconds, 300)) <= delay <= 3600
        else:
            delay = backoff.after_stream(lived=seconds, delivered=flag, roll=roll)
            assert 0.1 <= delay < 32
