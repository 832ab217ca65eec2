"""The example of a fleet tells its story to the end, and leaves nothing behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from compat.environments import ROOT
from compat.processes import MARK, marked
from compat.waiting import eventually
from tests.devserver.stream_reader import StreamReader
from tests.programs import installed

FLEET = ROOT / "examples" / "fleet" / "fleet.py"


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """Marked, so that whatever is left can be found."""
    installed("redis-server", "redis-server")
    return {**os.environ, MARK: f"fleet-{tmp_path.name}", "HOME": str(tmp_path)}


def test_it_ends_by_itself(environ: dict[str, str]) -> None:
    """Status 0 and one line that sums it up, with every step before it."""
    ended = subprocess.run(
        [sys.executable, str(FLEET)], env=environ, capture_output=True, text=True, timeout=180, check=False
    )

    assert 0 == ended.returncode, ended.stdout + ended.stderr
    assert ended.stdout.splitlines()[-1].startswith("fleet: ok: 6 readers saw 8 changes and nothing older")
    assert "the leader, is killed with -9" in ended.stdout
    assert "Redis is back, empty" in ended.stdout
    assert set() == marked(environ[MARK])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_is_broken_off(environ: dict[str, str], number: signal.Signals) -> None:
    """Broken off in the middle, it leaves no process behind."""
    with started(environ) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        process.send_signal(number)
        rest, errors = process.communicate(timeout=120)

    assert "leads, with the only upstream stream for 6 readers" in first
    assert (128 + number, "fleet: broken off\n") == (process.returncode, errors), rest
    eventually(lambda: not marked(environ[MARK]), "the end of all processes", 15)


def test_a_second_upstream_stream_is_found(environ: dict[str, str]) -> None:
    """A second upstream stream while nothing is broken is a failure, though it was gone again at the end."""
    with started(environ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        reader = StreamReader(upstream_of_relays(environ[MARK]), headers={"X-API-Key": "fleet-example"})
        try:
            while (line := process.stdout.readline()) and not line.startswith("n = 3"):
                pass
        finally:
            reader.close()
        rest, errors = process.communicate(timeout=180)

    assert 1 == process.returncode, rest + errors
    assert "fleet: FAILED: 2 upstream streams at once, and nothing was broken" == rest.splitlines()[-1]
    eventually(lambda: not marked(environ[MARK]), "the end of all processes", 15)


def started(environ: dict[str, str]) -> subprocess.Popen[str]:
    """The example, running."""
    return subprocess.Popen(
        [sys.executable, str(FLEET)], env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def upstream_of_relays(mark: str) -> str:
    """The address of the flag server, from a relay's command line."""
    commands = [Path(f"/proc/{pid}/cmdline").read_bytes().decode() for pid in marked(mark)]
    found = next(filter(None, (re.search("--upstream\0([^\0]+)", command) for command in commands)))
    return found[1]


def test_without_redis(environ: dict[str, str], tmp_path: Path) -> None:
    """Where redis-server is missing, a sentence says what to install."""
    ended = subprocess.run(
        [sys.executable, str(FLEET)],
        env={**environ, "PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (2, "fleet: redis-server is not installed: apt-get install redis-server\n") == (
        ended.returncode,
        ended.stderr,
    )
