"""The example of a fleet tells its story to the end, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from compat.environments import ROOT
from compat.processes import MARK, marked
from compat.waiting import eventually
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
    with subprocess.Popen([sys.executable, str(FLEET)], env=environ, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        process.send_signal(number)
        process.stdout.read()

    assert "leads, with the only upstream stream for 6 readers" in first
    assert 0 != process.returncode
    eventually(lambda: not marked(environ[MARK]), "the end of all processes", 15)


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
