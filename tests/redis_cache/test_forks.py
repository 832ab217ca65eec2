"""Forks with a cache in Redis: the child loads and saves by itself, and its parent's save goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.concurrency.forking import WORLDS, counting, run_forking
from tests.flagserver import ScriptedServer
from tests.redis_cache.entries import PATIENCE, entry, payload
from tests.redis_server import RedisServer

PROGRAM = f"""
from soasap.redis import RedisSnapshotCache
url, pid = sys.argv[4], int(sys.argv[5])
client = make(cache=RedisSnapshotCache(url, connect_timeout={PATIENCE}, timeout={PATIENCE}))
given = client._supervisor._crew._given
assert client.wait_ready(20), client.status()
wait_for(lambda: given.saved)

def save_alone():
    stream_alone()
    assert given.load(), "the parent's flags"
    client.close()
    assert json.loads(given.saved)["n"] == client.get_int("n")
    assert json.loads(given.load())["connection"] >= 0
    assert client.status().errors == 0, client.status()
"""


@pytest.mark.parametrize("world", WORLDS)
def test_child_loads_and_saves_by_itself(world: str, server: RedisServer, tmp_path: Path) -> None:
    """Children use Redis through connections of their own, and so does their parent afterwards; none fails."""
    program = f"""{PROGRAM}
for _ in range(3):
    join(fork(save_alone))
client.close()
assert json.loads(given.saved)["n"] == client.get_int("n")
assert client.status().errors == 0, client.status()
"""
    with ScriptedServer(counting) as service:
        run_forking(world, program, service.base_url, tmp_path / "cache", "", server.url, server.pid)

        assert payload(server, entry(service.base_url))


@pytest.mark.slow
@pytest.mark.parametrize("world", WORLDS)
def test_fork_while_a_save_waits_for_its_answer(world: str, server: RedisServer, tmp_path: Path) -> None:
    """A child forked in the middle of a save does not take the answer from its parent, and has no error of it."""
    program = f"""{PROGRAM}
os.kill(pid, signal.SIGSTOP)
wait_for(lambda: given.saved is None)
green_sleep(0.2)  # until the question is out
children = [fork(save_alone)]
green_sleep(0.2)  # an inherited greenlet would wait for the answer too
os.kill(pid, signal.SIGCONT)
wait_for(lambda: given.saved)
join(children[0])
assert client.status().errors == 0, client.status()
client.close()
"""
    with ScriptedServer(counting) as service:
        run_forking(world, program, service.base_url, tmp_path / "cache", "", server.url, server.pid)
