"""`soasap demo` as a process: what it says, how it ends, and what it leaves behind."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from tests.waiting import wait_until

__all__ = ["Demo", "demo", "read_all", "without_colours"]


class Demo:
    """A demo process; what it says goes to a file, and its temporary files to a directory of ours."""

    def __init__(self, tmp_path: Path, options: list[str], environment: dict[str, str], stdout: int | None) -> None:
        self.directory = tmp_path / "temporary"
        self.directory.mkdir()
        self._said = tmp_path / "said"
        with self._said.open("wb") as said:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "soasap", "demo", *options],
                stdin=subprocess.DEVNULL,
                stdout=said if stdout is None else stdout,
                stderr=said,
                env={**os.environ, "TMPDIR": str(self.directory), **environment},
            )

    def lines(self) -> list[str]:
        """What it has said so far."""
        return self._said.read_text().splitlines()

    def wait_line(self, part: str) -> str:
        """Wait for a line with this part in it."""
        wait_until(lambda: any(part in line for line in self.lines()), timeout=60, message=part)
        return next(line for line in self.lines() if part in line)

    def leftovers(self) -> list[str]:
        """Temporary files, and processes that were started on one."""
        found = [str(path) for path in self.directory.iterdir()]
        for process in Path("/proc").glob("[0-9]*"):
            try:
                command = (process / "cmdline").read_bytes()
            except OSError:
                continue
            if str(self.directory).encode() in command:
                found.append(command.decode())
        return found


@contextmanager
def demo(
    tmp_path: Path, *options: str, environment: dict[str, str] | None = None, stdout: int | None = None
) -> Iterator[Demo]:
    """Run the demo; end it and the server it started, if they are still there."""
    running = Demo(tmp_path, list(options), environment or {}, stdout)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.process.terminate()
            try:
                running.process.wait(30)
            except subprocess.TimeoutExpired:
                running.process.kill()
                running.process.wait()


def read_all(terminal: IO[bytes]) -> bytes:
    """Everything until the other side is closed."""
    shown = b""
    while True:
        try:
            piece = terminal.read(65536)
        except OSError:  # how Linux says that nobody has the other side open
            return shown
        if not piece:
            return shown
        shown += piece


def without_colours(shown: bytes) -> str:
    """What a terminal was told, as text alone."""
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown.decode())
