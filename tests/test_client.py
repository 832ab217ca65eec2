"""Typed reads: what comes back for every kind of value and key, and that nothing ever raises."""

from __future__ import annotations

import json
import math
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soasap import SoasapClient, SoasapClientImpl
from tests.clients import API_KEY, closed_client
from tests.strategies import json_values

GETTERS = ("get_bool", "get_flag", "get_number", "get_int", "get_string", "get_json")

VALUES: dict[str, str] = {
    "true": "true",
    "false": "false",
    "null": "null",
    "zero": "0",
    "one": "1",
    "minus": "-7",
    "2**53+1": str(2**53 + 1),
    "2**64-1": str(2**64 - 1),
    "2**64": str(2**64),
    "10.0": "10.0",
    "-0.0": "-0.0",
    "1.5": "1.5",
    "2.0**53": "9007199254740992.0",
    "beyond": "9007199254740994.0",
    "1e308": "1e308",
    "text": '"text"',
    "empty": '""',
    "digits": '"1"',
    "list": "[1, true]",
    "empty list": "[]",
    "object": '{"a": 1}',
    "empty object": "{}",
}

EXPECTED: dict[str, dict[str, Any]] = {
    "get_bool": {"true": True, "false": False},
    "get_flag": {"true": True, "false": False},
    "get_number": {
        "zero": 0.0,
        "one": 1.0,
        "minus": -7.0,
        "2**53+1": float(2**53 + 1),
        "2**64-1": float(2**64),
        "2**64": float(2**64),
        "10.0": 10.0,
        "-0.0": -0.0,
        "1.5": 1.5,
        "2.0**53": 2.0**53,
        "beyond": 2.0**53 + 2,
        "1e308": 1e308,
    },
    "get_int": {
        "zero": 0,
        "one": 1,
        "minus": -7,
        "2**53+1": 2**53 + 1,
        "2**64-1": 2**64 - 1,
        "10.0": 10,
        "-0.0": 0,
        "2.0**53": 2**53,
    },
    "get_string": {"text": "text", "empty": "", "digits": "1"},
    "get_json": {"list": [1, True], "empty list": [], "object": {"a": 1}, "empty object": {}},
}


class Unhashable:
    """A key that cannot be looked up."""

    def __hash__(self) -> int:
        raise RuntimeError("no hash")


class Incomparable:
    """A key that meets the flag `text` in the dictionary and cannot be compared with it."""

    def __hash__(self) -> int:
        return hash("text")

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no comparison")


WEIRD_KEYS: list[Any] = [None, [], {}, set(), b"text", 1, True, math.nan, object(), Unhashable(), Incomparable()]


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def client(directory: Path) -> SoasapClientImpl:
    text = ", ".join(f"{json.dumps(key)}: {value}" for key, value in VALUES.items())
    return closed_client(b"{%b}" % text.encode(), directory)


def getter(client: SoasapClientImpl, name: str) -> Callable[..., Any]:
    method: Callable[..., Any] = getattr(client, name)
    return method


@pytest.mark.parametrize("key", VALUES)
@pytest.mark.parametrize("name", GETTERS)
def test_value_of_the_asked_type_or_the_default(client: SoasapClientImpl, name: str, key: str) -> None:
    """A flag of the asked type comes back exactly; any other gives the default, the very object."""
    default = object()
    value = getter(client, name)(key, default)
    expected = EXPECTED[name].get(key, default)

    assert expected == value
    assert type(expected) is type(value)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("get_bool", False),
        ("get_flag", False),
        ("get_number", 0),
        ("get_int", 0),
        ("get_string", ""),
        ("get_json", None),
    ],
)
def test_defaults_of_the_defaults(client: SoasapClientImpl, name: str, expected: object) -> None:
    """Without a default given, a flag never sent is false, zero, empty or None."""
    value = getter(client, name)("never sent")

    assert expected == value
    assert type(expected) is type(value)


@pytest.mark.parametrize("name", GETTERS)
@pytest.mark.parametrize("key", WEIRD_KEYS, ids=[type(key).__name__ for key in WEIRD_KEYS])
def test_weird_keys_give_the_default(client: SoasapClientImpl, name: str, key: Any) -> None:
    """A key that cannot be hashed or compared, or is no string, gives the default and never raises."""
    default = object()

    assert default is getter(client, name)(key, default)


def test_numbers_are_finite_floats(client: SoasapClientImpl) -> None:
    """`get_number` gives a float for an integer too, and keeps the sign of zero."""
    assert float is type(client.get_number("one"))
    assert all(math.isfinite(client.get_number(key)) for key in VALUES)
    assert -1.0 == math.copysign(1.0, client.get_number("-0.0"))


def test_keywords(client: SoasapClientImpl) -> None:
    """Both parameters can be given by name, as in release 1.0.3."""
    assert client.get_bool(flag_key="true", default_value=False) is True
    assert "x" == client.get_string(flag_key="none", default_value="x")


def test_json_belongs_to_the_caller(client: SoasapClientImpl) -> None:
    """Changing an answer of `get_json` changes nobody else's."""
    mine: dict[str, Any] | None = client.get_json("object")
    assert mine is not None
    mine["a"] = {"changed": True}
    mine["b"] = 2

    assert {"a": 1} == client.get_json("object")
    assert client.get_json("object") is not client.get_json("object")
    assert client.get_json("list") is not client.get_json("list")


@pytest.mark.parametrize("levels", [10, 254, 255, 1000])
def test_deep_values(directory: Path, levels: int) -> None:
    """A value of a thousand levels makes no getter raise, and `get_json` gives a copy of it to the last level."""
    payload = b'{"deep": ' + b"[" * levels + b"7" + b"]" * levels + b', "on": true}'
    client = closed_client(payload, directory)
    default = object()

    for name in GETTERS[:-1]:
        assert default is getter(client, name)("deep", default)
    assert client.get_bool("on") is True

    answers: list[Any] = [client.get_json("deep"), client.get_json("deep")]
    for level in range(levels - 1):
        assert answers[0] is not answers[1], level
        answers = [answer[0] for answer in answers]
    assert [7] == answers[0]
    answers[0].append(8)
    assert [7] == answers[1]


@settings(deadline=None)  # a busy machine is not a slow read
@given(key=st.text(st.characters(exclude_categories=["Cs"])), value=json_values, default=st.none() | st.text())
def test_no_json_makes_a_getter_raise(directory: Path, key: str, value: Any, default: object) -> None:
    """Any JSON value under any key gives each getter a value of its type, or the default as given."""
    client = closed_client(json.dumps({key: value}).encode(), directory)
    types: dict[str, tuple[type, ...]] = {
        "get_bool": (bool,),
        "get_flag": (bool,),
        "get_number": (float,),
        "get_int": (int,),
        "get_string": (str,),
        "get_json": (dict, list),
    }

    for name in GETTERS:
        answer = getter(client, name)(key, default)
        if answer is not default:
            assert type(answer) in types[name]
            # get_number gives a float, which beyond 2**53 is the nearest one and not the integer itself.
            assert (float(value) if name == "get_number" else value) == answer
    if isinstance(value, (dict, list)):
        assert value == client.get_json(key)
    if isinstance(value, str):
        assert value == client.get_string(key)
    if isinstance(value, bool):
        assert value is client.get_bool(key)
        assert default is getter(client, "get_number")(key, default)
        assert default is getter(client, "get_int")(key, default)


@settings(deadline=None)
@given(payload=st.binary(max_size=40))
def test_no_cache_contents_make_a_getter_raise(directory: Path, payload: bytes) -> None:
    """Whatever is in the cache file, a client can be made and reads give defaults."""
    client = closed_client(payload, directory)

    assert client.get_bool("x") is False
    assert {} == client.get_json("x", {})


def test_repr_tells_no_secret(client: SoasapClientImpl) -> None:
    """The representation has state and number of flags: no key, and no flag."""
    assert f"<soasap client, closed, {len(VALUES)} flags>" == repr(client)
    assert API_KEY not in repr(client)


def test_instances_take_mocks_and_weak_references(directory: Path) -> None:
    """A test of the application may replace a method of an instance; `get_flag` follows `get_bool`."""
    client = closed_client(b"{}", directory)
    client.get_bool = lambda flag_key, default_value=False: True  # type: ignore[method-assign]

    assert client.get_flag("anything") is True
    assert weakref.ref(client)() is client


def test_the_client_keeps_the_old_protocol(client: SoasapClientImpl) -> None:
    """What was typed against the protocol of release 1.0.3 takes our client."""

    def application(flags: SoasapClient) -> bool:
        return flags.get_bool("true")

    assert application(client) is True
