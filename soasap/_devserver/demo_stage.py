"""
What every story of the demo stands on: flags in a file, a server process on it, and a deadline.

Times are the server's and ours on one clock: `/api/v1/streams` tells when the first byte of a change was written.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import orjson

from soasap._devserver.demo_flags import SAMPLE
from soasap._devserver.process import ServerProcess

__all__ = ["API_KEY", "PAUSE_SECONDS", "DidNotHold", "Stage", "writes"]

API_KEY = "demo-key"

PAUSE_SECONDS = 0.3
"""Between changes, so that eyes can follow."""

POLL_SECONDS = 0.0002
"""Between reads that look for a change. A read costs well below a microsecond; the rest is for the others."""

LIMIT_SECONDS = 27.0
"""For the whole story; what has not happened by then did not hold."""


class DidNotHold(Exception):
    """Something that the story promises did not happen; the message says what."""


class Stage:
    """
    The scenery of one telling.

    Args:
        directory: For the flag file, caches and logs.
        stack: Ends what was started, however the story ends.

    Attributes:
        directory: As given.
        stack: As given.
        path: The flag file.
        flags: What it holds.
        log: What the servers say, for people.
    """

    def __init__(self, directory: Path, stack: ExitStack) -> None:
        self._deadline = time.monotonic() + LIMIT_SECONDS
        self.directory = directory
        self.stack = stack
        self.path = directory / "flags.json"
        self.flags = dict(SAMPLE)
        self.log = stack.enter_context((directory / "server.log").open("wb"))
        self._write()

    @property
    def cache_directory(self) -> str:
        """Where clients keep their file."""
        return str(self.directory / "cache")

    def start_server(self, *, port: int = 0) -> ServerProcess:
        """A server on the flag file, until the end. Raises `DidNotHold`."""
        try:
            server = ServerProcess(
                str(self.path), port=port, api_key=API_KEY, errors=self.log, ready_timeout=self.remaining()
            )
        except RuntimeError as exc:
            raise DidNotHold(f"{exc}: {self.logged()}") from exc
        return self.stack.enter_context(server)

    def logged(self) -> str:
        """What the servers have said so far."""
        return Path(self.log.name).read_text(errors="replace").strip()

    def change(self, key: str, value: Any) -> None:
        """Give a flag another value, in the file that the server watches."""
        self.flags[key] = value
        self._write()

    def wait(self, condition: Callable[[], bool], otherwise: str) -> None:
        """Return as soon as the condition holds. Raises `DidNotHold`, with these words, at the deadline."""
        while not condition():
            if self.remaining() <= 0:
                raise DidNotHold(otherwise)
            time.sleep(POLL_SECONDS)

    def remaining(self) -> float:
        """Seconds until the deadline."""
        return self._deadline - time.monotonic()

    def _write(self) -> None:
        """Put the flags into the file by renaming, as editors do: never half a file."""
        beside = self.path.with_suffix(".new")
        beside.write_bytes(orjson.dumps(self.flags, option=orjson.OPT_INDENT_2))
        os.replace(beside, self.path)


def writes(server: ServerProcess) -> list[float]:
    """When the server began to write its newest event, for each open stream, in seconds of the wall clock."""
    try:
        return [stream["last_sent"] for stream in server.streams()]
    except (OSError, ValueError) as exc:
        raise DidNotHold(f"the server did not tell when it wrote: {exc}") from exc
