"""Waiting for what other processes do."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

__all__ = ["eventually"]

T = TypeVar("T")


def eventually(look: Callable[[], T], what: str, timeout: float = 30.0, pause: float = 0.01) -> T:
    """
    The first truthy thing that `look` gives.

    Args:
        look: Asked again and again.
        what: What is waited for, for the failure.
        timeout: Seconds; far above what is expected, because it only matters when something is broken.
        pause: Seconds between two looks.

    Raises:
        AssertionError: The time is over.
    """
    deadline = time.monotonic() + timeout
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() >= deadline:
            raise AssertionError(f"not within {timeout:g} seconds: {what} (last seen: {found!r})")
        time.sleep(pause)
