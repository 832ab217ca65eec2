"""A thousand clients, one after the other: whoever makes one per request, or per test, is left with nothing of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.clients import API_KEY
from tests.flagserver import ScriptedServer, hold_open
from tests.scripts import run_script

pytestmark = pytest.mark.slow

CLIENTS = 1000

OPEN_AND_CLOSE = f"""
import sys
base_url, directory, backend, count = sys.argv[1:]
if backend == "gevent":
    from gevent import monkey; monkey.patch_all()
import gc, json, os, time, weakref
from soasap import create_soasap_client

def census():
    gc.collect()
    with open("/proc/self/status") as status:
        fields = dict(line.split(":", 1) for line in status)
    memory, threads = int(fields["VmRSS"].split()[0]), int(fields["Threads"])
    return memory, threads, len(os.listdir("/proc/self/fd")), len(gc.get_objects())

def live(number):
    "Some wait for their flags, some are closed while they connect, some before anything began."
    client = create_soasap_client(
        api_key={API_KEY!r}, base_url=base_url, cache_directory=directory, on_error=print, backend=backend,
        preload=number % 3 == 0,
    )
    if number % 2:
        assert client.wait_ready(30), client.status()
        assert client.get_int("n") == 1
    client.close()
    return weakref.ref(client)

for number in range(60):
    live(number)
before = census()
clients = [live(number) for number in range(int(count))]
after = census()
print(json.dumps([before, after, sum(client() is not None for client in clients)]))
"""


@pytest.mark.parametrize("backend", ["threads", "gevent"])
def test_a_thousand_clients_leave_nothing(backend: str, tmp_path: Path, record_property: Any) -> None:
    """Memory, threads and descriptors are after a thousand clients what they were before, and no client is left."""
    with ScriptedServer(hold_open(b'{"n": 1}')) as server:
        output = run_script(OPEN_AND_CLOSE, server.base_url, tmp_path / "cache", backend, CLIENTS)
    before, after, left = json.loads(output)
    record_property("before", before)
    record_property("after", after)

    assert 0 == left
    assert before[1:3] == after[1:3]
    assert after[0] <= before[0] * 1.05
    assert after[3] <= before[3] + CLIENTS + 50  # the thousand are the weak references that `left` is counted from
