"""Forks under the gevent backend: a child streams by itself, and its parent misses nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import trustme

from tests.concurrency.forking import UNDISTURBED, counting, expect_quiet_child, expect_undisturbed, run_forking
from tests.flagserver import ScriptedServer

BOTH = ("gevent patched", "gevent unpatched")

FORKS = {
    "os.fork": "join(fork(stream_alone))",
    "gevent.os.fork": "join(fork(stream_alone, gevent.os.fork))",
    "gevent.os.fork_and_watch": "join(fork(stream_alone, gevent.os.fork_and_watch))",
    "twice": "children = [fork(stream_alone), fork(stream_alone)]\nfor child in children: join(child)",
    "grandchild": "join(fork(lambda: (stream_alone(), join(fork(stream_alone)))))",
    "in a greenlet": "join(gevent.spawn(lambda: fork(stream_alone)).get())",
    "multiprocessing": """
import multiprocessing
process = multiprocessing.get_context("fork").Process(target=stream_alone)
process.start()
wait_for(lambda: not process.is_alive())
assert process.exitcode == 0, process.exitcode
""",
    "subprocess": """
import subprocess
for _ in range(3):
    answer = subprocess.run([sys.executable, "-c", "print(1)"], capture_output=True, text=True)
    assert (answer.returncode, answer.stdout) == (0, "1\\n"), answer
""",
    "gevent.subprocess": """
import gevent.subprocess
for _ in range(3):
    assert gevent.subprocess.check_output([sys.executable, "-c", "print(1)"]) == b"1\\n"
""",
}

CHILDREN = {"twice": 2, "grandchild": 2, "subprocess": 0, "gevent.subprocess": 0}
"""How many children stream, where it is not one."""


@pytest.mark.parametrize(
    ("forking", "secure"),
    [("os.fork", False), ("gevent.os.fork", False), *((name, True) for name in FORKS)],
    ids=lambda value: {False: "plain", True: "tls"}.get(value, value),
)
@pytest.mark.parametrize("world", BOTH)
def test_child_streams_and_parent_misses_nothing(
    world: str, forking: str, secure: bool, ca: trustme.CA, ca_file: str, tmp_path: Path
) -> None:
    """Each child opens a stream of its own; the parent's goes on without a hole, a reconnect or an error."""
    with ScriptedServer(counting, tls=ca if secure else None) as server:
        output = run_forking(
            world,
            expect_undisturbed(FORKS[forking]),
            server.base_url,
            tmp_path / "cache",
            ca_file if secure else "",
        )

        assert UNDISTURBED == json.loads(output)
        assert 1 + CHILDREN.get(forking, 1) == len(server.connections)


@pytest.mark.parametrize("world", BOTH)
def test_twenty_children_in_a_row(world: str, ca: trustme.CA, ca_file: str, tmp_path: Path) -> None:
    """Twenty times: a child streams over TLS and closes, none dies by a signal, and the parent misses nothing."""
    with ScriptedServer(counting, tls=ca) as server:
        output = run_forking(
            world,
            expect_undisturbed("for _ in range(20): join(fork(close_alone))"),
            server.base_url,
            tmp_path / "cache",
            ca_file,
        )

        assert UNDISTURBED == json.loads(output)
        assert 21 == len(server.connections)


@pytest.mark.parametrize("world", BOTH)
@pytest.mark.parametrize("delay", [0, 0.002, 0.004, 0.006, 0.008, 0.012])
def test_fork_during_a_start(delay: float, world: str, ca: trustme.CA, ca_file: str, tmp_path: Path) -> None:
    """In a fresh process that forks while its first connection is being made, both child and parent stream."""
    with ScriptedServer(counting, tls=ca) as server:
        run_forking(
            world,
            """
client = make(preload=True)
green_sleep(float(sys.argv[4]))
children = [fork(stream_alone) for _ in range(2)]
for child in children:
    join(child)
assert client.wait_ready(20), client.status()
assert client.status().errors == 0, client.status()
""",
            server.base_url,
            tmp_path / "cache",
            ca_file,
            delay,
        )


@pytest.mark.parametrize("world", BOTH)
def test_child_that_never_reads(world: str, tmp_path: Path) -> None:
    """A child that reads nothing runs nothing of ours, and keeps no connection of its parent's open."""
    expect_quiet_child(world, tmp_path)


@pytest.mark.parametrize("world", BOTH)
def test_fork_while_the_file_is_written(world: str, tmp_path: Path) -> None:
    """A child forked while a thread of its parent's pool writes has a stream, and saves, by itself."""
    with ScriptedServer(counting) as server:
        run_forking(
            world,
            """
from gevent.monkey import get_original
native_sleep = get_original("time", "sleep")

class Slow:
    saving, saved = False, 0

    def load(self):
        return None

    def save(self, payload):
        self.saving = True
        native_sleep(0.5)
        self.saving, self.saved = False, os.getpid()

cache = Slow()
client = make(cache=cache)
wait_for(lambda: client.get_int("n", -1) >= 0 and cache.saving)

def child():
    stream_alone()
    wait_for(lambda: cache.saved == os.getpid())
    client.close()

join(fork(child))
wait_for(lambda: cache.saved == os.getpid())
client.close()
""",
            server.base_url,
            tmp_path / "cache",
        )


@pytest.mark.parametrize("loop", ["libev-cext", "libuv-cffi"])
def test_backend_that_is_loaded_in_the_child(loop: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A hub that was in use before a plain `os.fork` works for the child's first start.

    Its event loop and its pool, which looks names up, are the parent's until somebody tells them.
    """
    monkeypatch.setenv("GEVENT_LOOP", loop)
    with ScriptedServer(counting) as server:
        run_forking(
            "gevent unpatched",
            f"""
base_url = "http://localhost:{server.port}"
import gevent.socket
gevent.get_hub().threadpool.apply(time.sleep, (0.01,))
gevent.socket.getaddrinfo("localhost", 80)
client = make()
join(fork(stream_alone))
assert "soasap.concurrency.gevent" not in sys.modules
""",
            server.base_url,
            tmp_path / "cache",
        )


@pytest.mark.parametrize("world", BOTH)
def test_first_read_of_a_child_in_a_callback_of_the_loop(world: str, tmp_path: Path) -> None:
    """The first read of a child may come from the event loop itself, which cannot wait."""
    with ScriptedServer(counting) as server:
        run_forking(
            world,
            """
client = make()
assert client.wait_ready(20)

def child():
    read = []
    gevent.get_hub().loop.run_callback(lambda: read.append(client.get_int("n", -1)))
    wait_for(lambda: read)
    assert read[0] >= 0
    assert client.wait_ready(20), client.status()
    assert client.status().errors == 0, client.status()

join(fork(child))
""",
            server.base_url,
            tmp_path / "cache",
        )
