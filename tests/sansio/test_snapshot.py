"""One payload, one snapshot: believed whole or refused with a reason that tells nothing private."""

from __future__ import annotations

import sys
from dataclasses import FrozenInstanceError
from typing import Any

import orjson
import pytest
from hypothesis import given, settings

from soasap._sansio.snapshot import EMPTY, FlagSnapshot, parse_snapshot
from soasap.exceptions import InvalidPayload
from tests.strategies import flag_trees


def parse(payload: bytes) -> FlagSnapshot:
    return parse_snapshot(payload, source="stream", received_at=1.5)


def nested(levels: int) -> bytes:
    """A flag `deep` that is so many lists in each other."""
    return b'{"deep":' + b"[" * levels + b"]" * levels + b"}"


@settings(deadline=None)
@given(flag_trees)
def test_parse(flags: dict[str, Any]) -> None:
    """A JSON object becomes the flags; the payload is kept as it came."""
    payload = orjson.dumps(flags, option=orjson.OPT_INDENT_2)
    snapshot = parse(payload)

    assert flags == snapshot.flags
    assert snapshot.payload is payload
    assert ("stream", 1.5) == (snapshot.source, snapshot.received_at)


@pytest.mark.parametrize(
    ("expected", "payload"),
    [
        ({}, b"{}"),
        ({"a": 2}, b'{"a":1,"a":2}'),
        ({"": 0, "__class__": 1}, b' {"":0,"__class__":1}\n'),
        ({"n": 1e20}, b'{"n":100000000000000000000}'),
        ({"s": "\0"}, b'{"s":"\\u0000"}'),
    ],
)
def test_odd_but_valid(expected: dict[str, Any], payload: bytes) -> None:
    """An empty object, duplicate and strange keys, and large integers (as floats) are taken."""
    assert expected == parse(payload).flags


@pytest.mark.parametrize(
    ("expected", "payload"),
    [
        ("got an array", b"[]"),
        ("got a string", b'"x"'),
        ("got a number", b"1"),
        ("got a number", b"1.5"),
        ("got null", b"null"),
        ("got true or false", b"true"),
        ("line 1 column 1", b""),
        ("line 2 column 1", b"{\nx}"),
        ("byte order mark|unexpected character", b'\xef\xbb\xbf{"a":1}'),
        ("line 1 column 6", b'{"a":NaN}'),
        ("line 1 column 6", b'{"a":Infinity}'),
        ("line 1 column", b'{"a":1e999}'),
        ("UTF-8", b'{"a":"\xff"}'),
        ("line 1 column", b'{"a":"\\ud800"}'),
        ("depth limit|recursion depth", b"[" * 100_000),
        ("depth limit|recursion depth", nested(100_000)),
        ("line 1 column", b'{"a":1'),
    ],
)
def test_refused(expected: str, payload: bytes) -> None:
    """What is not one JSON object is refused, with the reason and the place."""
    with pytest.raises(InvalidPayload, match=expected) as caught:
        parse(payload)

    assert str(caught.value).startswith("expected one JSON object, ")
    assert not caught.value.is_transient


def test_a_refusal_holds_on_to_nothing() -> None:
    """Neither the message nor a chained error keeps the payload: it may be private, and large."""
    with pytest.raises(InvalidPayload) as caught:
        parse(b'{"secret":hunter2}')

    assert "secret" not in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__context__ is None


@settings(deadline=None)
@given(flag_trees)
def test_json_copy(flags: dict[str, Any]) -> None:
    """A copy is equal in value and in type, and its own at every call."""
    snapshot = parse(orjson.dumps(flags))
    for key, value in snapshot.flags.items():
        if not isinstance(value, (dict, list)):
            continue
        first, second = snapshot.json_copy(key, value), snapshot.json_copy(key, value)

        assert repr(value) == repr(first) == repr(second)
        assert value is not first is not second


def test_json_copy_is_owned() -> None:
    """Changing a copy, however deep, changes neither the snapshot nor the next copy."""
    snapshot = parse(b'{"a":{"b":[{"c":1}]}}')
    copied = snapshot.json_copy("a", snapshot.flags["a"])
    copied["b"][0]["c"] = 2
    copied["b"].append(3)

    assert {"a": {"b": [{"c": 1}]}} == snapshot.flags
    assert {"b": [{"c": 1}]} == snapshot.json_copy("a", snapshot.flags["a"])


@pytest.mark.parametrize("levels", [200, 260, 1000])
def test_json_copy_of_a_deep_value(levels: int) -> None:
    """Values nested deeper than orjson writes are copied all the same, level by level, without recursion."""
    snapshot = parse(nested(levels))
    value = snapshot.flags["deep"]
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(_frames() + 60)
    try:
        copied = snapshot.json_copy("deep", value)
    finally:
        sys.setrecursionlimit(limit)
    depth = 0
    while copied:
        assert copied is not value
        copied, value, depth = copied[0], value[0], depth + 1

    assert levels - 1 == depth


def test_json_copy_of_a_deep_mixture() -> None:
    """Dicts and lists beside each other, and what is inside them, all become new; scalars stay."""
    snapshot = parse(b'{"deep":{"x":[1,{"y":[]}],"z":"s","down":' + b"[" * 300 + b"]" * 300 + b"}}")
    value = snapshot.flags["deep"]
    copied = snapshot.json_copy("deep", value)

    assert ["x", "z", "down"] == list(copied)
    assert [1, {"y": []}] == copied["x"]
    copied["x"][1]["y"].append(2)
    assert [1, {"y": []}] == value["x"]


def test_with_origin() -> None:
    """Another origin shares flags, payload and the bytes kept for copies."""
    snapshot = parse(b'{"a":[1]}')
    snapshot.json_copy("a", [1])
    other = snapshot.with_origin("disk", None)

    assert ("disk", None) == (other.source, other.received_at)
    assert ("stream", 1.5) == (snapshot.source, snapshot.received_at)
    assert other.flags is snapshot.flags
    assert other.payload is snapshot.payload
    # The value is not looked at again: the kept bytes answer.
    assert [1] == other.json_copy("a", ["not looked at"])


def test_frozen_and_silent() -> None:
    """A snapshot cannot be changed, and its repr shows no flag."""
    snapshot = parse(b'{"secret":"hunter2"}')

    assert "FlagSnapshot(source='stream', received_at=1.5)" == repr(snapshot)
    with pytest.raises(FrozenInstanceError):
        snapshot.source = "disk"  # type: ignore[misc]


def test_empty() -> None:
    """Before anything has come there are no flags, from nowhere."""
    assert ({}, b"", "none", None) == (EMPTY.flags, EMPTY.payload, EMPTY.source, EMPTY.received_at)


def _frames() -> int:
    frame, count = sys._getframe(), 0
    while frame.f_back is not None:
        frame, count = frame.f_back, count + 1
    return count
