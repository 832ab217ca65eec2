"""From the first flags to shutdown, and again; against servers that answer, are silent, or are not there."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from openfeature import api
from openfeature.evaluation_context import EvaluationContext
from openfeature.event import ProviderEvent
from openfeature.exception import ErrorCode, ProviderNotReadyError
from openfeature.flag_evaluation import Reason
from openfeature.provider import ProviderStatus

from soasap import SoasapClientImpl
from soasap.openfeature import SoasapProvider
from soasap.testing import InMemoryClient
from tests.addresses import free_port
from tests.clients import API_KEY, NOWHERE, open_client
from tests.flagserver import ScriptedServer, hold_open
from tests.openfeature.conformance import FLAGS, PAYLOAD, Audience, options
from tests.waiting import thread_names, wait_until

NO_CONTEXT = EvaluationContext()


def status() -> ProviderStatus:
    return api.get_client().get_provider_status()


def own_threads() -> list[str]:
    return [name for name in thread_names() if name.startswith("soasap")]


def assert_default(code: ErrorCode) -> None:
    """The default comes back, and says why."""
    details = api.get_client().get_boolean_details("boolean-flag", False)

    assert (False, Reason.ERROR, code) == (details.value, details.reason, details.error_code)


def test_ready(server: ScriptedServer) -> None:
    """Set without waiting, the provider gets ready by itself, which is told once, and serves flags."""
    audience = Audience()
    api.set_provider(SoasapProvider(options(server.base_url)))
    wait_until(lambda: audience.heard, message="an event")
    wait_until(lambda: status() is ProviderStatus.READY)

    assert api.get_client().get_boolean_value("boolean-flag", False)
    assert ["READY"] == audience.events()
    assert "soasap" == audience.last(ProviderEvent.PROVIDER_READY).provider_name


def test_ready_and_wait(server: ScriptedServer) -> None:
    """Set and waited for, the provider is ready afterwards, over one stream, and late handlers hear of it."""
    api.set_provider_and_wait(SoasapProvider(options(server.base_url)))

    assert status() is ProviderStatus.READY
    assert api.get_client().get_boolean_value("boolean-flag", False)
    assert 1 == len(server.connections)

    audience = Audience()
    wait_until(lambda: audience.heard, message="the state as it is")

    assert ["READY"] == audience.events()


def test_no_flags_at_all(server: ScriptedServer) -> None:
    """A service without flags makes the provider ready too: they are unknown, for sure."""
    with ScriptedServer(hold_open(b"{}")) as server:
        api.set_provider_and_wait(SoasapProvider(options(server.base_url)))

        assert status() is ProviderStatus.READY
        assert_default(ErrorCode.FLAG_NOT_FOUND)


def test_unreachable() -> None:
    """A service that cannot be reached is an error within ten seconds, and defaults are served."""
    audience = Audience()
    started = time.monotonic()
    api.set_provider(SoasapProvider(options(NOWHERE)))

    assert_default(ErrorCode.PROVIDER_NOT_READY)

    wait_until(lambda: audience.heard, 10, "the error")

    assert time.monotonic() - started >= 5
    assert ["ERROR"] == audience.events()
    assert status() is ProviderStatus.ERROR
    assert_default(ErrorCode.PROVIDER_NOT_READY)

    details = audience.last(ProviderEvent.PROVIDER_ERROR)

    assert ErrorCode.PROVIDER_NOT_READY is details.error_code
    assert "no flags within 5 seconds" in str(details.message)
    assert "refused" in str(details.message)
    assert API_KEY not in str(details.message)


def test_unreachable_and_wait() -> None:
    """Waiting for it raises in time, in words."""
    started = time.monotonic()
    with pytest.raises(ProviderNotReadyError, match=r"no flags within 0\.3 seconds"):
        api.set_provider_and_wait(SoasapProvider(options(NOWHERE), ready_timeout=0.3))

    assert 0.3 <= time.monotonic() - started < 5
    assert status() is ProviderStatus.ERROR


@pytest.mark.parametrize("timeout", [0, 0.2])
def test_silent_server(timeout: float) -> None:
    """A server that accepts and says nothing is waited for no longer than one that is not there."""
    with ScriptedServer(lambda connection, index: connection.hang()) as server:
        started = time.monotonic()
        with pytest.raises(ProviderNotReadyError, match="no flags within"):
            api.set_provider_and_wait(SoasapProvider(options(server.base_url), ready_timeout=timeout))

        assert time.monotonic() - started < timeout + 5
        assert_default(ErrorCode.PROVIDER_NOT_READY)


def test_late_service() -> None:
    """When the service comes after all, the provider gets ready by itself, and all flags are news."""
    port = free_port()
    audience = Audience()
    api.set_provider(SoasapProvider(options(f"http://127.0.0.1:{port}"), ready_timeout=0.1))
    wait_until(lambda: status() is ProviderStatus.ERROR)
    wait_until(lambda: audience.events() == ["ERROR"])
    with ScriptedServer(hold_open(PAYLOAD), port=port):
        wait_until(lambda: status() is ProviderStatus.READY, 40, "the service")
        wait_until(lambda: 3 == len(audience.heard), message="both events")

        assert api.get_client().get_boolean_value("boolean-flag", False)
        assert {"ERROR", "READY", "CONFIGURATION_CHANGED"} == set(audience.events())
        changed = audience.last(ProviderEvent.PROVIDER_CONFIGURATION_CHANGED).flags_changed
        assert sorted(set(FLAGS) - {"null-flag"}) == sorted(changed or [])
        assert "soasap" == audience.last(ProviderEvent.PROVIDER_READY).provider_name


def test_refused_key() -> None:
    """A service that refuses the key is an error that says so, and no fatal one: it may change its mind."""

    def script(connection: Any, index: int) -> None:
        connection.answer(401)

    with ScriptedServer(script) as server:
        with pytest.raises(ProviderNotReadyError, match="401"):
            api.set_provider_and_wait(SoasapProvider(options(server.base_url), ready_timeout=0.5))

        assert status() is ProviderStatus.ERROR


def test_shutdown_closes_the_own_client(server: ScriptedServer) -> None:
    """Shutdown ends the stream and every task; again does nothing, nor does it before the first initialization."""
    provider = SoasapProvider(options(server.base_url))
    provider.shutdown()
    api.set_provider_and_wait(provider)

    assert own_threads()

    provider.shutdown()
    provider.shutdown()

    assert [] == own_threads()
    assert server.connections[0].wait_closed()
    details = provider.resolve_boolean_details("boolean-flag", False)
    assert (False, ErrorCode.PROVIDER_NOT_READY) == (details.value, details.error_code)


def test_shutdown_of_the_api(server: ScriptedServer) -> None:
    """Shutting OpenFeature down closes the stream, and nothing but defaults comes from it."""
    api.set_provider_and_wait(SoasapProvider(options(server.base_url)))
    client = api.get_client()
    api.shutdown()

    assert server.connections[0].wait_closed()
    assert client.get_boolean_value("boolean-flag", False) is False


def test_shutdown_is_prompt_in_an_outage() -> None:
    """With the service gone, or silent, shutdown takes no time."""
    with ScriptedServer(lambda connection, index: connection.hang()) as silent:
        for base_url in (NOWHERE, silent.base_url):
            provider = SoasapProvider(options(base_url), ready_timeout=0)
            with pytest.raises(ProviderNotReadyError):
                provider.initialize(NO_CONTEXT)
            started = time.monotonic()
            provider.shutdown()

            assert time.monotonic() - started < 1


def test_replaced_provider_is_shut_down(server: ScriptedServer) -> None:
    """A provider that is replaced lets go of its stream."""
    api.set_provider_and_wait(SoasapProvider(options(server.base_url)))
    api.set_provider_and_wait(SoasapProvider(InMemoryClient({"boolean-flag": False})))

    assert server.connections[0].wait_closed()
    assert api.get_client().get_boolean_value("boolean-flag", True) is False


def test_given_client_stays_open(server: ScriptedServer) -> None:
    """A client of the application's own goes on after shutdown, and is used again after another initialization."""
    with open_client(server.base_url) as client:
        provider = SoasapProvider(client)
        for _ in range(2):
            provider.initialize(NO_CONTEXT)

            assert provider.resolve_boolean_details("boolean-flag", False).value is True

            provider.shutdown()

            assert "live" == client.status().state
            assert provider.resolve_boolean_details("boolean-flag", False).value is False
        assert 1 == len(server.connections)


def test_given_client_that_is_closed() -> None:
    """A client that the application has closed cannot be initialized with, and that is said at once."""
    client = InMemoryClient(FLAGS)
    client.close()
    with pytest.raises(ProviderNotReadyError, match="closed"):
        SoasapProvider(client).initialize(NO_CONTEXT)


def test_reinitialization(server: ScriptedServer) -> None:
    """After shutdown the provider can be set again: it has another stream, tells of changes, and ends again."""
    provider = SoasapProvider(options(server.base_url))
    for turn in range(3):
        api.set_provider_and_wait(provider)
        audience = Audience()

        assert api.get_client().get_string_value("changing-flag", "") == "foo"

        server.connections[turn].event(b'{"changing-flag": "bar"}')
        wait_until(partial(audience.has, "CONFIGURATION_CHANGED"), message="the change")

        assert api.get_client().get_string_value("changing-flag", "") == "bar"

        api.shutdown()

        assert server.connections[turn].wait_closed()
    assert 3 == len(server.connections)
    assert [] == own_threads()


def test_initialized_twice(server: ScriptedServer) -> None:
    """Initialized again without a shutdown, it stays on its stream, and tells each change once."""
    provider = SoasapProvider(options(server.base_url))
    api.set_provider_and_wait(provider)
    provider.initialize(NO_CONTEXT)
    audience = Audience()
    server.connections[0].event(b'{"changing-flag": "bar"}')
    server.connections[0].event(b'{"changing-flag": "last"}')
    client = api.get_client()
    wait_until(lambda: "last" == client.get_string_value("changing-flag", ""), message="the last change")
    wait_until(lambda: audience.heard and "changing-flag" in str(audience.heard[-1]), message="its event")

    assert 1 == len(server.connections)
    assert audience.events().count("CONFIGURATION_CHANGED") <= 2


@pytest.mark.parametrize("end", ["provider", "client"])
def test_shutdown_while_initializing(end: str) -> None:
    """Shutdown, or the end of the client, wakes an initialization that waits; it raises."""
    raised: list[Exception] = []
    client = SoasapClientImpl(options(NOWHERE))
    provider = SoasapProvider(options(NOWHERE) if end == "provider" else client, ready_timeout=60)
    finish: Callable[[], None] = provider.shutdown if end == "provider" else client.close

    def initialize() -> None:
        try:
            provider.initialize(NO_CONTEXT)
        except ProviderNotReadyError as error:
            raised.append(error)

    waiting = threading.Thread(target=initialize)
    waiting.start()
    wait_until(lambda: own_threads(), message="the work to begin")
    started = time.monotonic()
    finish()
    waiting.join(30)
    client.close()

    assert not waiting.is_alive()
    assert time.monotonic() - started < 10
    assert 1 == len(raised)


def test_two_domains_share_a_provider(server: ScriptedServer) -> None:
    """Bound to two domains the provider has one stream; it ends with the second one."""
    provider = SoasapProvider(options(server.base_url))
    for domain in ("shop", "mail"):
        api.set_provider_and_wait(provider, domain)
    api.set_provider_and_wait(SoasapProvider(InMemoryClient()), "shop")

    assert api.get_client("mail").get_boolean_value("boolean-flag", False)

    api.set_provider_and_wait(SoasapProvider(InMemoryClient()), "mail")

    assert server.connections[0].wait_closed()
    assert 1 == len(server.connections)
