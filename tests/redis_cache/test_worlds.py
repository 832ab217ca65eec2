"""However a process is patched, Redis is asked where that works, and nobody else waits for the answer."""

from __future__ import annotations

from pathlib import Path

import pytest
import trustme

from tests.flagserver import ScriptedServer, hold_open
from tests.redis_cache.entries import PATIENCE
from tests.redis_server import RedisServer
from tests.scripts import run_script

WORLDS = {
    "threads": "",
    "gevent, patched": "from gevent import monkey; monkey.patch_all()",
    "gevent, patched late": "import soasap.redis, redis, urllib3\nfrom gevent import monkey; monkey.patch_all()",
    "gevent, all but thread": "from gevent import monkey; monkey.patch_all(thread=False)",
    "gevent, thread alone": "from gevent import monkey; monkey.patch_thread()",
    "gevent, unpatched": "options = {'backend': 'gevent'}",
    "eventlet, patched": "import eventlet; eventlet.monkey_patch()",
    "eventlet, patched late": "import soasap.redis, redis, urllib3\nimport eventlet; eventlet.monkey_patch()",
    "eventlet, all but thread": "import eventlet; eventlet.monkey_patch(thread=False)",
    "eventlet, unpatched": "options = {'backend': 'eventlet'}",
}
"""First lines of programs."""

IN_TASK = {"gevent, patched", "gevent, patched late", "eventlet, patched", "eventlet, patched late"}
"""Where the calls stay in a green task, on the main thread. Elsewhere they have a thread of their own, or a pool's."""

PROGRAM = """
import warnings
warnings.simplefilter("ignore")
options = {}
%s
import os, signal, sys, threading, time
from soasap import create_soasap_client
from soasap.redis import RedisSnapshotCache

api_key, base_url, redis_url, pid, patience = sys.argv[1:]

def client_of(**more):
    cache = RedisSnapshotCache(redis_url, connect_timeout=float(patience), timeout=float(patience))
    return create_soasap_client(api_key=api_key, base_url=base_url, cache=cache, **options, **more)

def sleep(seconds):
    if options.get("backend") == "gevent" or "gevent" in sys.modules:
        import gevent
        gevent.sleep(seconds)
    elif "eventlet" in sys.modules or options:
        import eventlet
        eventlet.sleep(seconds)
    else:
        time.sleep(seconds)
"""


def run(world: str, source: str, *arguments: object) -> str:
    """What a program printed in this world."""
    return run_script(PROGRAM % WORLDS[world] + source, *arguments)


@pytest.mark.parametrize("world", WORLDS)
def test_load_stream_and_save(world: str, tmp_path: Path, ca: trustme.CA, ca_file: str) -> None:
    """Over TLS three clients in a row load and save what fits their world, on the right thread, and nothing fails."""
    flags = b'{"n": 2}'
    with RedisServer(tmp_path, tls=ca) as tls_server, ScriptedServer(hold_open(flags)) as service:
        url = f"{tls_server.url}?ssl_ca_certs={ca_file}"
        output = run(
            world,
            """
seen, threads = [], set()
for call in ("load", "save"):
    def noting(*arguments, original=getattr(RedisSnapshotCache, call)):
        threads.add(threading.get_native_id() == os.getpid())  # of the main thread they are equal
        return original(*arguments)
    setattr(RedisSnapshotCache, call, noting)
for _ in range(3):
    with client_of() as client:
        client._store.sinks.append(lambda run, previous, current: seen.append(current.source))
        assert client.wait_ready(20), client.status()
        client.close()
        assert client.status().errors == 0, client.status()
print(seen, threads)
""",
            *("sk-1", service.base_url, url, tls_server.pid, PATIENCE),
        )

    assert f"['stream', 'disk', 'stream', 'disk', 'stream'] {{{world in IN_TASK}}}\n" == output


@pytest.mark.slow
@pytest.mark.parametrize("world", WORLDS)
def test_nobody_waits_for_a_redis_that_hangs(world: str, server: RedisServer) -> None:
    """While the first load waits two seconds for Redis, others run: green tasks tick, and reads answer."""
    with ScriptedServer(hold_open(b'{"n": 2}')) as service:
        server.pause()
        output = run(
            world,
            """
client = client_of()
longest, last, ticks = 0.0, time.monotonic(), 0
while client.get_int("n") == 0:
    sleep(0.01)
    now = time.monotonic()
    longest, last, ticks = max(longest, now - last), now, ticks + 1
os.kill(int(pid), signal.SIGCONT)
client.close()
print(client.get_int("n"), longest < 1.2, ticks > 20, client.status().errors)
""",
            *("sk-1", service.base_url, server.url, server.pid, 2.0),
        )

        assert "2 True True 1\n" == output
