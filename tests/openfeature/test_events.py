"""What the application hears: changes of flags by their keys, the loss of the stream, and its return."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from openfeature import api
from openfeature.client import OpenFeatureClient
from openfeature.event import EventDetails, ProviderEvent
from openfeature.provider import ProviderStatus

from soasap import create_soasap_client
from soasap.openfeature import SoasapProvider
from soasap.testing import InMemoryClient
from tests.addresses import free_port
from tests.clients import API_KEY, write_cache
from tests.flagserver import Connection, ScriptedServer, hold_open
from tests.openfeature.conformance import FLAGS, PAYLOAD, Audience, options
from tests.waiting import wait_until

CHANGED = ProviderEvent.PROVIDER_CONFIGURATION_CHANGED


@pytest.fixture
def audience() -> Audience:
    return Audience()


def status() -> ProviderStatus:
    return api.get_client().get_provider_status()


def test_change(server: ScriptedServer, flags: OpenFeatureClient, audience: Audience) -> None:
    """A change is told with the keys that have changed, and applied: what is new, gone, or of another type."""
    assert "foo" == flags.get_string_value("changing-flag", "unset")

    server.connections[0].flags({**FLAGS, "changing-flag": "bar"})
    wait_until(lambda: audience.has("CONFIGURATION_CHANGED"), message="the change")

    assert ["changing-flag"] == audience.last(CHANGED).flags_changed
    assert "soasap" == audience.last(CHANGED).provider_name
    assert "bar" == flags.get_string_value("changing-flag", "unset")

    gone = {key: value for key, value in FLAGS.items() if key != "wrong-flag"}
    server.connections[0].flags({**gone, "new-flag": 1, "changing-flag": "bar", "integer-flag": 10.0})
    wait_until(lambda: 2 == audience.events().count("CONFIGURATION_CHANGED"), message="the second change")

    assert ["integer-flag", "new-flag", "wrong-flag"] == sorted(audience.last(CHANGED).flags_changed or [])
    assert 1 == flags.get_integer_value("new-flag", 0)
    assert "gone" == flags.get_string_value("wrong-flag", "gone")


def test_what_is_no_change(server: ScriptedServer, flags: OpenFeatureClient, audience: Audience) -> None:
    """Equal flags in other bytes, comments and bad payloads are no event."""
    wait_until(lambda: ["READY"] == audience.events())
    connection = server.connections[0]
    connection.flags(dict(reversed(FLAGS.items())))
    connection.comment(b"still here")
    connection.event(b"not json")
    connection.flags({**FLAGS, "changing-flag": "bar"})
    wait_until(lambda: audience.has("CONFIGURATION_CHANGED"), message="the change")

    assert ["READY", "CONFIGURATION_CHANGED"] == audience.events()
    assert "bar" == flags.get_string_value("changing-flag", "unset")


def test_outage_and_return(audience: Audience) -> None:
    """Losing the service makes the provider stale, once, and its return ready; flags are served all the time."""
    port = free_port()
    with ScriptedServer(hold_open(PAYLOAD), port=port) as server:
        api.set_provider_and_wait(SoasapProvider(options(server.base_url)))
        wait_until(lambda: ["READY"] == audience.events())
    wait_until(lambda: ["READY", "STALE"] == audience.events(), message="the loss")

    assert status() is ProviderStatus.STALE
    assert api.get_client().get_string_value("string-flag", "") == "hi"
    assert API_KEY not in str(audience.last(ProviderEvent.PROVIDER_STALE))
    assert "the stream is lost for now" in str(audience.last(ProviderEvent.PROVIDER_STALE).message)

    changed = {**FLAGS, "changing-flag": "bar"}
    with ScriptedServer(lambda connection, index: _serve(connection, changed), port=port):
        wait_until(lambda: status() is ProviderStatus.READY, 40, "the return")
        wait_until(lambda: 4 == len(audience.heard), message="what changed meanwhile")

        # Handlers run side by side, so what comes at the same time may be heard in any order.
        assert ["READY", "STALE", "READY"] == [name for name in audience.events() if name != "CONFIGURATION_CHANGED"]
        assert ["changing-flag"] == audience.last(CHANGED).flags_changed
        assert "bar" == api.get_client().get_string_value("changing-flag", "")


def test_stale_is_told_once(audience: Audience) -> None:
    """Attempts that fail during an outage are no further events."""
    with ScriptedServer(hold_open(PAYLOAD)) as server:
        client = create_soasap_client(api_key=API_KEY, base_url=server.base_url, cache=None)
        api.set_provider_and_wait(SoasapProvider(client))
    with client:
        wait_until(lambda: audience.has("STALE"), message="the loss")
        wait_until(lambda: 2 <= client.status().errors, 40, "a failed attempt")

        assert ["READY", "STALE"] == audience.events()


def test_server_that_ends_streams(audience: Audience) -> None:
    """A stream that ends without fault is stale until the next one; equal flags on it are no change."""

    def script(connection: Connection, index: int) -> None:
        connection.head()
        connection.chunk(b"retry: 500\n\n")  # so that the loss cannot be over before anybody has looked
        connection.event(PAYLOAD)
        if index == 0:
            ended.wait(30)
            connection.end()
        else:
            connection.hang()

    ended = threading.Event()
    with ScriptedServer(script) as server:
        api.set_provider_and_wait(SoasapProvider(options(server.base_url)))
        ended.set()
        server.wait_connections(2, 40)
        wait_until(lambda: ["READY", "STALE", "READY"] == audience.events(), message="the return")


def test_start_from_disk_without_service(audience: Audience, cache_dir: Path) -> None:
    """With flags in the cache it is ready; that it cannot connect makes it stale, and the service ready again."""
    port = free_port()
    base_url = f"http://127.0.0.1:{port}"
    write_cache(cache_dir, PAYLOAD, base_url)
    provider = SoasapProvider(options(base_url, cache="disk", cache_directory=str(cache_dir)), ready_timeout=0)
    api.set_provider_and_wait(provider)

    assert "hi" == api.get_client().get_string_value("string-flag", "")

    wait_until(lambda: audience.has("STALE"), 40, "the failure")

    assert ["READY", "STALE"] == audience.events()
    assert "refused" in str(audience.last(ProviderEvent.PROVIDER_STALE).message)

    with ScriptedServer(hold_open(PAYLOAD), port=port):
        wait_until(lambda: status() is ProviderStatus.READY, 40, "the service")
        wait_until(lambda: ["READY", "STALE", "READY"] == audience.events(), message="its event")


def test_no_events_after_shutdown(server: ScriptedServer, audience: Audience) -> None:
    """A provider that is shut down says nothing more, whatever its client hears."""
    client = InMemoryClient(FLAGS)
    provider = SoasapProvider(client)
    api.set_provider_and_wait(provider)
    wait_until(lambda: ["READY"] == audience.events())
    client.set("changing-flag", "bar")
    wait_until(lambda: 2 == len(audience.heard))
    provider.shutdown()
    client.set("changing-flag", "last")
    api.set_provider_and_wait(SoasapProvider(InMemoryClient({"a": 1})))
    wait_until(lambda: 3 == len(audience.heard))

    assert ["READY", "CONFIGURATION_CHANGED", "READY"] == audience.events()


def test_handler_that_blocks(server: ScriptedServer, flags: OpenFeatureClient) -> None:
    """A handler that does not come back, or raises, stops neither the stream nor other handlers."""
    entered, go_on = threading.Event(), threading.Event()

    def block(details: EventDetails) -> None:
        entered.set()
        go_on.wait(30)

    def fail(details: EventDetails) -> None:
        raise RuntimeError("mine")

    try:
        api.add_handler(CHANGED, block)
        api.add_handler(CHANGED, fail)
        audience = Audience()
        server.connections[0].flags({**FLAGS, "changing-flag": "bar"})

        assert entered.wait(30)

        server.connections[0].flags({**FLAGS, "changing-flag": "last"})
        wait_until(lambda: "last" == flags.get_string_value("changing-flag", ""), message="the stream")
        wait_until(lambda: 2 == audience.events().count("CONFIGURATION_CHANGED"), message="the other handler")
    finally:
        go_on.set()


def test_handlers_are_not_run_by_the_stream(server: ScriptedServer, flags: OpenFeatureClient) -> None:
    """Handlers run on OpenFeature's own threads."""
    audience = Audience()
    server.connections[0].flags({**FLAGS, "changing-flag": "bar"})
    wait_until(lambda: audience.has("CONFIGURATION_CHANGED"), message="the change")

    assert all(name.startswith("openfeature") for name in audience.threads)


def _serve(connection: Connection, flags: dict[str, object]) -> None:
    connection.head()
    connection.flags(flags)
    connection.hang()
