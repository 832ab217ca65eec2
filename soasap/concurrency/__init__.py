"""
The room that schedules: how background work runs under native threads, gevent and eventlet.

Law: nothing is decided at import or construction. A backend is made at the first start in each process and thrown
away after a fork; the green libraries are imported by their own file only, and asked about through `sys.modules`.

`ConcurrencyBackend` is the protocol a third party implements; pass its class as the option `backend`.
"""

from __future__ import annotations

from soasap.concurrency.fork import postfork
from soasap.protocols import ConcurrencyBackend, Event, Task

__all__ = ["ConcurrencyBackend", "Event", "Task", "postfork"]
