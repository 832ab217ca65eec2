"""
One step for the whole process at its normal end: clients that nobody closed are closed.

It flushes what the disk has not got yet, within `PATIENCE` seconds for all clients together. Processes that end by
`os._exit` (multiprocessing, Celery prefork) have no such step.
"""

from __future__ import annotations

import atexit
import time
import weakref
from typing import Protocol

__all__ = ["PATIENCE", "Closable", "register"]

PATIENCE = 1.0
"""Seconds the end of a process may be delayed by slow disks."""


class Closable(Protocol):
    """What the step needs of a client."""

    def close(self, timeout: float) -> None: ...


_clients: weakref.WeakValueDictionary[int, Closable] = weakref.WeakValueDictionary()


def register(client: Closable) -> None:
    """Close this client when the process ends, if it still lives."""
    _clients[id(client)] = client


def _close_all() -> None:
    deadline = time.monotonic() + PATIENCE
    for reference in _clients.valuerefs():  # a copy: daemon threads may still make clients
        client = reference()
        if client is not None:
            client.close(max(0.0, deadline - time.monotonic()))


atexit.register(_close_all)
