"""
Programs that fork while they stream: what their prologue defines, and the service they talk to.

A program is `prologue(world)` and a test's own lines. It is run by `run_forking`, in a fresh interpreter.
"""

from __future__ import annotations

import time
from pathlib import Path

from tests.clients import API_KEY
from tests.flagserver import Connection, ScriptedServer
from tests.scripts import PATIENCE, run_script, start_script

WORLDS = {
    "threads": "world, backend, green_sleep, waitpid = 'threads', 'auto', time.sleep, os.waitpid",
    # Its `os.fork` hears of children from its first watcher on, and never of one that was quicker than that.
    "gevent patched": """
from gevent import monkey
monkey.patch_all()
import gevent.os
gevent.get_hub().loop.install_sigchld()
world, backend, green_sleep, waitpid = 'gevent', 'auto', gevent.sleep, gevent.os.waitpid
""",
    "gevent unpatched": """
import gevent.os
world, backend, green_sleep, waitpid = 'gevent', 'gevent', gevent.sleep, gevent.os.waitpid
""",
    "eventlet patched": """
import eventlet
eventlet.monkey_patch()
world, backend, green_sleep, waitpid = 'eventlet', 'auto', eventlet.sleep, os.waitpid
""",
    "eventlet unpatched": """
import eventlet
world, backend, green_sleep, waitpid = 'eventlet', 'eventlet', eventlet.sleep, os.waitpid
""",
}
"""How a process may be patched, and what is said first in it."""

_COMMON = f"""
from soasap import create_soasap_client
base_url, directory, ca_file = sys.argv[1:4]
warnings.resetwarnings()
warnings.simplefilter("error")
warnings.filterwarnings("ignore", "This process")  # of Python 3.12: a fork in a process with threads
warnings.filterwarnings("ignore", "Using fork")  # of eventlet, for the same reason as ours to deprecate it
warnings.filterwarnings("ignore", 'backend="eventlet"')

def make(**options):
    options = {{"backend": backend, **options}}
    return create_soasap_client(
        api_key={API_KEY!r}, base_url=base_url, cache_directory=directory, ca_file=ca_file or None, **options
    )

def wait_for(condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        green_sleep(0.002)

def fork(function, how=None):
    "Run a function in a child, which then ends without any clean-up; the child's process id."
    child = (how or os.fork)()
    if child:
        return child
    signal.alarm(40)  # a child that hangs must not outlive the test
    code = 1
    try:
        function()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)

def join(child):
    ended = []
    wait_for(lambda: ended.append(waitpid(child, os.WNOHANG)) or ended[-1][0])
    assert ended[-1][1] == 0, f"the child ended with {{ended[-1][1]}}"

def stream_alone():
    "What every child can: know nothing of its parent's stream, and have one of its own."
    assert "idle" in repr(client), repr(client)
    assert client.wait_ready(20), client.status()
    status = client.status()
    assert (status.backend, status.pid, status.connects, status.errors) == (world, os.getpid(), 1, 0), status
    first = client.get_int("n")
    wait_for(lambda: client.get_int("n") > first + 10)

def close_alone():
    "Stream, and close: prompt, and nothing left."
    stream_alone()
    run = client._supervisor.run
    started = time.monotonic()
    client.close()
    assert time.monotonic() - started < 2, time.monotonic() - started
    assert not [task for task in run.tasks if task.alive()], run.tasks
"""


def prologue(world: str) -> str:
    """The first lines of a program in one of `WORLDS`."""
    # The green libraries have warnings of their own about patching and about themselves.
    first = "import json, os, signal, sys, time, traceback, warnings\nwarnings.simplefilter('ignore')\n"
    return first + WORLDS[world] + _COMMON


def run_forking(world: str, source: str, base_url: str, directory: Path, ca_file: str = "", *more: object) -> str:
    """Run a program to its end; what it printed."""
    return run_script(prologue(world) + source, base_url, directory, ca_file, *more)


def counting(connection: Connection, index: int) -> None:
    """A change every 5 ms."""
    connection.head()
    for number in range(1_000_000):
        connection.flags({"n": number, "connection": index})
        time.sleep(0.005)


def silent(connection: Connection, index: int) -> None:
    """No answer at all."""
    connection.hang()


def expect_undisturbed(forking: str) -> str:
    """Lines of a program: stream, fork in this way, and look whether the parent has missed anything."""
    return f"""
client = make()
seen = []
client._store.sinks.append(lambda run, previous, current: seen.append(current.flags["n"]))
assert client.wait_ready(20), client.status()
{forking}
count = len(seen)
wait_for(lambda: len(seen) > count + 10)
status = client.status()
client.close()
assert seen == list(range(seen[0], seen[-1] + 1)), seen
print(json.dumps([seen[0], status.connects, status.errors, status.state]))
"""


UNDISTURBED = [0, 1, 0, "live"]
"""What such a program prints."""


def expect_quiet_child(world: str, directory: Path) -> None:
    """Have a child that never reads, close the parent's client meanwhile, and look at the server's end."""
    source = """
client = make()
assert client.wait_ready(20)
hears, told = os.pipe()

def stay():
    known = client._store.known()
    green_sleep(0.2)  # an inherited greenlet would go on with the parent's stream
    assert "idle" in repr(client), repr(client)
    assert client._store.known() is known
    os.write(told, b".")
    green_sleep(30)

child = fork(stay)
os.close(told)
assert os.read(hears, 1) == b".", "the child failed"
client.close()
print("closed", flush=True)
sys.stdin.read()
os.kill(child, signal.SIGKILL)
"""
    with (
        ScriptedServer(counting) as server,
        start_script(prologue(world) + source, server.base_url, directory, "") as process,
    ):
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stderr is not None
        line = process.stdout.readline()
        ended = line and server.connections[0].wait_closed(5.0)
        process.stdin.close()

        assert "closed\n" == line, process.stderr.read()
        assert ended, "the child keeps the connection open"
        assert 0 == process.wait(PATIENCE)
        assert 1 == len(server.connections)
