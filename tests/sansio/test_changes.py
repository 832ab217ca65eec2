"""What differs between two snapshots, types included, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soasap._sansio.changes import changes_between
from soasap.types import FlagChange
from tests.strategies import json_values

FLAGS = st.dictionaries(st.sampled_from("abcdef"), json_values)


def deep(levels: int) -> Any:
    tree: Any = 1
    for _ in range(levels):
        tree = [tree]
    return tree


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({}, {}, {}),
        ({"a": 1}, {"a": 1}, {}),
        ({}, {"a": 1}, {"a": FlagChange(None, 1)}),
        ({"a": 1}, {}, {"a": FlagChange(1, None)}),
        ({"a": 1, "b": 2}, {"b": 3, "a": 1}, {"b": FlagChange(2, 3)}),
        ({"a": 1}, {"a": True}, {"a": FlagChange(1, True)}),
        ({"a": 1}, {"a": 1.0}, {"a": FlagChange(1, 1.0)}),
        ({"a": [1, {"b": 0}]}, {"a": [1, {"b": False}]}, {"a": FlagChange([1, {"b": 0}], [1, {"b": False}])}),
        ({"a": {"b": 1}}, {"a": {"c": 1}}, {"a": FlagChange({"b": 1}, {"c": 1})}),
        ({"a": [1]}, {"a": [1, 2]}, {"a": FlagChange([1], [1, 2])}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"c": 2, "b": 1}}, {}),
        ({"a": None}, {}, {}),
        ({}, {"a": None}, {}),
        ({"a": None}, {"a": 0}, {"a": FlagChange(None, 0)}),
        ({"a": 0}, {"a": None}, {"a": FlagChange(0, None)}),
    ],
)
def test_changes(old: dict[str, Any], new: dict[str, Any], expected: dict[str, FlagChange]) -> None:
    """New, gone and different flags are changes; another order is none, and a null is no flag."""
    changes = changes_between(old, new)

    assert expected == changes
    assert [(type(each.old), type(each.new)) for each in expected.values()] == [
        (type(each.old), type(each.new)) for each in changes.values()
    ]


def test_deep_trees() -> None:
    """Trees as deep as orjson makes them are compared to the end."""
    assert {} == changes_between({"a": deep(1000)}, {"a": deep(1000)})
    assert {"a"} == changes_between({"a": deep(1000)}, {"a": deep(999)}).keys()


@given(FLAGS, FLAGS)
def test_changes_lead_from_old_to_new(old: dict[str, Any], new: dict[str, Any]) -> None:
    """Who applies the changes to the old flags has the new ones; a change is never from a value to itself."""
    changes = changes_between(old, new)
    applied = {key: value for key, value in old.items() if key not in changes}
    applied.update({key: change.new for key, change in changes.items()})

    assert without_nulls(new) == without_nulls(applied)
    assert {} == changes_between(new, new)
    assert all(exactly(change.old) != exactly(change.new) for change in changes.values())


def without_nulls(flags: dict[str, Any]) -> dict[str, str]:
    return {key: exactly(value) for key, value in flags.items() if value is not None}


def exactly(value: Any) -> str:
    """Tells `1`, `1.0` and `True` apart, and no other equal values."""
    if isinstance(value, dict):
        return str({key: exactly(value[key]) for key in sorted(value)})
    if isinstance(value, list):
        return str([exactly(each) for each in value])
    return repr(value or type(value)())
