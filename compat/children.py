"""
The ways in which a worker makes children, and what such a child does: read until it has a value, and write down what it
saw.

As a program, `python -m compat.children <release>`, it is such a child with a client of its own.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from compat.host import Host

__all__ = ["WAYS", "Child", "make_child", "report_of", "wait_for_release"]

Child: TypeAlias = Callable[[], None]
PATIENCE = 30.0
POLL = 0.01


def make_child(how: str, child: Child, release: str, host: Host) -> dict[str, Any] | None:
    """
    Make a child in this way and wait until it has gone; what it reported, `None` for nothing.

    Args:
        how: One of `WAYS`.
        child: What a forked one does; another program knows by itself.
        release: The file that lets it go.
        host: Waits by polling, because a green worker must go on meanwhile.
    """
    is_gone, kill = WAYS[how](child, release, host)
    deadline = time.monotonic() + PATIENCE + 10
    while not is_gone():
        if time.monotonic() > deadline:
            kill()
        host.pause(POLL)
    try:
        found: dict[str, Any] = json.loads(report_of(release).read_text("utf-8"))
    except FileNotFoundError:
        return None
    return found


def report_of(release: str) -> Path:
    """Where a child writes what it saw."""
    return Path(f"{release}.report")


def wait_for_release(release: str, read: Callable[[], int], host: Host) -> None:
    """Wait until the file is there, and what is read has come up to the value in it; or for half a minute."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            if read() >= int(Path(release).read_text("ascii")):
                return
        except FileNotFoundError:
            pass
        host.pause(POLL)


_Handle: TypeAlias = tuple[Callable[[], bool], Callable[[], object]]


def _fork(child: Child, release: str, host: Host) -> _Handle:
    grandparent = os.getppid()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            _leave(host, grandparent)
            child()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    return lambda: os.waitpid(pid, os.WNOHANG) != (0, 0), lambda: os.kill(pid, 9)


def _multiprocessing(child: Child, release: str, host: Host) -> _Handle:
    grandparent = os.getppid()

    def run() -> None:
        _leave(host, grandparent)
        child()

    process = multiprocessing.get_context("fork").Process(target=run)
    process.start()
    return lambda: process.exitcode is not None, process.kill


def _subprocess(child: Child, release: str, host: Host) -> _Handle:
    variables = {**os.environ, "COMPAT_BACKEND": "auto"}  # what the other program is made of is its own matter
    process = subprocess.Popen([sys.executable, "-m", "compat.children", release], env=variables)
    return lambda: process.poll() is not None, process.kill


def _leave(host: Host, grandparent: int) -> None:
    # Gunicorn's own greenlet survives in a green child, and ends it when it sees that the parent is another.
    os.getppid = lambda: grandparent
    host.leave()


WAYS: Mapping[str, Callable[[Child, str, Host], _Handle]] = {
    "fork": _fork,
    "multiprocessing": _multiprocessing,
    "subprocess": _subprocess,
}


if __name__ == "__main__":
    from compat.questions import client_from_environment, report_as_child

    report_as_child(client_from_environment(), sys.argv[1], Host())
