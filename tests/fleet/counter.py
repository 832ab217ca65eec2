"""A flag file in which one flag counts, and when it had which number."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["FLAG", "PERIOD", "Counter"]

FLAG = "n"

PERIOD = 0.1
"""Seconds between two numbers while it runs."""


class Counter:
    """
    Counts in a thread of its own between `run` and `pause`; a context manager that pauses.

    Args:
        path: The flag file.

    Attributes:
        path: As given.
        written: Number to the monotonic moment before the file had it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.written: dict[int, float] = {}
        self._pausing = threading.Event()
        self._thread: threading.Thread | None = None
        self.step()

    @property
    def number(self) -> int:
        """The newest."""
        return len(self.written)

    def step(self) -> int:
        """Count by one, at once; the new number. Only while it does not run."""
        number = self.number + 1
        beside = self.path.with_suffix(".new")
        beside.write_text(f'{{"{FLAG}": {number}}}')
        self.written[number] = time.monotonic()
        os.replace(beside, self.path)
        return number

    def run(self) -> None:
        """Count by itself from now on."""
        self._pausing.clear()
        self._thread = threading.Thread(target=self._count, name="counter", daemon=True)
        self._thread.start()

    def pause(self) -> int:
        """Stop counting; the last number. Idempotent."""
        self._pausing.set()
        if self._thread is not None:
            self._thread.join()
        return self.number

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.pause()

    def _count(self) -> None:
        while not self._pausing.wait(PERIOD):
            self.step()
