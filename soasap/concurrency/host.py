"""
The end of the OS thread that hosts an event loop.

Greenlets end with their thread: they never run again, run no `finally`, and nobody is told. A server that lives outside
the main thread may end while the process goes on reading flags.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

__all__ = ["LastWords"]


class LastWords:
    """
    Calls a function in the last moment of the thread that makes this, if it is still kept then.

    Python clears a thread's locals when the thread ends, in that thread; and in a forked child those of all threads
    that are not there, which does not count.

    Args:
        local: The class of thread locals that no library has patched.
        get_ident: The function for the thread's identifier, likewise.
        call: What to call. Must not raise or wait.
    """

    __slots__ = ("_local",)

    def __init__(self, local: Any, get_ident: Callable[[], int], call: Callable[[], None]) -> None:
        self._local = local()
        self._local.last = _Last(get_ident, call)


class _Last:
    """Lives in one thread's locals only."""

    __slots__ = ("_call", "_get_ident", "_home")

    def __init__(self, get_ident: Callable[[], int], call: Callable[[], None]) -> None:
        self._get_ident = get_ident
        self._call = call
        self._home = (os.getpid(), get_ident())

    def __del__(self) -> None:
        if (os.getpid(), self._get_ident()) == self._home:
            self._call()
