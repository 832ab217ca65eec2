"""Server processes as their parent sees them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from soasap._devserver.process import ServerProcess
from tests.devserver.flag_files import write_flags

SILENT = (sys.executable, "-c", "import time; print(); time.sleep(600)")
DEAF = (
    sys.executable,
    "-c",
    "import signal, time\n"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "print('soasap serve: http://127.0.0.1:1 serving x', flush=True)\n"
    "time.sleep(600)",
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "flags.json"
    write_flags(path, {"n": 0})
    return path


def test_a_server_that_does_not_start_is_an_error(tmp_path: Path) -> None:
    """A server that ends at once is a `RuntimeError` with its exit status."""
    with (tmp_path / "stderr").open("wb") as errors, pytest.raises(RuntimeError, match="exit status 2"):
        ServerProcess(str(tmp_path / "missing.json"), errors=errors)


def test_a_server_that_says_nothing_is_killed(path: Path) -> None:
    """A process that does not say that it serves is killed and reported."""
    with pytest.raises(RuntimeError, match=r"did not start \(exit status -9\)"):
        ServerProcess(str(path), program=SILENT)


def test_the_context_kills(path: Path) -> None:
    """After the `with` block the process is gone; killing again is harmless."""
    with ServerProcess(str(path)) as server:
        os.kill(server.pid, 0)
    server.kill()
    with pytest.raises(ProcessLookupError):
        os.kill(server.pid, 0)
    with pytest.raises(OSError, match="refused"):
        server.streams()


def test_the_same_port_again(path: Path) -> None:
    """A server that was killed is followed by another on the same port."""
    with ServerProcess(str(path)) as first:
        port = first.port
    with ServerProcess(str(path), port=port, api_key="k") as second:
        assert port == second.port
        assert [] == second.streams()


def test_a_server_that_does_not_stop_is_killed(path: Path) -> None:
    """A process that ignores the signal is killed after the timeout."""
    with ServerProcess(str(path), program=DEAF) as server:
        with pytest.raises(subprocess.TimeoutExpired):
            server.stop(timeout=0.1)
        with pytest.raises(ProcessLookupError):
            os.kill(server.pid, 0)
