"""Values, reasons and error codes: what each kind of flag gives for each question, through OpenFeature's own client."""

from __future__ import annotations

import asyncio
import math
import threading
from pathlib import Path
from typing import Any, Literal, TypeAlias, cast

import pytest
from hypothesis import given, settings
from openfeature import api
from openfeature.client import OpenFeatureClient
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import ErrorCode
from openfeature.flag_evaluation import FlagEvaluationDetails, FlagResolutionDetails, Reason

from soasap.openfeature import SoasapProvider
from soasap.testing import InMemoryClient
from tests.clients import NOWHERE, write_cache
from tests.flagserver import ScriptedServer
from tests.openfeature.conformance import FLAGS, PAYLOAD, options
from tests.strategies import json_values

Kind: TypeAlias = Literal["boolean", "string", "integer", "float", "object"]

DEFAULTS: dict[Kind, Any] = {"boolean": False, "string": "fallback", "integer": 1, "float": 0.1, "object": {}}


def ask(flags: OpenFeatureClient, kind: Kind, key: str, default: Any, *more: Any) -> FlagEvaluationDetails[Any]:
    """The details that the client gives."""
    details = getattr(flags, f"get_{kind}_details")(key, default, *more)
    return cast("FlagEvaluationDetails[Any]", details)


def ask_provider(provider: SoasapProvider, kind: Kind, key: Any, default: Any) -> FlagResolutionDetails[Any]:
    """The details that the provider gives."""
    details = getattr(provider, f"resolve_{kind}_details")(key, default)
    return cast("FlagResolutionDetails[Any]", details)


def assert_resolved(details: FlagEvaluationDetails[Any], value: Any, reason: Reason = Reason.STATIC) -> None:
    assert value == details.value
    assert type(value) is type(details.value)
    assert (reason, None, None, None) == (details.reason, details.error_code, details.error_message, details.variant)


def assert_failed(details: FlagEvaluationDetails[Any], default: Any, code: ErrorCode) -> None:
    assert details.value is default
    assert (Reason.ERROR, code) == (details.reason, details.error_code)
    assert details.error_message


@pytest.mark.parametrize(
    ("key", "kind", "default", "value"),
    [
        ("boolean-flag", "boolean", False, True),
        ("string-flag", "string", "bye", "hi"),
        ("integer-flag", "integer", 1, 10),
        ("float-flag", "float", 0.1, 0.5),
        ("object-flag", "object", {}, FLAGS["object-flag"]),
        ("array-flag", "object", [], FLAGS["array-flag"]),
        # A falsy value is a value, not an absence.
        ("boolean-zero-flag", "boolean", True, False),
        ("integer-zero-flag", "integer", 1, 0),
        ("float-zero-flag", "float", 0.1, 0.0),
        ("string-zero-flag", "string", "fallback", ""),
        ("object-zero-flag", "object", {"a": 1}, {}),
        ("array-zero-flag", "object", ["a"], []),
        # Large integers keep every digit.
        ("large-integer-flag", "integer", 1, 2147483647),
        ("huge-integer-flag", "integer", 1, 9007199254740991),
        # Numbers are converted where nothing is lost.
        ("integral-float-flag", "integer", 1, 10),
        ("integral-float-flag", "float", 0.1, 10.0),
        ("integer-flag", "float", 0.1, 10.0),
        ("integer-zero-flag", "float", 0.1, 0.0),
        ("float-zero-flag", "integer", 1, 0),
        ("huge-integer-flag", "float", 0.1, 9007199254740991.0),
    ],
)
def test_values(flags: OpenFeatureClient, key: str, kind: Kind, default: Any, value: Any) -> None:
    """A flag of the asked type resolves to its value, of exactly that type, with the reason STATIC and no error."""
    assert_resolved(ask(flags, kind, key, default), value)


SAME_TYPE: dict[str, set[Kind]] = {
    "boolean-flag": {"boolean"},
    "boolean-zero-flag": {"boolean"},
    "string-flag": {"string"},
    "string-zero-flag": {"string"},
    "wrong-flag": {"string"},
    "integer-flag": {"integer", "float"},
    "integer-zero-flag": {"integer", "float"},
    "integral-float-flag": {"integer", "float"},
    "float-flag": {"float"},
    "object-flag": {"object"},
    "object-zero-flag": {"object"},
    "array-flag": {"object"},
    "array-zero-flag": {"object"},
}

MISMATCHES = [(key, kind) for key, kinds in SAME_TYPE.items() for kind in DEFAULTS if kind not in kinds]


@pytest.mark.parametrize(("key", "kind"), MISMATCHES)
def test_type_mismatch(flags: OpenFeatureClient, key: str, kind: Kind) -> None:
    """Every other type gives the default, the very object, with ERROR and TYPE_MISMATCH; 0.5 is no integer."""
    assert_failed(ask(flags, kind, key, DEFAULTS[kind]), DEFAULTS[kind], ErrorCode.TYPE_MISMATCH)


@pytest.mark.parametrize("kind", DEFAULTS)
@pytest.mark.parametrize("key", ["missing-flag", "null-flag", "", "Boolean-Flag"])
def test_unknown_flag(flags: OpenFeatureClient, key: str, kind: Kind) -> None:
    """A key that was never sent, or is null, gives the default with the code FLAG_NOT_FOUND."""
    assert_failed(ask(flags, kind, key, DEFAULTS[kind]), DEFAULTS[kind], ErrorCode.FLAG_NOT_FOUND)


def test_evaluation_context_changes_nothing(flags: OpenFeatureClient) -> None:
    """A context is taken, and the answer is the same."""
    context = EvaluationContext("f20bd32d-703b-48b6-bc8e-79d53c85134a", {"plan": "pro", "nested": {"a": [1]}})

    assert_resolved(ask(flags, "string", "string-flag", "bye", context), "hi")
    assert_failed(ask(flags, "integer", "string-flag", 1, context), 1, ErrorCode.TYPE_MISMATCH)


@pytest.mark.parametrize("kind", DEFAULTS)
def test_async_questions(flags: OpenFeatureClient, kind: Kind) -> None:
    """The async methods of OpenFeature answer the same."""
    for key in (*FLAGS, "missing-flag"):
        question = getattr(flags, f"get_{kind}_details_async")(key, DEFAULTS[kind])

        assert ask(flags, kind, key, DEFAULTS[kind]) == asyncio.run(question)


def test_objects_belong_to_the_caller(flags: OpenFeatureClient) -> None:
    """Changing a resolved object changes nobody else's."""
    first: Any = flags.get_object_value("object-flag", {})
    first["title"] = "mine"
    second: Any = flags.get_object_value("array-flag", [])
    second.append("mine")

    assert FLAGS["object-flag"] == flags.get_object_value("object-flag", {})
    assert FLAGS["array-flag"] == flags.get_object_value("array-flag", [])


@pytest.fixture
def provider() -> SoasapProvider:
    numbers = {"beyond": 2**53 + 1, "even": 2**60, "big": 1e300, "max": 2**64 - 1}
    provider = SoasapProvider(InMemoryClient({**FLAGS, **numbers}))
    provider.initialize(EvaluationContext())
    return provider


@pytest.mark.parametrize(
    ("key", "kind", "value"),
    [
        ("beyond", "integer", 2**53 + 1),
        ("beyond", "float", None),
        ("max", "integer", 2**64 - 1),
        ("max", "float", None),
        ("even", "float", 2.0**60),
        ("big", "float", 1e300),
        ("big", "integer", None),
    ],
)
def test_numbers_beyond_2_53(provider: SoasapProvider, key: str, kind: Kind, value: Any) -> None:
    """An integer of any size is exact; as a float it resolves only if that is the same number."""
    details = ask_provider(provider, kind, key, DEFAULTS[kind])
    if value is None:
        assert (DEFAULTS[kind], ErrorCode.TYPE_MISMATCH) == (details.value, details.error_code)
    else:
        assert (value, None, type(value)) == (details.value, details.error_code, type(details.value))


@settings(deadline=None)
@given(value=json_values)
def test_exactly_the_types_that_fit(value: Any) -> None:
    """Any JSON value resolves for exactly those questions that lose nothing of it."""
    provider = SoasapProvider(InMemoryClient({"key": value}))
    provider.initialize(EvaluationContext())
    integral = type(value) is float and value.is_integer() and abs(value) <= 2**53
    fits: dict[Kind, bool] = {
        "boolean": type(value) is bool,
        "string": type(value) is str,
        "integer": type(value) is int or integral,
        "float": type(value) is float or (type(value) is int and int(float(value)) == value),
        "object": type(value) in (dict, list),
    }
    code = ErrorCode.FLAG_NOT_FOUND if value is None else ErrorCode.TYPE_MISMATCH

    for kind, does_fit in fits.items():
        details = ask_provider(provider, kind, "key", DEFAULTS[kind])
        assert (None if does_fit else code) == details.error_code
        assert (value if does_fit else DEFAULTS[kind]) == details.value


@pytest.mark.parametrize("kind", DEFAULTS)
@pytest.mark.parametrize("key", [None, [], {"a": 1}, 7, math.nan], ids=repr)
def test_weird_keys(provider: SoasapProvider, key: Any, kind: Kind) -> None:
    """A key that is no string, or cannot even be hashed, is an unknown flag; nothing is raised."""
    details = ask_provider(provider, kind, key, DEFAULTS[kind])

    assert (DEFAULTS[kind], ErrorCode.FLAG_NOT_FOUND) == (details.value, details.error_code)


def test_reason_of_cached_flags(cache_dir: Path) -> None:
    """Flags of the disk cache resolve with the reason CACHED; what is wrong is wrong all the same."""
    write_cache(cache_dir, PAYLOAD)
    provider = SoasapProvider(options(NOWHERE, cache="disk", cache_directory=str(cache_dir)), ready_timeout=0)
    api.set_provider_and_wait(provider)
    flags = api.get_client()

    assert_resolved(ask(flags, "boolean", "boolean-flag", False), True, Reason.CACHED)
    assert_failed(ask(flags, "string", "boolean-flag", "x"), "x", ErrorCode.TYPE_MISMATCH)
    assert_failed(ask(flags, "string", "missing-flag", "x"), "x", ErrorCode.FLAG_NOT_FOUND)


def test_reason_of_cached_flags_once_confirmed(cache_dir: Path, server: ScriptedServer) -> None:
    """The same flags, once the stream has brought them, are STATIC."""
    write_cache(cache_dir, PAYLOAD, server.base_url)
    api.set_provider_and_wait(SoasapProvider(options(server.base_url, cache="disk", cache_directory=str(cache_dir))))

    assert_resolved(ask(api.get_client(), "boolean", "boolean-flag", False), True)


def test_reason_of_initial_flags() -> None:
    """Flags that the application gave itself resolve with the reason DEFAULT."""
    api.set_provider_and_wait(SoasapProvider(options(NOWHERE, initial_flags=FLAGS), ready_timeout=0))

    assert_resolved(ask(api.get_client(), "integer", "integer-flag", 1), 10, Reason.DEFAULT)


def test_flag_that_comes_and_goes() -> None:
    """However fast a flag comes and goes, it is there or unknown, and never of another type."""
    client = InMemoryClient()
    provider = SoasapProvider(client)
    provider.initialize(EvaluationContext())
    seen: set[tuple[Any, ...]] = set()
    done = threading.Event()

    def change() -> None:
        for _ in range(2000):
            client.set("key", 1)
            client.remove("key")
        done.set()

    changer = threading.Thread(target=change)
    changer.start()
    while not done.is_set():
        details = provider.resolve_integer_details("key", 5)
        seen.add((details.value, details.reason, details.error_code))
    changer.join(30)

    assert seen <= {(1, Reason.STATIC, None), (5, Reason.ERROR, ErrorCode.FLAG_NOT_FOUND)}
