"""At most so many in so long."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from soasap._sansio.throttle import Throttle


def test_limit_within_a_period() -> None:
    """The eleventh in a minute is refused; one passes again when the first is a minute old."""
    throttle = Throttle(10, 60.0)

    assert [True] * 10 + [False] * 5 == [throttle.admit(float(second)) for second in range(15)]
    assert [False, True, False, True] == [throttle.admit(now) for now in (59.9, 60.0, 60.9, 61.0)]


def test_refused_ones_do_not_count() -> None:
    """A flood does not prolong itself: what was refused is forgotten."""
    throttle = Throttle(1, 60.0)

    assert throttle.admit(0.0)
    assert not any(throttle.admit(float(second)) for second in range(1, 60))
    assert throttle.admit(60.0)


@given(st.lists(st.floats(0, 30), max_size=60))
def test_no_window_holds_more_than_the_limit(pauses: list[float]) -> None:
    """In no period, wherever it starts, are more admitted than the limit."""
    throttle = Throttle(3, 10.0)
    now, admitted = 0.0, []
    for pause in pauses:
        now += pause
        if throttle.admit(now):
            admitted.append(now)

    assert all(later - earlier >= 10.0 for earlier, later in zip(admitted, admitted[3:], strict=False))
