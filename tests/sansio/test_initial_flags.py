"""Flags that the application brings: copied, with the wire's types, or refused in plain words."""

from __future__ import annotations

import math
from typing import Any

import pytest

from soasap._sansio.initial_flags import parse_initial_flags


def test_copied() -> None:
    """The snapshot has the flags as JSON gives them, and nothing of the application's own objects."""
    tree: dict[str, Any] = {"rates": {"eur": [1, 2.5]}, "pair": (1, 2), "on": True, "none": None}
    snapshot = parse_initial_flags(tree)
    tree["rates"]["eur"].append(3)

    assert {"rates": {"eur": [1, 2.5]}, "pair": [1, 2], "on": True, "none": None} == snapshot.flags
    assert ("initial", b"", None) == (snapshot.source, snapshot.payload, snapshot.received_at)


@pytest.mark.parametrize(
    ("flags", "error", "words"),
    [
        ({1: True}, TypeError, "initial_flags must have strings as keys, not int 1"),
        ({"a": {1, 2}}, TypeError, "initial_flags must hold what JSON has: Object of type set"),
        ({"a": b"x"}, TypeError, "Object of type bytes"),
        ({"a": [math.nan]}, ValueError, "initial_flags must hold what JSON has"),
        ({"a": math.inf}, ValueError, "initial_flags must hold what JSON has"),
        ({"a": "\ud800"}, ValueError, "initial_flags must hold what JSON has"),
    ],
    ids=["key", "set", "bytes", "nan", "inf", "surrogate"],
)
def test_refused(flags: Any, error: type[Exception], words: str) -> None:
    """What JSON does not have is an error that names the option and what was seen."""
    with pytest.raises(error, match=words):
        parse_initial_flags(flags)


def test_ring_is_refused() -> None:
    """A tree that holds itself is an error, not a crash."""
    ring: dict[str, Any] = {}
    ring["ring"] = ring

    with pytest.raises(ValueError, match="initial_flags"):
        parse_initial_flags({"a": ring})
