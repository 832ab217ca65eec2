"""A server of ours as a process, seen from its parent: started, known by its first line, stopped by its pid."""

from __future__ import annotations

import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["ListeningProcess"]


class ListeningProcess:
    """
    Runs a command until `stop` or `kill`; a context manager that kills.

    Args:
        command: What to run. Its first line on stdout must be `NAME: URL VERB ...`.
        name: The name in that line.
        verb: The verb in that line.
        errors: Where its stderr goes; a file, or `None` for ours.
        environ: Its environment; ours if not given.
        ready_timeout: Seconds until its first line must be there.

    Attributes:
        first_line: What it said first.
        url: The `base_url` for clients.

    Raises:
        RuntimeError: It ended, or did not say that it listens, in time.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        name: str,
        verb: str,
        errors: IO[Any] | None = None,
        environ: Mapping[str, str] | None = None,
        ready_timeout: float = 30.0,
    ) -> None:
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, env=environ
        )
        assert self._process.stdout is not None
        self._stdout: IO[bytes] = self._process.stdout
        self.first_line = ""
        # A thread, because a pipe cannot be read with a timeout on every platform.
        reader = threading.Thread(target=self._read_first_line, name=f"{name} stdout", daemon=True)
        try:
            reader.start()
            reader.join(ready_timeout)
            if f" {verb} " not in self.first_line:
                self.kill()
                raise RuntimeError(f"{name} did not start (exit status {self._process.returncode})")
        except BaseException:  # Ctrl-C while it starts: nobody else knows of it yet
            self.kill()
            raise
        self.url = self.first_line.split(f" {verb} ", 1)[0].removeprefix(f"{name}: ")

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def send(self, number: int) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def stop(self, number: int = signal.SIGTERM, *, timeout: float = 20.0) -> int:
        """Send it a signal and wait for its end; its exit status. Kills it after `timeout` seconds."""
        self._process.send_signal(number)
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        finally:
            self._stdout.close()

    def kill(self) -> None:
        """End it without warning, as a crash would. Idempotent."""
        self._process.kill()
        self._process.wait()
        self._stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def _read_first_line(self) -> None:
        try:
            self.first_line = self._stdout.readline().decode(errors="replace").strip()
        except (OSError, ValueError):  # closed under us by kill()
            pass
