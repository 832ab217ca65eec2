"""A `soasap serve` process seen from its parent: started, asked, stopped by its pid."""

from __future__ import annotations

import json
import signal
import ssl
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Sequence
from typing import IO, Any

__all__ = ["ServerProcess"]


class ServerProcess:
    """
    Runs `python -m soasap serve` on loopback until `stop` or `kill`; a context manager that kills.

    Args:
        path: The flag file.
        port: 0 for a free one.
        api_key: The key to ask for; `None` accepts all.
        options: More options of `soasap serve`.
        program: What to run instead of `python -m soasap`; gets the same arguments.
        errors: Where its stderr goes; a file, or `None` for ours.
        ready_timeout: Seconds until its first line must be there.

    Attributes:
        first_line: What it said first.
        url: The `base_url` for clients.

    Raises:
        RuntimeError: It ended, or did not say that it listens, in time.
    """

    def __init__(
        self,
        path: str,
        *,
        port: int = 0,
        api_key: str | None = None,
        options: Sequence[str] = (),
        program: Sequence[str] = (sys.executable, "-m", "soasap"),
        errors: IO[Any] | None = None,
        ready_timeout: float = 30.0,
    ) -> None:
        self._api_key = api_key
        command = [*program, "serve", path, "--port", str(port), *options]
        if api_key is not None:
            command += ["--api-key", api_key]
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors)
        assert self._process.stdout is not None
        self._stdout: IO[bytes] = self._process.stdout
        self.first_line = ""
        # A thread, because a pipe cannot be read with a timeout on every platform.
        reader = threading.Thread(target=self._read_first_line, name="soasap serve stdout", daemon=True)
        try:
            reader.start()
            reader.join(ready_timeout)
            if " serving " not in self.first_line:
                self.kill()
                raise RuntimeError(f"soasap serve did not start (exit status {self._process.returncode})")
        except BaseException:  # Ctrl-C while it starts: nobody else knows of it yet
            self.kill()
            raise
        self.url = self.first_line.split(" serving ", 1)[0].removeprefix("soasap serve: ")

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def streams(self, context: ssl.SSLContext | None = None) -> list[dict[str, Any]]:
        """
        The open streams, see `soasap._devserver.application.describe`. `OSError` if nobody answers.

        Args:
            context: Trusts the server, if it speaks TLS.
        """
        request = urllib.request.Request(f"{self.url}/api/v1/streams", headers={"X-API-Key": self._api_key or ""})
        # Loopback: whatever proxy the environment names is not meant.
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        )
        with opener.open(request, timeout=10) as response:
            answer: list[dict[str, Any]] = json.load(response)
        return answer

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

    def __enter__(self) -> ServerProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def _read_first_line(self) -> None:
        try:
            self.first_line = self._stdout.readline().decode(errors="replace").strip()
        except (OSError, ValueError):  # closed under us by kill()
            pass
