"""OpenFeature is one for the process: each test finds it empty, and leaves it so."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from openfeature import api
from openfeature.client import OpenFeatureClient

from soasap.openfeature import SoasapProvider
from tests.flagserver import ScriptedServer, hold_open
from tests.openfeature.conformance import PAYLOAD, options


@pytest.fixture(autouse=True)
def empty_api() -> Iterator[None]:
    """No provider and no handler is left over."""
    yield
    api.shutdown()


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """A server that has sent the flags of the suite, and keeps each stream open."""
    with ScriptedServer(hold_open(PAYLOAD)) as server:
        yield server


@pytest.fixture
def flags(server: ScriptedServer) -> OpenFeatureClient:
    """OpenFeature's client over a provider that is ready."""
    api.set_provider_and_wait(SoasapProvider(options(server.base_url)))
    return api.get_client()
