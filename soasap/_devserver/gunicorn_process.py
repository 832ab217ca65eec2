"""A Gunicorn with two gevent workers under `--preload`, seen from its parent: started, asked, stopped by its pid."""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

__all__ = ["GunicornProcess", "WorkerConnection"]

CONFIGURATION = """\
worker_connections = 1  # whoever has one connection open has the other worker with the next
keepalive = 60
graceful_timeout = 2
control_socket_disable = True  # it would be a file in the home directory
"""
"""What serves the demo only; settings that an older Gunicorn does not know are ignored in a file."""

ADDRESS = re.compile(r"Listening at: http://127\.0\.0\.1:(\d+) ")


class GunicornProcess:
    """
    Runs `gunicorn -k gevent --preload` on loopback until `stop`; a context manager that stops.

    Args:
        application: As Gunicorn wants it, `module:name`.
        directory: For its configuration and its log.
        environment: Added to ours.
        ready_timeout: Seconds until it must listen.

    Attributes:
        port: Where it listens.

    Raises:
        RuntimeError: It ended, or did not say that it listens, in time; with what it said last.
    """

    def __init__(
        self, application: str, *, directory: Path, environment: Mapping[str, str], ready_timeout: float
    ) -> None:
        configuration = directory / "gunicorn.conf.py"
        configuration.write_text(CONFIGURATION)
        self._log = directory / "gunicorn.log"
        command = [sys.executable, "-m", "gunicorn", "-k", "gevent", "--preload", "--workers", "2"]
        command += ["--bind", "127.0.0.1:0", "--config", str(configuration), application]
        inherited = {name: value for name, value in os.environ.items() if name != "GUNICORN_CMD_ARGS"}
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**inherited, **environment},
            )
        try:
            self.port = self._wait_for_port(time.monotonic() + ready_timeout)
        except BaseException:  # Ctrl-C while it starts: nobody else knows of it yet
            self.stop()
            raise

    @property
    def pid(self) -> int:
        """Of the master."""
        return self._process.pid

    def stop(self, timeout: float = 5.0) -> None:
        """End it as its operators do; kill it, if that takes more than so many seconds. Idempotent."""
        self._process.terminate()
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self._process.kill()  # its workers notice, and leave within a second
            self._process.wait()

    def last_words(self) -> str:
        """The newest line of its log; of a traceback that is the error."""
        return self._said().strip().rpartition("\n")[2]

    def _said(self) -> str:
        return self._log.read_text(errors="replace")

    def __enter__(self) -> GunicornProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _wait_for_port(self, deadline: float) -> int:
        while True:
            ended = self._process.poll() is not None  # asked before the log is read: nothing follows then
            found = ADDRESS.search(self._said())
            if found is not None:
                return int(found[1])
            if ended or time.monotonic() > deadline:
                status = self._process.returncode
                raise RuntimeError(f"gunicorn did not start (exit status {status}): {self.last_words()}")
            time.sleep(0.01)


class WorkerConnection:
    """A connection that stays, and with it one worker, of the Gunicorn on this port."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port)

    def ask(self, flag: str, value: Any) -> None:
        """Ask the worker to answer as soon as it reads this value. See `soasap._devserver.demo_app`."""
        self._connection.request("GET", "/?" + urlencode({"flag": flag, "value": json.dumps(value)}))

    def answer(self, timeout: float) -> dict[str, Any]:
        """
        The answer to the question before.

        Raises:
            OSError, http.client.HTTPException: There is none, or not within `timeout` seconds.
        """
        self._connection.sock.settimeout(max(0.001, timeout))  # 0 would mean not to wait at all
        with self._connection.getresponse() as response:
            answer: dict[str, Any] = json.load(response)
        return answer

    def close(self) -> None:
        self._connection.close()
