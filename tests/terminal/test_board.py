"""What `soasap watch` knows, change by change."""

from __future__ import annotations

from soasap._terminal.board import LAST, Board, Change
from soasap.types import FlagChange


def board_of(flags: dict[str, object], *patterns: str) -> Board:
    board = Board(patterns)
    board.begin(flags)
    return board


def test_first_flags_are_no_change() -> None:
    """What was there at the beginning is sorted by key, and is no change."""
    board = board_of({"b": 1, "a": 2})

    assert ["a", "b"] == list(board.flags)
    assert [] == list(board.changes)


def test_a_change_is_news() -> None:
    """New, changed and removed flags are news, the newest first, with their time and delay."""
    board = board_of({"a": 1, "b": True})
    changed = {"c": FlagChange(None, "x"), "a": FlagChange(1, 2), "b": FlagChange(True, None)}
    news = board.take(5.0, changed, {"a", "c"}, 0.25)

    assert [("a", 1, 2), ("b", True, None), ("c", None, "x")] == [(each.key, each.old, each.new) for each in news]
    assert Change(5.0, "c", None, "x", 0.25) == board.changes[0]
    assert {"a": 2, "c": "x"} == board.flags
    assert {"a": 5.0, "b": 5.0, "c": 5.0} == board.since


def test_null_is_not_gone() -> None:
    """A flag that became null stays; only one that is not there any more goes."""
    board = board_of({"a": 1, "b": 1})
    board.take(5.0, {"a": FlagChange(1, None), "b": FlagChange(1, None)}, {"a"}, None)

    assert {"a": None} == board.flags


def test_what_is_known_is_no_news() -> None:
    """A change to what is shown already, or in a flag that was not asked for, is no news."""
    board = board_of({"a": 1, "z": 1}, "a*", "b")

    assert ["a"] == list(board.flags)
    assert [] == board.take(5.0, {"a": FlagChange(0, 1), "z": FlagChange(1, 2)}, {"a", "z"}, None)


def test_true_and_one_differ() -> None:
    """A flag that goes from 1 to true has changed."""
    board = board_of({"a": 1})

    assert 1 == len(board.take(5.0, {"a": FlagChange(1, True)}, {"a"}, None))


def test_few_changes_are_kept() -> None:
    """Only the last changes are remembered."""
    board = board_of({"a": 0})
    for number in range(1, 20):
        board.take(float(number), {"a": FlagChange(number - 1, number)}, {"a"}, None)

    assert LAST == len(board.changes)
    assert 19 == board.changes[0].new
