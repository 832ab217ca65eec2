"""Waiting for what other threads do, and counting what they leave behind."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable


def wait_until(condition: Callable[[], object], timeout: float = 10.0, message: str = "") -> None:
    """
    Return as soon as `condition` holds.

    Args:
        condition: Asked every 2 milliseconds.
        timeout: Seconds; far above what is expected, because it only matters when something is broken.
        message: What was waited for, for the failure.

    Raises:
        AssertionError: The time is over.
    """
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() >= deadline:
            raise AssertionError(f"not within {timeout} seconds: {message or 'the condition waited for'}")
        time.sleep(0.002)


def open_descriptors() -> dict[int, str]:
    """Descriptor numbers of this process and what they point to (Linux)."""
    found: dict[int, str] = {}
    for name in os.listdir("/proc/self/fd"):
        try:
            found[int(name)] = os.readlink(f"/proc/self/fd/{name}")
        except FileNotFoundError:
            pass  # the descriptor of the listing itself
    return found


def thread_names() -> list[str]:
    """Names of the living threads, sorted."""
    return sorted(thread.name for thread in threading.enumerate())
