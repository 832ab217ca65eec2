"""The provider in processes of other kinds: patched by gevent, on gevent without a patch, and forked."""

from __future__ import annotations

import threading

import pytest

from tests.addresses import free_port
from tests.flagserver import Connection, ScriptedServer, hold_open
from tests.openfeature.conformance import PAYLOAD
from tests.scripts import run_script, start_script

BEFORE = """
{patch}
import os, sys, time, traceback
from openfeature import api
from openfeature.event import ProviderEvent
from openfeature.provider import ProviderStatus
from soasap import SoasapClientOptions
from soasap.openfeature import SoasapProvider
from {sleeping} import sleep

def until(condition, what):
    deadline = time.monotonic() + 40
    while not condition():
        assert time.monotonic() < deadline, what
        sleep(0.005)

def status():
    return api.get_client().get_provider_status()

def provider(**options):
    return SoasapProvider(SoasapClientOptions("key", sys.argv[1], cache=None, **options), ready_timeout=20)

def in_child(work):
    child = os.fork()
    if not child:
        code = 1
        try:
            work()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    return child

def check(child):
    assert os.waitpid(child, 0)[1] == 0

heard = []
def listen():
    for event in ProviderEvent:
        api.add_handler(event, lambda details, event=event: details.provider_name == "soasap" and heard.append(event))
"""

GREEN = "from gevent import monkey; monkey.patch_all(); import gevent"


def program(body: str, *, patch: str = "", sleeping: str = "time") -> str:
    return BEFORE.format(patch=patch, sleeping=sleeping) + body


@pytest.mark.parametrize("backend", ["auto", "gevent"])
def test_process_patched_by_gevent(backend: str) -> None:
    """In a patched process the life of a provider goes on beside other greenlets: ready, change, outage, shutdown."""
    body = """
beats = []
def beat():
    while True:
        beats.append(time.monotonic())
        sleep(0.01)

listen()
heart = gevent.spawn(beat)
api.set_provider(provider(backend=sys.argv[2]))
until(lambda: heard == [ProviderEvent.PROVIDER_READY], heard)
flags = api.get_client()
assert flags.get_string_value("changing-flag", "") == "foo"
print("ready", flush=True)
until(lambda: flags.get_string_value("changing-flag", "") == "bar", "the change")
until(lambda: ProviderEvent.PROVIDER_CONFIGURATION_CHANGED in heard, heard)
print("changed", flush=True)
until(lambda: status() is ProviderStatus.STALE and ProviderEvent.PROVIDER_STALE in heard, heard)
assert flags.get_string_value("changing-flag", "") == "bar"
api.shutdown()
gaps = [later - earlier for earlier, later in zip(beats, beats[1:])]
assert max(gaps) < 2, max(gaps)
print("over", flush=True)
"""
    with ScriptedServer(hold_open(PAYLOAD)) as server:
        with start_script(program(body, patch=GREEN, sleeping="gevent"), server.base_url, backend) as process:
            assert process.stdout is not None
            assert "ready\n" == process.stdout.readline(), process.communicate()
            server.connections[0].event(b'{"changing-flag": "bar"}')
            assert "changed\n" == process.stdout.readline(), process.communicate()
            server.stop()
            output, errors = process.communicate(timeout=60)

        assert ("over\n", 0) == (output, process.returncode), errors


def test_gevent_without_a_patch() -> None:
    """On the backend `gevent`, unpatched, the provider is set from a greenlet of the hub and waited for there."""
    body = """
import gevent
beats = []
heart = gevent.spawn(lambda: [(beats.append(1), sleep(0.01)) for _ in range(100000)])
api.set_provider_and_wait(provider(backend="gevent"))
assert beats
flags = api.get_client()
assert flags.get_string_value("changing-flag", "") == "foo"
assert status() is ProviderStatus.READY
print("ready", flush=True)
until(lambda: flags.get_string_value("changing-flag", "") == "bar", "the change")
api.shutdown()
"""
    with ScriptedServer(hold_open(PAYLOAD)) as server:
        with start_script(program(body, sleeping="gevent"), server.base_url) as process:
            assert process.stdout is not None
            assert "ready\n" == process.stdout.readline(), process.communicate()
            server.connections[0].event(b'{"changing-flag": "bar"}')
            output, errors = process.communicate(timeout=60)

        assert ("", 0) == (output, process.returncode), errors


@pytest.mark.parametrize("library", ["", "gevent"])
def test_fork_of_a_ready_provider(library: str) -> None:
    """A child resolves at once, has a stream of its own, and knows of outages; the parent does not notice."""
    body = """
api.set_provider_and_wait(provider())
flags = api.get_client()
assert flags.get_string_value("changing-flag", "") == "foo"

def work():
    assert status() is ProviderStatus.READY
    assert flags.get_string_value("changing-flag", "") == "foo"
    print("child", flush=True)
    until(lambda: flags.get_string_value("changing-flag", "") == "child", "the change")
    assert status() is ProviderStatus.READY
    print("changed", flush=True)
    until(lambda: status() is ProviderStatus.STALE, "the outage")
    api.shutdown()

check(in_child(work))
assert flags.get_string_value("changing-flag", "") == "foo"
until(lambda: status() is ProviderStatus.STALE, "the outage")
print("over", flush=True)
"""
    patch, sleeping = (GREEN, "gevent") if library else ("", "time")
    resolved = threading.Event()

    def script(connection: Connection, index: int) -> None:
        connection.head()
        connection.event(PAYLOAD)
        if index == 1:
            assert resolved.wait(40)
            connection.event(b'{"changing-flag": "child"}')
        connection.hang()

    with ScriptedServer(script) as server:
        with start_script(program(body, patch=patch, sleeping=sleeping), server.base_url) as process:
            assert process.stdout is not None
            assert "child\n" == process.stdout.readline(), process.communicate()
            resolved.set()
            assert "changed\n" == process.stdout.readline(), process.communicate()
            server.stop()
            output, errors = process.communicate(timeout=60)

        assert ("over\n", 0) == (output, process.returncode), errors


def test_provider_set_in_the_child() -> None:
    """A child that sets the provider, and adds handlers, itself hears everything, whatever its parent has."""
    body = """
from soasap.testing import InMemoryClient
api.set_provider_and_wait(SoasapProvider(InMemoryClient({"changing-flag": "parent"})))

def work():
    listen()
    api.set_provider(provider())
    until(lambda: ProviderEvent.PROVIDER_READY in heard and status() is ProviderStatus.READY, heard)
    assert api.get_client().get_string_value("changing-flag", "") == "foo"
    api.shutdown()

check(in_child(work))
assert api.get_client().get_string_value("changing-flag", "") == "parent"
"""
    with ScriptedServer(hold_open(PAYLOAD)) as server:
        run_script(program(body), server.base_url)


def test_client_made_before_the_fork_initialized_after_it() -> None:
    """A provider made at import, in the master, is initialized by its workers, each with a stream of its own."""
    body = """
mine = provider()

def work():
    api.set_provider_and_wait(mine)
    assert api.get_client().get_string_value("changing-flag", "") == "foo"
    api.shutdown()

for child in [in_child(work), in_child(work)]:
    check(child)
"""
    with ScriptedServer(hold_open(PAYLOAD)) as server:
        run_script(program(body), server.base_url)

        assert 2 == len(server.connections)


def test_process_ends_promptly() -> None:
    """A process that never shuts anything down ends all the same."""
    with ScriptedServer(hold_open(PAYLOAD)) as server:
        run_script(program("listen()\napi.set_provider_and_wait(provider())\n"), server.base_url)


def test_process_ends_promptly_in_an_outage() -> None:
    """So does one whose provider is still waiting for a service that is not there."""
    run_script(program("api.set_provider(provider())\n"), f"http://127.0.0.1:{free_port()}")
