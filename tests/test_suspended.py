"""
A process that is suspended, with SIGSTOP here, and wakes up when all its times are over: no burst, whatever was due.

A laptop's lid or a paused virtual machine does the same for an hour; what makes the difference is that every time-out,
pause and save fell due meanwhile, and so they are short here.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.addresses import free_port
from tests.clients import API_KEY
from tests.flagserver import Connection, Script, ScriptedServer
from tests.scripts import PATIENCE, start_script
from tests.waiting import wait_until

pytestmark = pytest.mark.slow

SUSPENDED = 3.0
"""Seconds: beyond the read time-out, the least interval of saves, and most first pauses between attempts."""

READ_TIMEOUT = 1.5

FOLLOW = f"""
import sys
base_url, directory, backend = sys.argv[1:]
if backend == "gevent":
    from gevent import monkey; monkey.patch_all()
import json, logging, time
logging.getLogger("soasap").addHandler(logging.NullHandler())
from soasap import create_soasap_client

client = create_soasap_client(
    api_key={API_KEY!r}, base_url=base_url, cache_directory=directory, backend=backend, read_timeout={READ_TIMEOUT},
    response_timeout=5,
)
deadline = time.monotonic() + 50
while not (client.status().events or client.status().errors):
    time.sleep(0.01)
print("begun", flush=True)
while not client.get_bool("last"):
    assert time.monotonic() < deadline, client.status()
    time.sleep(0.01)
status = client.status()
client.close()
print(json.dumps([status.connects, status.errors, client.get_int("n")]))
"""


@pytest.fixture(params=["threads", "gevent"])
def backend(request: pytest.FixtureRequest) -> str:
    """Of the process that is suspended."""
    name: str = request.param
    return name


@contextlib.contextmanager
def following(base_url: str, directory: Path, backend: str) -> Iterator[subprocess.Popen[str]]:
    """A process with a client that streams until a flag says that this was the last event."""
    with start_script(FOLLOW, base_url, directory, backend) as process:
        try:
            assert process.stdout is not None
            assert "begun\n" == process.stdout.readline()
            yield process
        except BaseException:
            process.kill()
            raise


def suspend(process: subprocess.Popen[str]) -> None:
    """Stop the process, all threads of it."""
    os.kill(process.pid, signal.SIGSTOP)
    wait_until(lambda: "T" == state(process.pid), message="the process to stop")


def resume(process: subprocess.Popen[str]) -> None:
    os.kill(process.pid, signal.SIGCONT)


def state(pid: int) -> str:
    """One letter, by Linux: T for stopped."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def told(process: subprocess.Popen[str]) -> list[int]:
    """Streams opened, errors, and the last value of the flag `n`."""
    output, errors = process.communicate(timeout=PATIENCE)

    assert (0, "") == (process.returncode, errors)
    found: list[int] = json.loads(output)
    return found


def lively(until: dict[str, bool]) -> Script:
    """Changes ten times a second; one second of them after `until` has it that the end is near."""

    def script(connection: Connection, index: int) -> None:
        connection.head()
        left = 10
        n = 0
        while left:
            n += 1
            left -= until["over"]
            connection.flags({"n": n, "last": not left})
            time.sleep(0.1)
        connection.hang()

    return script


def test_stream_goes_on(backend: str, tmp_path: Path) -> None:
    """
    If the connection outlives the suspension, what came meanwhile is read, and silence is not concluded from it.

    Under gevent the hub may see first that the time is up, and then that bytes are there: that is one reconnect.
    """
    until = {"over": False}
    with (
        ScriptedServer(lively(until)) as server,
        following(server.base_url, tmp_path, backend) as process,
    ):
        suspend(process)
        time.sleep(SUSPENDED)
        resume(process)
        until["over"] = True
        connects, errors, n = told(process)

        assert connects in ({1} if backend == "threads" else {1, 2})
        assert (connects - 1, connects) == (errors, len(server.connections))
        assert n >= 10


def test_stream_was_cut(backend: str, tmp_path: Path) -> None:
    """If it was cut meanwhile, there is one reconnect, and flags are fresh a moment after waking up."""
    until = {"over": False}

    def script(connection: Connection, index: int) -> None:
        if index:
            lively(until)(connection, index)
            return
        connection.head()
        connection.flags({"n": 0})
        connection.hang()

    with (
        ScriptedServer(script) as server,
        following(server.base_url, tmp_path, backend) as process,
    ):
        suspend(process)
        server.connections[0].reset()
        time.sleep(SUSPENDED)
        assert 1 == len(server.connections)
        resume(process)
        until["over"] = True
        connects, errors, n = told(process)

        assert (2, 1, 10) == (connects, errors, n)
        assert 2 == len(server.connections)


def test_server_was_away(backend: str, tmp_path: Path) -> None:
    """If the process slept through pauses of an outage, it does not make up for them: one attempt, one stream."""
    port = free_port()
    with following(f"http://127.0.0.1:{port}", tmp_path, backend) as process:
        suspend(process)
        with ScriptedServer(lively({"over": True}), port=port) as server:
            time.sleep(SUSPENDED)
            assert [] == server.connections
            resume(process)
            connects, errors, n = told(process)

            assert (1, 10) == (connects, n)
            assert 1 <= errors <= 2
            assert 1 == len(server.connections)
