"""What is told of a reader follows from the numbers it saw."""

from __future__ import annotations

from tests.fleet.recorders import Record, latest_change

WRITTEN = {1: 10.0, 2: 11.0, 3: 12.0, 4: 13.0}


def record(*seen: tuple[float, int]) -> Record:
    made = Record(0, "reader")
    made.seen = list(seen)
    return made


def test_a_step_back_is_found() -> None:
    """An older number after a newer one is a step back; the same number again is none."""
    assert [(3, 2)] == record((10.1, 1), (12.1, 3), (12.2, 2), (13.1, 4)).steps_back()
    assert [] == record((10.1, 1), (10.2, 1), (13.1, 4)).steps_back()


def test_a_number_that_was_missed_counts_until_a_greater_one_came() -> None:
    """Of 2, 3 and 4, seen at once as 4, the slowest is 2."""
    assert 3.0 == latest_change(WRITTEN, [record((10.5, 1), (14.0, 4))])
    assert 0.5 == latest_change(WRITTEN, [record((10.5, 1), (11.25, 2), (12.5, 3), (13.0, 4))])


def test_what_was_written_before_a_reader_came_does_not_count() -> None:
    """A reader whose first number is 3 is asked for 4 only, and the slowest of all readers counts."""
    late = record((20.0, 3), (20.5, 4))

    assert 7.5 == latest_change(WRITTEN, [late, record((10.5, 1), (14.0, 4))])
    assert 0.0 == latest_change(WRITTEN, [record((20.0, 4))])
