"""The last changes: what counts as one, and how it is told."""

from __future__ import annotations

from typing import Any

import pytest

from soasap._devserver.journal import KEPT, LONGEST_VALUE, Journal


def noted(old: dict[str, Any], new: dict[str, Any], *, by_page: bool = False) -> list[dict[str, object]]:
    journal = Journal()
    told = journal.note(old, new, at=5.0, by_page=by_page)

    assert told == bool(journal.entries())
    return journal.entries()


def test_entries() -> None:
    """Set, changed and removed flags are told with old and new value as JSON, and by whom; the newest first."""
    entries = noted({"a": 1, "b": "x", "same": [1]}, {"b": "y", "same": [1], "c": None}, by_page=True)

    assert [
        {"at": 5.0, "key": "c", "old": None, "new": "null", "by": "page"},
        {"at": 5.0, "key": "b", "old": '"x"', "new": '"y"', "by": "page"},
        {"at": 5.0, "key": "a", "old": "1", "new": None, "by": "page"},
    ] == entries
    assert "file" == noted({}, {"a": 1})[0]["by"]


@pytest.mark.parametrize(
    ("old", "new"), [(True, 1), (1, 1.0), ([0], [False]), (None, 0), ("1", 1), ({"a": 1}, {"a": True})]
)
def test_types_count(old: Any, new: Any) -> None:
    """Values that Python calls equal and JSON does not are a change."""
    assert 1 == len(noted({"a": old}, {"a": new}))


def test_order_within_an_object_does_not_count() -> None:
    """An object with the same members in another order is no change."""
    assert [] == noted({"a": {"x": 1, "y": 2}}, {"a": {"y": 2, "x": 1}})


def test_the_oldest_are_forgotten() -> None:
    """So many are kept, and long values are cut."""
    entries = noted({}, {f"f{number}": "x" * 1000 for number in range(KEPT + 10)})

    assert KEPT == len(entries)
    assert {LONGEST_VALUE} == {len(str(entry["new"])) for entry in entries}
