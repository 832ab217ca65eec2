"""Forks under the eventlet backend: best effort, as eventlet advises against them; this much holds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import trustme

from tests.concurrency.forking import UNDISTURBED, counting, expect_quiet_child, expect_undisturbed, run_forking
from tests.flagserver import ScriptedServer

BOTH = ("eventlet patched", "eventlet unpatched")

FORKS = {
    "os.fork": "join(fork(stream_alone))",
    "grandchild": "join(fork(lambda: (stream_alone(), join(fork(stream_alone)))))",
    "in a green thread": "join(eventlet.spawn(lambda: fork(stream_alone)).wait())",
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
}

CHILDREN = {"grandchild": 2, "subprocess": 0}
"""How many children stream, where it is not one."""


@pytest.mark.parametrize("forking", FORKS)
@pytest.mark.parametrize("world", BOTH)
def test_child_streams_and_parent_misses_nothing(
    world: str, forking: str, ca: trustme.CA, ca_file: str, tmp_path: Path
) -> None:
    """Each child opens a stream of its own; the parent's goes on without a hole, a reconnect or an error."""
    with ScriptedServer(counting, tls=ca) as server:
        output = run_forking(world, expect_undisturbed(FORKS[forking]), server.base_url, tmp_path / "cache", ca_file)

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
def test_child_that_never_reads(world: str, tmp_path: Path) -> None:
    """A child that reads nothing runs nothing of ours, and keeps no connection of its parent's open."""
    expect_quiet_child(world, tmp_path)
