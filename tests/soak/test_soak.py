"""The soak itself, for a few seconds: that it runs, that it has something to count, and that it passes."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from tests.scripts import ROOT

pytestmark = pytest.mark.slow

SHORT = ["--minutes", "0.2", "--lives", "4", "9", "--turn", "0.5", "2", "--forks", "1", "2", "--seed", "7"]

# Within seconds nothing has settled, and every stream is too short for a short delay after it.
LENIENT = ["--growth", "50", "--connected", "10"]

BACKENDS = ("threads", "gevent")


@pytest.fixture(scope="module")
def soaks() -> Iterator[dict[str, Future[subprocess.CompletedProcess[str]]]]:
    """By backend; both at once, as they wait most of the time."""

    def soak(backend: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "tests.soak", "--backend", backend, *SHORT, *LENIENT]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False)

    with ThreadPoolExecutor(len(BACKENDS)) as pool:
        yield {backend: pool.submit(soak, backend) for backend in BACKENDS}


@pytest.mark.parametrize("backend", BACKENDS)
def test_soak_passes(backend: str, soaks: dict[str, Future[subprocess.CompletedProcess[str]]]) -> None:
    """A short soak has events, reconnects, children and disk troubles to tell of, and passes."""
    ended = soaks[backend].result()

    assert (0, "") == (ended.returncode, ended.stderr), ended.stdout
    assert "verdict: passed" == ended.stdout.splitlines()[-1]
    for what, least in (("events received", 500), ("connections", 2), ("forked children", 2), ("reads", 1000)):
        found = re.search(rf"^{what} (\d+)", ended.stdout, re.MULTILINE)
        assert found is not None, ended.stdout
        assert least <= int(found[1]), ended.stdout
    assert "slow 1" in ended.stdout
