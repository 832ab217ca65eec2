"""
A process that has run out of something, or is changed under the client's feet.

Forks are in `tests/concurrency`, handlers that misbehave in `tests/test_reports.py`, `close()` in every phase in
`tests/test_close.py`, ends of processes in `tests/test_exit.py`, deployments in `compat`.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.clients import API_KEY
from tests.faults.weather import BEFORE
from tests.flagserver import Connection, ScriptedServer, hold_open
from tests.green import PATCHES
from tests.scripts import PATIENCE, run_script, start_script

PROLOGUE = f"""
import os, resource, sys, threading, time
from soasap import create_soasap_client
base_url, directory = sys.argv[1:]
errors = []
def make():
    return create_soasap_client(
        api_key={API_KEY!r}, base_url=base_url, cache_directory=directory, on_error=errors.append
    )
def wait_for(condition):
    deadline = time.monotonic() + 50
    while not condition():
        assert time.monotonic() < deadline, (client.status(), errors)
        time.sleep(0.01)
"""

NO_DESCRIPTORS = """
ready = make()  # what a process opens once and for good is open now
assert ready.wait_ready(20)
ready.close()
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
hoard = []
try:
    while True:
        hoard.append(os.open(os.devnull, os.O_RDONLY))
except OSError:
    pass
client = make()
assert client.get_int("n", 7) in (1, 7)
wait_for(lambda: any(error.source.value == "network" for error in errors))
print(client.status().state, {type(error.exception).__name__ for error in errors} <= {"ConnectionFailed", "CacheError"})
print(any(os.strerror(24) in str(error.exception) for error in errors))
for descriptor in hoard:
    os.close(descriptor)
wait_for(lambda: client.status().state == "live" and client.get_int("n") == 1)
client.close()
print(client.status().state, os.listdir(directory) != [])
"""


def test_no_descriptors_left(cache_dir: Path) -> None:
    """
    Without a free descriptor a client is made, reads answer, and the trouble is reported; with one again it streams.
    """
    with ScriptedServer(hold_open(BEFORE)) as server:
        lines = run_script(PROLOGUE + NO_DESCRIPTORS, server.base_url, cache_dir).splitlines()

    assert ["connecting True", "True", "closed True"] == lines


NO_THREADS = """
ready = make()  # memory that threads, TLS and parsers need once is there now
assert ready.wait_ready(20)
ready.close()
threading.stack_size(1 << 30)  # a gigabyte each, where the process may have half of one more
with open("/proc/self/statm") as sizes:
    in_use = int(sizes.read().split()[0]) * resource.getpagesize()
soft, hard = resource.getrlimit(resource.RLIMIT_AS)
resource.setrlimit(resource.RLIMIT_AS, (in_use + (1 << 29), hard))
try:
    threading.Thread(target=print).start()
except RuntimeError as error:
    print(error)
client = make()
print(client.get_int("n", 7))
wait_for(lambda: client.status().last_error)
print(type(client.status().last_error.exception).__name__, client.status().last_error.exception)
threading.stack_size(1 << 18)
wait_for(lambda: client.status().state == "live" and errors)
print(client.status().state, [type(error.exception).__name__ for error in errors][:1])
client.close()
"""


def test_no_thread_can_be_started(cache_dir: Path) -> None:
    """Where no thread can be started, a client is made, reads answer, the status says why; later reads start it."""
    with ScriptedServer(hold_open(BEFORE)) as server:
        lines = run_script(PROLOGUE + NO_THREADS, server.base_url, cache_dir).splitlines()

    assert [
        "can't start new thread",
        "1",  # from the cache that the first client left
        "RuntimeError can't start new thread",
        "live ['RuntimeError']",
    ] == lines


NO_THREADS_FOR_GEVENT = """
client = make()
threading.stack_size(1 << 30)
with open("/proc/self/statm") as sizes:
    in_use = int(sizes.read().split()[0]) * resource.getpagesize()
soft, hard = resource.getrlimit(resource.RLIMIT_AS)
resource.setrlimit(resource.RLIMIT_AS, (in_use + (1 << 29), hard))
print(client.get_int("n", 7))
wait_for(lambda: errors)
print(errors[0].source.value, str(errors[0].exception).rpartition(": ")[2])
threading.stack_size(1 << 18)
wait_for(lambda: client.get_int("n", 7) == 1)
client.close()
print(client.status().state, len(os.listdir(directory)))
"""


def test_no_thread_can_be_started_for_gevent(cache_dir: Path) -> None:
    """Greenlets need none, but gevent's look-up of names does: that is reported by its words and tried again."""
    with ScriptedServer(hold_open(BEFORE)) as server:
        program = PATCHES["gevent"] + PROLOGUE + NO_THREADS_FOR_GEVENT
        lines = run_script(program, server.base_url, cache_dir).splitlines()

    assert ["7", "network can't start new thread", "closed 1"] == lines


PATCHED_LATER = """
import warnings
client = make()
if WHEN == "after the start":
    assert client.wait_ready(20)
import gevent.monkey
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # that ssl was imported before
    gevent.monkey.patch_all()
assert client.wait_ready(20)
wait_for(lambda: client.get_int("n") >= 3)
wait_for(lambda: client.status().backend == "gevent")
ticks = 0
until = time.monotonic() + 0.5
while time.monotonic() < until:
    client.get_int("n")
    time.sleep(0.005)
    ticks += 1
print(client.status().state, ticks > 20, errors)
client.close()
"""


@pytest.mark.parametrize("when", ["before the first read", "after the start"])
def test_patched_after_import(when: str, cache_dir: Path) -> None:
    """An application may monkey-patch after it has imported soasap, made a client, or read from it: flags go on."""

    def script(connection: Connection, index: int) -> None:
        connection.head()
        connection.chunk(b"retry: 100\n\n")
        for n in range(40):
            connection.event(b'{"n": %d}' % n)
            time.sleep(0.02)
        connection.end()

    with ScriptedServer(script) as server:
        program = PROLOGUE + f"WHEN = {when!r}\n" + PATCHED_LATER
        with start_script(program, server.base_url, cache_dir) as process:
            output, complaints = process.communicate(timeout=PATIENCE)

    assert (0, 1) == (process.returncode, output.count("\n")), complaints
    assert output.startswith(("live True []", "stale True []"))
    # A thread that ends after the patch, whoever's it is, is not found where `threading` looks for it.
    assert complaints.count("Traceback") == complaints.count("del _active[get_ident()]") == complaints.count("KeyError")
