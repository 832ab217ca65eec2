"""What differs between two snapshots."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from soasap.types import FlagChange

__all__ = ["changes_between"]

_TREES = (dict, list)


def changes_between(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, FlagChange]:
    """
    Flags that differ, by key.

    Args:
        old, new: Flag key to value, trees as orjson makes them.

    Returns:
        What differs, in the order of `new`, then what is gone. Types count: `1`, `1.0` and `true` are three values; a
        null is no flag. Values are the very ones of the snapshots: whoever hands them out copies them.
    """
    changes: dict[str, FlagChange] = {}
    known = old.get
    for key, value in new.items():
        before, kind = known(key), type(value)
        if type(before) is not kind or not (_is_same(before, value) if kind in _TREES else before == value):
            changes[key] = FlagChange(before, value)
    for key, before in old.items():
        if before is not None and key not in new:
            changes[key] = FlagChange(before, None)
    return changes


def _is_same(old: Any, new: Any) -> bool:
    """Whether two trees are equal in every type too. With a list of what is left to do: trees may be deep."""
    left: list[tuple[Any, Any]] = [(old, new)]
    while left:
        old, new = left.pop()
        if old is new:
            continue
        if type(old) is not type(new):
            return False
        if type(new) is dict:
            if old.keys() != new.keys():
                return False
            left.extend((old[key], value) for key, value in new.items())
        elif type(new) is list:
            if len(old) != len(new):
                return False
            left.extend(zip(old, new, strict=True))
        elif old != new:
            return False
    return True
