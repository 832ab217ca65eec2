"""Two hundred changes a second: every one arrives, in order, the last one wins, and the disk is left in peace."""

from __future__ import annotations

import json
import time
from itertools import pairwise
from pathlib import Path

import pytest

from soasap._sansio.debounce import Debounce
from tests.clients import API_KEY, cache_file
from tests.flagserver import Connection, ScriptedServer
from tests.scripts import PATIENCE, start_script

pytestmark = pytest.mark.slow

CHANGES_PER_SECOND = 200
SECONDS = 8
CHANGES = CHANGES_PER_SECOND * SECONDS

INTERVAL = 2.5
"""Seconds between two writes, at least."""

FOLLOW = f"""
import sys
base_url, directory, backend = sys.argv[1:]
if backend == "gevent":
    from gevent import monkey; monkey.patch_all()
import json, time
from soasap import create_soasap_client

client = create_soasap_client(
    api_key={API_KEY!r}, base_url=base_url, cache_directory=directory, on_error=print, backend=backend
)
seen = []
client._store.sinks.append(lambda run, previous, current: seen.append(current.flags["n"]))
assert client.wait_ready(30)
deadline = time.monotonic() + 50
while not client.get_bool("last"):
    assert time.monotonic() < deadline, client.status()
    time.sleep(0.01)
status = client.status()
client.close()
print(json.dumps([seen == list(range(len(seen))), len(seen), client.get_int("n"), status.connects, status.errors]))
"""


def changes(connection: Connection, index: int) -> None:
    """So many changes, evenly; the last one says so."""
    connection.head()
    begun = time.monotonic()
    for n in range(CHANGES):
        connection.flags({"n": n, "last": n == CHANGES - 1})
        time.sleep(max(0.0, begun + (n + 1) / CHANGES_PER_SECOND - time.monotonic()))
    connection.hang()


def versions(path: Path, seen: dict[int, float]) -> None:
    """Note the file's present version: each write makes a new file, by whose own times they are told apart."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return
    seen[status.st_mtime_ns] = status.st_mtime


@pytest.mark.parametrize("backend", ["threads", "gevent"])
def test_every_change_arrives_and_few_are_written(backend: str, tmp_path: Path) -> None:
    """
    Of 1,600 changes in 8 s none is missing or out of order; the file is written once per 2.5 s, and at the end.

    The end of the process is the only write that does not wait: it is left out of the intervals.
    """
    written: dict[int, float] = {}
    with (
        ScriptedServer(changes) as server,
        start_script(FOLLOW, server.base_url, tmp_path, backend) as process,
    ):
        path = cache_file(tmp_path, server.base_url)
        deadline = time.monotonic() + PATIENCE
        while process.poll() is None and time.monotonic() < deadline:
            versions(path, written)
            time.sleep(0.02)
        output, errors = process.communicate(timeout=PATIENCE)

    assert (0, "") == (process.returncode, errors)
    assert [True, CHANGES, CHANGES - 1, 1, 0] == json.loads(output)
    assert {"n": CHANGES - 1, "last": True} == json.loads(path.read_bytes())

    versions(path, written)
    times = sorted(written.values())
    assert 2 <= len(times) <= 2 + SECONDS / INTERVAL + 1
    # A file's time is from a clock of 4 ms steps, and taken when the file is made: a little before the write is over.
    assert all(later - earlier >= INTERVAL - 0.05 for earlier, later in pairwise(times[:-1]))


def test_a_minute_of_changes_is_written_24_times() -> None:
    """By the numbers alone: of a change every 5 ms for a minute, one in 2.5 s is let through, the first at once."""
    debounce = Debounce()
    writes = []
    for step in range(60 * CHANGES_PER_SECOND):
        now = step / CHANGES_PER_SECOND
        if debounce.wait(now) == 0:
            writes.append(now)
            debounce.saved(now)

    assert [number * INTERVAL for number in range(24)] == writes
