"""Programs of the operating system that tests run as processes of their own, on loopback ports of their own."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from tests.waiting import wait_until

__all__ = ["Daemon", "installed"]

START_TIMEOUT = 30.0


def installed(program: str, package: str) -> str:
    """
    Where a program is.

    With CI=true a missing one is a failure; elsewhere the test is skipped.

    Args:
        program: Its name.
        package: Debian's package that has it.
    """
    # Servers live where the PATH of an ordinary user does not look.
    found = shutil.which(program, path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"]))
    if found is None:
        reason = f"{program} is not installed: apt-get install {package}"
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    return found


class Daemon:
    """
    A program that stays in the foreground and listens on one port, started and stopped as often as one likes.

    Args:
        command: How to start it.
        port: Where it will listen on loopback.
        log: What it says goes there, after what it said before.
    """

    def __init__(self, command: list[str], port: int, log: Path) -> None:
        self.port = port
        self._command = command
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it listens."""
        with open(self._log, "ab") as log:
            # A group of its own, so that a worker that outlives its master can be found.
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        try:
            wait_until(self._listens_or_ended, START_TIMEOUT, self._command[0])
            assert self._process.poll() is None, self._log.read_text("utf-8", errors="replace")[-2000:]
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End it and its connections, as a service manager does. Idempotent."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGCONT)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    @property
    def pid(self) -> int:
        """Its process, while it runs."""
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """End it as a crash of its machine does, except that the system closes its connections."""
        process, self._process = self._process, None
        assert process is not None
        process.kill()
        process.wait()

    def pause(self) -> None:
        """Stop it where it is: connections are accepted by the system, and nothing is answered."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def said(self) -> str:
        """Everything in its log."""
        return self._log.read_text("utf-8", errors="replace") if self._log.exists() else ""

    def _listens_or_ended(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            return True
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex(("127.0.0.1", self.port)) == 0
