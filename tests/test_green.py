"""What bad weather must leave as it was, once more in processes that gevent or eventlet have patched."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from tests.green import Library
from tests.programs import installed

Run: TypeAlias = "tuple[Library, str]"

ROOT = Path(__file__).parent.parent

AT_ONCE = 2
"""Processes that run side by side; they wait most of the time."""

PATIENCE = 600.0

FILES: dict[Library, tuple[str, ...]] = {
    "gevent": (
        "faults/test_network.py",
        "faults/test_protocol.py",
        "faults/test_payload.py",
        "faults/test_disk.py",
        "faults/test_process.py",
        "faults/test_reporting.py",
        "faults/test_security.py",
        "redis_cache/test_outage.py",
        "redis_cache/test_warm_start.py",
        "test_close.py",
        "test_exit.py",
        "test_opener.py",
        "test_payloads.py",
        "test_reconnect.py",
        "test_reports.py",
        "test_streaming.py",
        "test_updates.py",
        "test_warm_start.py",
    ),
    # Deprecated with eventlet itself: what is cheap.
    "eventlet": (
        "faults/test_network.py",
        "faults/test_protocol.py",
        "faults/test_reporting.py",
        "faults/test_security.py",
        "redis_cache/test_outage.py",
        "redis_cache/test_warm_start.py",
        "test_payloads.py",
    ),
}
"""By library: files of this folder that are run there as they are."""

NATIVE: dict[str, str] = {
    "faults/test_process.py::test_no_thread_can_be_started": "greenlets need no threads; the next test there is theirs",
    "faults/test_process.py::test_patched_after_import": "the process is patched already",
    "test_close.py::test_slow_disk": "its disk waits for a green event in a thread of the pool",
    "test_exit.py::test_interrupt_while_waiting": "the signal meets the greenlet that sent it",
    "test_reports.py::test_backend_that_cannot_be_made": "expects native threads by name",
    "test_reports.py::test_handler_runs_on_a_task_of_its_own": "expects a thread by name",
    "test_updates.py::test_a_stream_that_is_faster_than_its_starter": "its backend is one of native threads",
    "test_warm_start.py::test_given_cache_is_loaded_before_connecting": "expects a thread by name",
}
"""Tests that mean native threads, and why. Their promises under green libraries are in `concurrency/contract.py`."""

RUNS = [(library, file) for library, files in FILES.items() for file in files]


@pytest.fixture(scope="module")
def results(request: pytest.FixtureRequest) -> Iterator[Callable[[Run], subprocess.CompletedProcess[str]]]:
    """What pytest said of a file in a green process. Those that were asked for run a little ahead of us."""
    wanted: list[Run] = []
    for item in request.session.items:
        if isinstance(item, pytest.Function) and item.function is test_file_passes_under:
            parameters: Mapping[str, Any] = item.callspec.params
            wanted.append((parameters["library"], parameters["file"]))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        running: dict[Run, Future[subprocess.CompletedProcess[str]]] = {run: pool.submit(green, *run) for run in wanted}
        yield lambda run: running[run].result()
        pool.shutdown(cancel_futures=True)


def green(library: Library, file: str) -> subprocess.CompletedProcess[str]:
    """Run a file of tests in a process that this library has patched."""
    excluded = [f"--deselect=tests/{each}" for each in NATIVE if each.startswith(file)]
    command = [sys.executable, "-m", "tests.green", library, "-q", "--strict-markers", *excluded, f"tests/{file}"]
    return subprocess.run(
        command,
        cwd=ROOT,
        env=dict(os.environ),  # a copy: other tests change ours at the moment when the child takes it over
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.parametrize(("library", "file"), RUNS, ids=[f"{library}, {file}" for library, file in RUNS])
def test_file_passes_under(
    library: Library,
    file: str,
    results: Callable[[Run], subprocess.CompletedProcess[str]],
    record_property: Callable[[str, object], None],
) -> None:
    """Every test of the file passes in a process that this library has patched from its first line on."""
    if file.startswith("redis_cache/"):
        installed("redis-server", "redis-server")
    result = results((library, file))
    summary = result.stdout.rstrip().rpartition("\n")[2]
    record_property("summary", summary)

    assert 0 == result.returncode, result.stdout
    assert " passed" in summary
    assert "skipped" not in summary


def test_every_exception_names_a_test() -> None:
    """What is left out exists, in a file that is run."""
    for name in NATIVE:
        file, _, function = name.partition("::")
        module = importlib.import_module("tests." + file.removesuffix(".py").replace("/", "."))

        assert file in FILES["gevent"]
        assert hasattr(module, function), name
