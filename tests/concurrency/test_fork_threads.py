"""Forks under the threads backend: a child streams by itself, and its parent misses nothing."""

from __future__ import annotations

import json
import os
import time
from functools import partial
from pathlib import Path

import pytest
import trustme

from tests.clients import cache_file, write_cache
from tests.concurrency.forking import (
    UNDISTURBED,
    counting,
    expect_quiet_child,
    expect_undisturbed,
    run_forking,
    silent,
)
from tests.flagserver import ScriptedServer

run = partial(run_forking, "threads")

FORKS = {
    "os.fork": "join(fork(stream_alone))",
    "twice": "children = [fork(stream_alone), fork(stream_alone)]\nfor child in children: join(child)",
    "grandchild": "join(fork(lambda: (stream_alone(), join(fork(stream_alone)))))",
    "multiprocessing": """
import multiprocessing
process = multiprocessing.get_context("fork").Process(target=stream_alone)
process.start()
process.join(40)
assert process.exitcode == 0, process.exitcode
""",
    "subprocess": """
import subprocess
for _ in range(3):
    answer = subprocess.run([sys.executable, "-c", "print(1)"], capture_output=True, text=True)
    assert (answer.returncode, answer.stdout) == (0, "1\\n"), answer
""",
    "from a thread": """
import threading
children = []
thread = threading.Thread(target=lambda: children.append(fork(stream_alone)))
thread.start()
thread.join()
join(children[0])
""",
}


CHILDREN = {"twice": 2, "grandchild": 2, "subprocess": 0}
"""How many children stream, where it is not one."""


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("forking", FORKS)
def test_child_streams_and_parent_misses_nothing(
    forking: str, secure: bool, ca: trustme.CA, ca_file: str, tmp_path: Path
) -> None:
    """Each child opens a stream of its own; the parent's goes on without a hole, a reconnect or an error."""
    with ScriptedServer(counting, tls=ca if secure else None) as server:
        output = run(expect_undisturbed(FORKS[forking]), server.base_url, tmp_path / "cache", ca_file if secure else "")

        assert UNDISTURBED == json.loads(output)
        assert 1 + CHILDREN.get(forking, 1) == len(server.connections)


def test_twenty_children_in_a_row(ca: trustme.CA, ca_file: str, tmp_path: Path) -> None:
    """Twenty times: a child streams over TLS and closes, none dies by a signal, and the parent misses nothing."""
    with ScriptedServer(counting, tls=ca) as server:
        output = run(
            expect_undisturbed("for _ in range(20): join(fork(close_alone))"),
            server.base_url,
            tmp_path / "cache",
            ca_file,
        )

        assert UNDISTURBED == json.loads(output)
        assert 21 == len(server.connections)


def test_child_that_never_reads(tmp_path: Path) -> None:
    """A child that reads nothing runs nothing of ours, and keeps no connection of its parent's open."""
    expect_quiet_child("threads", tmp_path)


def test_after_fork_hook_arms_the_first_read(tmp_path: Path) -> None:
    """In the child the plain snapshot is taken back, so that a read starts the work; the flags stay."""
    with ScriptedServer(counting) as server:
        run(
            """
client = make()
assert client.wait_ready(20)
assert type(client._store.snapshot).__name__ == "FlagSnapshot"

def child():
    assert type(client._store.snapshot).__name__ != "FlagSnapshot"
    assert client._store.known().flags["connection"] == 0
    assert client.get_int("n", -1) >= 0
    assert type(client._store.snapshot).__name__ == "FlagSnapshot"
    wait_for(lambda: client.get_int("connection") == 1)

join(fork(child))
""",
            server.base_url,
            tmp_path / "cache",
        )


@pytest.mark.parametrize(("expected", "age"), [(2, 60), (1, 7200)], ids=["file", "memory"])
def test_younger_of_file_and_memory_wins(expected: int, age: int, tmp_path: Path) -> None:
    """A worker respawned long after its master was loaded answers from what another worker has saved meanwhile."""
    with ScriptedServer(silent) as server:
        directory = tmp_path / "cache"
        path = write_cache(directory, b'{"n": 1}', server.base_url)
        os.utime(path, (time.time() - 3600,) * 2)
        other = tmp_path / "other"
        other.write_bytes(b'{"n": 2}')
        os.utime(other, (time.time() - age,) * 2)
        run(
            f"""
client = make()
assert client.get_int("n") == 1
os.replace({str(other)!r}, {str(path)!r})
assert client.get_int("n") == 1

def child():
    assert client.get_int("n") == {expected}, client.get_int("n")
    assert client.status().source == "disk"

join(fork(child))
assert client.get_int("n") == 1
""",
            server.base_url,
            directory,
        )


def test_closed_client_stays_closed_in_the_child(tmp_path: Path) -> None:
    """A client that was closed before the fork answers and starts nothing in the child."""
    with ScriptedServer(counting) as server:
        run(
            """
client = make()
assert client.wait_ready(20)
client.close()
import threading

def child():
    assert client.get_int("n", -1) >= 0
    assert client.wait_ready(1) is False
    assert client.status().state == "closed"
    assert threading.active_count() == 1

join(fork(child))
""",
            server.base_url,
            tmp_path / "cache",
        )

        assert 1 == len(server.connections)


def test_child_that_exits_normally(tmp_path: Path) -> None:
    """A child that ends by `sys.exit` saves its last snapshot; its parent's stream goes on."""
    with ScriptedServer(counting) as server:
        run(
            """
client, other = make(), make(cache=None)
assert other.wait_ready(20)
child = os.fork()
if not child:
    stream_alone()
    with open(directory + "/seen", "w") as file:
        file.write(str(client.get_int("n")))
    sys.exit(0)
join(child)
assert "idle" in repr(client), repr(client)
assert other.status().connects == 1
assert other.status().state == "live"
""",
            server.base_url,
            tmp_path / "cache",
        )
        directory = tmp_path / "cache"

        saved = json.loads(cache_file(directory, server.base_url).read_bytes())
        assert int((directory / "seen").read_text()) <= saved["n"]
        assert 1 == saved["connection"]


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("delay", [0, 0.001, 0.002, 0.003, 0.004, 0.006, 0.008, 0.012])
def test_fork_during_a_start(delay: float, secure: bool, ca: trustme.CA, ca_file: str, tmp_path: Path) -> None:
    """In a fresh process that forks while its first connection is being made, both child and parent stream."""
    with ScriptedServer(counting, tls=ca if secure else None) as server:
        run(
            """
client = make(preload=True)
time.sleep(float(sys.argv[4]))
children = [fork(stream_alone) for _ in range(2)]
for child in children:
    join(child)
assert client.wait_ready(20)
assert client.status().errors == 0, client.status()
""",
            server.base_url,
            tmp_path / "cache",
            ca_file if secure else "",
            delay,
        )


def test_fork_gate_is_given_back(tmp_path: Path) -> None:
    """Forks during a handshake that is never answered wait a bounded time, and later ones do not wait at all."""
    with ScriptedServer(silent, answer_handshake=False) as server:
        run(
            """
import soasap.concurrency.fork
client = make(preload=True)
wait_for(lambda: soasap.concurrency.fork.gate()._inside)
started = time.monotonic()
join(fork(lambda: None))
assert time.monotonic() - started < 5, time.monotonic() - started
client.close()
started = time.monotonic()
for _ in range(5):
    join(fork(lambda: None))
assert time.monotonic() - started < 3, time.monotonic() - started
""",
            server.base_url,
            tmp_path / "cache",
        )


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("delay", [0, 0.001, 0.002, 0.004, 0.008, 0.016])
def test_fork_beside_a_start(delay: float, secure: bool, ca: trustme.CA, ca_file: str, tmp_path: Path) -> None:
    """
    While another thread makes the very first read of the process, a fork leaves the child free to make its own.

    What that thread was importing, or doing in OpenSSL, never ends in the child.
    """
    with ScriptedServer(counting, tls=ca if secure else None) as server:
        run(
            """
import threading
client = make()
go = threading.Event()
other = threading.Thread(target=lambda: (go.wait(), client.get_int("n")))
other.start()
go.set()
time.sleep(float(sys.argv[4]))
join(fork(stream_alone))
other.join()
assert client.wait_ready(20), client.status()
""",
            server.base_url,
            tmp_path / "cache",
            ca_file if secure else "",
            delay,
        )


def test_start_imports_nothing(ca: trustme.CA, ca_file: str, tmp_path: Path) -> None:
    """Whatever a start and a stream need is imported when the client is made, names and TLS included."""
    with ScriptedServer(counting, tls=ca) as server:
        run(
            f"""
base_url = "https://localhost:{server.port}"
client = make()
before = set(sys.modules)
stream_alone()
client.close()
assert set(sys.modules) == before, set(sys.modules) - before
""",
            server.base_url,
            tmp_path / "cache",
            ca_file,
        )
