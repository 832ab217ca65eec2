"""What the questions need of the program in which they are asked."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

__all__ = ["Host"]


class Host:
    """
    A program that uses the standard library, patched or not.

    Everything is looked up when it is called: Gunicorn patches its workers after this was imported.
    """

    def pause(self, seconds: float) -> None:
        """Let others run meanwhile: other threads, or other greenlets if requests are greenlets here."""
        time.sleep(seconds)

    def start(self, function: Callable[[], None]) -> Callable[[float], object]:
        """Run it beside the caller; the answer waits for its end, at most so many seconds."""
        thread = threading.Thread(target=function)
        thread.start()
        return thread.join

    def leave(self) -> None:
        """In a forked child, first of all: serve no longer, if that would go on here."""
