"""
The wall clock is set, a day forward and three days back, while flags stream: nothing bursts and nothing pauses.

Only the client's own process sees it. Everything in Python asks `time.time` (or makes a `datetime`, which is shown to
people and never computed with), so that is what is set; the file system's clock, by which the writes are judged here,
goes on as it is.
"""

from __future__ import annotations

import json
import threading
import time
from itertools import pairwise
from pathlib import Path

import pytest

from tests.clients import API_KEY, cache_file
from tests.flagserver import Connection, ScriptedServer
from tests.scripts import PATIENCE, start_script

pytestmark = pytest.mark.slow

FOLLOW = f"""
import sys, time
base_url, directory, backend = sys.argv[1:]
if backend == "gevent":
    from gevent import monkey; monkey.patch_all()
true_time, shift = time.time, [0.0]
time.time = lambda: true_time() + shift[0]
import json
from soasap import create_soasap_client

client = create_soasap_client(
    api_key={API_KEY!r}, base_url=base_url, cache_directory=directory, on_error=print, backend=backend
)
seen = []
client._store.sinks.append(lambda run, previous, current: seen.append(current.flags["n"]))
assert client.wait_ready(30)
assert abs(time.time() - true_time()) < 1
ages = []
deadline = time.monotonic() + 50
while not client.get_bool("last"):
    assert time.monotonic() < deadline, client.status()
    shift[0] = 86400.0 * client.get_int("days")
    ages.append(client.status().snapshot_age)
    time.sleep(0.01)
status = client.status()
client.close()
print(json.dumps([seen, status.connects, status.errors, min(ages), bool(shift[0])]))
"""

DAYS = [[0, 1, -3], [0, 1]]
"""By connection: how far the clock is off, in turn."""

EVENTS = 200
STEP = 0.01
"""Seconds between two events: 2 s with each clock."""


def set_the_clock(cuts: list[float]) -> ScriptedServer:
    """A server that has the clock set with its events; it notes when it cuts the first of two connections."""

    def script(connection: Connection, index: int) -> None:
        connection.head()
        n = EVENTS * sum(map(len, DAYS[:index]))
        for days in DAYS[index]:
            for _ in range(EVENTS):
                connection.flags({"n": n, "days": days, "last": n == EVENTS * 5 - 1})
                n += 1
                time.sleep(STEP)
        if index == len(DAYS) - 1:
            connection.hang()
        cuts.append(time.monotonic())
        connection.end()

    return ScriptedServer(script)


def watch(path: Path, written: set[float], over: threading.Event) -> None:
    """Note when the file was written, by its own time."""
    while not over.wait(0.02):
        if path.exists():
            written.add(path.stat().st_mtime)


@pytest.mark.parametrize("backend", ["threads", "gevent"])
def test_wall_clock_is_set(backend: str, tmp_path: Path) -> None:
    """Every event arrives, each reconnect comes in its time, and so does each write of the file."""
    cuts: list[float] = []
    written: set[float] = set()
    over = threading.Event()
    with (
        set_the_clock(cuts) as server,
        start_script(FOLLOW, server.base_url, tmp_path, backend) as process,
    ):
        path = cache_file(tmp_path, server.base_url)
        watcher = threading.Thread(target=watch, args=(path, written, over))
        watcher.start()
        try:
            output, errors = process.communicate(timeout=PATIENCE + 60)
        finally:
            over.set()
            watcher.join()
        _, second = server.connections

    assert (0, "") == (process.returncode, errors)
    assert [list(range(EVENTS * 5)), 2, 0] == json.loads(output)[:3]
    youngest, was_off = json.loads(output)[3:]
    assert youngest >= 0
    assert was_off

    assert 0 <= second.accepted - cuts[0] < 1.9 + 8
    gaps = [later - earlier for earlier, later in pairwise(sorted(written)[:-1])]  # the last is the flush at the end
    assert len(gaps) >= 2
    assert min(gaps) >= 2.5 - 0.05
    assert max(gaps) < 2.5 + 1.9 + 8
