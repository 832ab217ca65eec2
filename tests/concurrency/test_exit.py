"""
The step at the end of a process: clients that nobody closed save what they have, and nobody waits long.

Under each backend, in a process of its own. Warnings are errors there, and every word on standard error is a failure.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from tests.clients import cache_file
from tests.concurrency.forking import WORLDS, counting, prologue
from tests.flagserver import Connection, Script, ScriptedServer, hold_open
from tests.scripts import PATIENCE, start_script

PROMPT = 4.0
"""Seconds, on a busy machine; 1 is allowed for slow disks, a tenth is usual."""

TWENTY = hold_open(*[b'{"n": %d}' % number for number in range(20)])
"""Twenty changes at once: the first is saved at once, the last not before 2.5 s."""


def silent(connection: Connection, index: int) -> None:
    connection.hang()


SAVED = """
def saved():
    "Whether the first save is over: what the end waits for is the last one alone, and that for a second."
    return os.path.isdir(directory) and [name for name in os.listdir(directory) if name.endswith(".json")]
"""


def end_of(world: str, source: str, script: Script, directory: Path, *, signalled: bool = False) -> None:
    """Run a program up to "bye", terminate it if asked to, and see it end promptly and without a word."""
    with (
        ScriptedServer(script) as server,
        start_script(prologue(world) + SAVED + source, server.base_url, directory, "") as process,
    ):
        assert process.stdout is not None
        assert process.stderr is not None
        line = process.stdout.readline()
        started = time.monotonic()
        if signalled:
            process.terminate()
        code = process.wait(PATIENCE)
        taken = time.monotonic() - started

        assert ("bye\n", 0, "") == (line, code, process.stderr.read())
        assert taken < PROMPT


def saved_in(directory: Path) -> dict[str, object]:
    """The flags in the only file of a cache directory, which is whole."""
    (path,) = directory.iterdir()
    flags: dict[str, object] = json.loads(path.read_bytes())
    return flags


@pytest.mark.parametrize("world", WORLDS)
def test_last_snapshot_is_saved(world: str, tmp_path: Path) -> None:
    """A process that never calls `close()` has its last snapshot in the file, and ends promptly without a word."""
    end_of(
        world,
        """
client = make()
client.get_int("n")
wait_for(lambda: client.get_int("n", -1) == 19 and saved())
print("bye", flush=True)
""",
        TWENTY,
        tmp_path / "cache",
    )

    assert {"n": 19} == saved_in(tmp_path / "cache")


@pytest.mark.parametrize("world", WORLDS)
def test_end_right_after_the_first_event(world: str, tmp_path: Path) -> None:
    """A process may end while its very first write is under way, in a thread that was only just started."""
    for attempt in range(3):
        directory = tmp_path / str(attempt)
        end_of(
            world,
            'client = make()\nassert client.wait_ready(20)\nprint("bye", flush=True)\n',
            TWENTY,
            directory,
        )

        assert "n" in saved_in(directory)


@pytest.mark.parametrize("world", WORLDS)
def test_end_of_a_silent_client(world: str, tmp_path: Path) -> None:
    """A client that waits for an answer, in a task and in `wait_ready`, keeps no process alive."""
    end_of(
        world,
        """
client = make()
assert not client.wait_ready(0.2)
print("bye", flush=True)
""",
        silent,
        tmp_path / "cache",
    )


@pytest.mark.parametrize("world", WORLDS)
def test_disks_that_hang_share_one_patience(world: str, tmp_path: Path) -> None:
    """However many clients have a disk that does not come back, the end waits a second for all of them together."""
    end_of(
        world,
        """
native_sleep = {
    "threads": lambda: time.sleep,
    "gevent": lambda: __import__("gevent.monkey").monkey.get_original("time", "sleep"),
    "eventlet": lambda: eventlet.patcher.original("time").sleep,
}[world]()

class Cache:
    def load(self):
        return None

    def save(self, payload):
        saving.append(1)
        native_sleep(60)

saving = []
clients = [make(cache=Cache()) for _ in range(5)]
for client in clients:
    assert client.wait_ready(20)
wait_for(lambda: len(saving) == 5)
print("bye", flush=True)
""",
        hold_open(b'{"n": 1}'),
        tmp_path / "cache",
    )


@pytest.mark.parametrize("world", WORLDS)
def test_terminated_with_a_handler_that_closes(world: str, tmp_path: Path) -> None:
    """A SIGTERM handler may close and leave, whatever it interrupts: the event loop itself, if that is green."""
    end_of(
        world,
        """
def handler(number, frame):
    client.close()
    sys.exit(0)

signal.signal(signal.SIGTERM, handler)
client = make()
client.get_int("n")
wait_for(lambda: client.get_int("n", -1) == 19 and saved())
print("bye", flush=True)
green_sleep(60)
""",
        TWENTY,
        tmp_path / "cache",
        signalled=True,
    )

    assert {"n": 19} == saved_in(tmp_path / "cache")


@pytest.mark.parametrize("world", ["gevent patched", "gevent unpatched"])
def test_terminated_with_a_handler_of_gevent(world: str, tmp_path: Path) -> None:
    """The same for a handler that gevent runs in a greenlet of its own."""
    end_of(
        world,
        """
import gevent.event
done = gevent.event.Event()

def stop():
    client.close()
    done.set()

gevent.signal_handler(signal.SIGTERM, stop)
client = make()
client.get_int("n")
wait_for(lambda: client.get_int("n", -1) == 19 and saved())
print("bye", flush=True)
assert done.wait(60)
""",
        TWENTY,
        tmp_path / "cache",
        signalled=True,
    )

    assert {"n": 19} == saved_in(tmp_path / "cache")


@pytest.mark.parametrize("world", WORLDS)
def test_end_of_a_child(world: str, tmp_path: Path) -> None:
    """A child that ends normally without having read leaves its parent's file and connection alone."""
    with (
        ScriptedServer(counting) as server,
        start_script(
            prologue(world)
            + """
client = make()
assert client.wait_ready(20)
child = os.fork()
if not child:
    sys.exit(0)
join(child)
seen = client.status().events
wait_for(lambda: client.status().events > seen + 10)
assert client.status().connects == 1
""",
            server.base_url,
            tmp_path / "cache",
            "",
        ) as process,
    ):
        output, errors = process.communicate(timeout=PATIENCE)

        assert (0, "", "") == (process.returncode, output, errors)
        assert cache_file(tmp_path / "cache", server.base_url).exists()
        assert 1 == len(server.connections)
