"""nginx and the proxy once more, with the client in a process that gevent has patched."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PATIENCE = 900.0


@pytest.mark.parametrize("file", ["test_nginx.py", "test_proxy.py"])
def test_same_under_gevent(file: str) -> None:
    """What holds with threads holds there."""
    command = [sys.executable, "-m", "tests.green", "gevent", "-q", f"compat/front/{file}"]
    done = subprocess.run(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=PATIENCE, check=False
    )
    summary = done.stdout.rstrip().rpartition("\n")[2]

    assert 0 == done.returncode, done.stdout
    if "passed" not in summary:
        pytest.skip(f"as without gevent: {summary}")  # with CI=true a missing program has failed above
