"""The provider as an object: what OpenFeature asks of its shape, and what its constructor refuses."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from openfeature import api
from openfeature.evaluation_context import EvaluationContext
from openfeature.provider import AbstractProvider, FeatureProvider
from openfeature.track import TrackingEventDetails

from soasap import SoasapClientOptions
from soasap.openfeature import SoasapProvider
from soasap.testing import InMemoryClient
from tests.clients import NOWHERE
from tests.openfeature.conformance import options
from tests.scripts import run_script

PUBLIC = [name for name, _ in inspect.getmembers(FeatureProvider, inspect.isfunction) if not name.startswith("_")]


@pytest.mark.parametrize("name", PUBLIC)
def test_every_method_of_the_protocol(name: str) -> None:
    """The provider defines each method of the SDK's protocol itself, with its parameters, types and defaults."""
    theirs = inspect.signature(getattr(FeatureProvider, name))
    ours = inspect.signature(vars(SoasapProvider)[name])

    assert str(theirs).replace("typing.", "") == str(ours)


def test_it_is_a_provider_of_the_sdk() -> None:
    """It has the SDK's base class, so that methods of later releases have their defaults."""
    provider: FeatureProvider = SoasapProvider(InMemoryClient())

    assert isinstance(provider, AbstractProvider)


def test_identity() -> None:
    """Two providers of one client are two, and each is a key of its own; both have the name of the service."""
    client = InMemoryClient()
    first, second = SoasapProvider(client), SoasapProvider(client)

    assert 2 == len({first: 1, second: 2})
    assert first != second
    assert "soasap" == first.get_metadata().name


def test_metadata_through_the_api() -> None:
    """OpenFeature knows the provider by its name."""
    api.set_provider_and_wait(SoasapProvider(InMemoryClient({"a": 1})), "shop")

    assert "soasap" == api.get_provider_metadata("shop").name


def test_hooks_and_tracking() -> None:
    """It has no hooks, and tracking does nothing."""
    provider = SoasapProvider(InMemoryClient({"a": 1}))
    api.set_provider_and_wait(provider)
    api.get_client().track("checkout", EvaluationContext("user"), TrackingEventDetails(99.9, {"currency": "EUR"}))

    assert [] == provider.get_provider_hooks()


@pytest.mark.parametrize(
    ("client", "timeout", "kind", "words"),
    [
        ("key", 1, TypeError, "client must be"),
        (None, 1, TypeError, "client must be"),
        (SoasapClientOptions(" "), 1, ValueError, "api_key"),
        (options("ftp://nowhere"), 1, ValueError, "base_url"),
        (options(NOWHERE), "1", TypeError, "ready_timeout"),
        (options(NOWHERE), True, TypeError, "ready_timeout"),
        (options(NOWHERE), -1, ValueError, "ready_timeout"),
        (options(NOWHERE), float("inf"), ValueError, "ready_timeout"),
        (options(NOWHERE), float("nan"), ValueError, "ready_timeout"),
    ],
)
def test_wrong_arguments(client: Any, timeout: Any, kind: type[Exception], words: str) -> None:
    """What cannot work is refused at construction, by name."""
    with pytest.raises(kind, match=words):
        SoasapProvider(client, ready_timeout=timeout)


def test_without_the_sdk() -> None:
    """Where the SDK is not installed, the import says what to install."""
    run_script(
        """
        import sys
        sys.modules["openfeature.provider"] = None
        try:
            import soasap.openfeature
        except ImportError as error:
            assert 'pip install "soasap[openfeature]"' in str(error), error
        else:
            raise SystemExit("it was imported")
        """
    )
