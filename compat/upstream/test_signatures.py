"""Code written for release 1.0.3 finds the same names, parameters, kinds and defaults in ours."""

from __future__ import annotations

import inspect
import json
from typing import Any

import pytest

import soasap
from compat.upstream.describe import describe
from compat.upstream.record import RECORD, record

THEIRS: dict[str, Any] = json.loads(RECORD.read_text("utf-8"))
OURS: dict[str, Any] = describe()
NAMES = [(module, name) for module, names in THEIRS["modules"].items() for name in names]


def callables(shape: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Everything about a name that can be called, by what it is called."""
    found = dict(shape.get("methods", {}))
    if "constructor" in shape:
        found["constructor"] = shape["constructor"]
    if shape["kind"] == "function":
        found["function"] = shape
    return found


def callable_as(signature: dict[str, Any]) -> list[tuple[str, str, str | None]]:
    """What a caller can rely on: names, kinds and defaults in order."""
    return [(entry["name"], entry["kind"], entry.get("default")) for entry in signature["parameters"]]


def test_record_is_what_the_released_package_says() -> None:
    """Recording once more from PyPI gives the committed file."""
    assert THEIRS == record()


def test_front_door_keeps_every_name() -> None:
    """Whatever `soasap.__all__` had in 1.0.3 it has still, and it can be imported."""
    assert set(THEIRS["exports"]) <= set(OURS["exports"])
    assert [] == [name for name in THEIRS["exports"] if not hasattr(soasap, name)]


@pytest.mark.parametrize(("module", "name"), NAMES)
def test_name_keeps_its_kind(module: str, name: str) -> None:
    """A class is still a class, a frozen dataclass still frozen, an enum has the same members."""
    theirs, ours = THEIRS["modules"][module][name], OURS["modules"][module].get(name, {})

    for fact in ("kind", "frozen", "bases", "members", "value"):
        assert theirs.get(fact) == ours.get(fact), fact


@pytest.mark.parametrize(("module", "name"), NAMES)
def test_callables_keep_their_parameters(module: str, name: str) -> None:
    """Same parameters, order, kinds and defaults; whatever is new is keyword-only and has a default."""
    theirs = callables(THEIRS["modules"][module][name])
    ours = callables(OURS["modules"][module][name])

    assert set() == set(theirs) - set(ours)
    for key, signature in theirs.items():
        old, now = callable_as(signature), callable_as(ours[key])
        new = [parameter for parameter in now if parameter not in old]

        assert old == [parameter for parameter in now if parameter in old], key
        assert [] == [entry for entry in new if entry[1] != "KEYWORD_ONLY" or entry[2] is None], key


def test_protocol_is_not_widened() -> None:
    """`SoasapClient` has exactly the methods of 1.0.3, so that fakes written against it still satisfy it."""
    theirs = THEIRS["modules"]["soasap.types"]["SoasapClient"]["methods"]

    assert theirs == OURS["modules"]["soasap.types"]["SoasapClient"]["methods"]


def test_factory_is_annotated_with_the_class() -> None:
    """`create_soasap_client` promises a `SoasapClientImpl`, where the newer methods are."""
    returns = inspect.signature(soasap.create_soasap_client).return_annotation

    assert returns in ("SoasapClientImpl", soasap.SoasapClientImpl)
