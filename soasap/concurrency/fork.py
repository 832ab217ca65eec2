"""
One hook for the whole process, run by `os.fork()` in parent and child.

In the child every living client gives up what it inherited. The hook takes no lock, logs nothing, joins nothing and
starts nothing: a switch to another greenlet inside it would run the parent's tasks in the child (gevent#2202), and
Gunicorn patches the worker only after it ran.

The fork gate keeps threads and forks apart. A thread that resolves a name, makes a TLS context or shakes hands over TLS
is inside the gate; a fork waits until nobody is, at most `GATE_PATIENCE` seconds, and lets nobody in until it is done.
A fork that freezes another thread inside OpenSSL can dead-lock the child (openssl#19066; 15 of 50 children when
measured with the context made in the background, 65 of 100 with the first read in another thread than the fork).
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

__all__ = ["ENTRY_PATIENCE", "FIRST_PID", "GATE_PATIENCE", "ForkGate", "Forkable", "gate", "postfork", "register"]

FIRST_PID = os.getpid()
"""The process that imported this; forked ones inherit it."""

GATE_PATIENCE = 1.0
"""Seconds a fork waits at most; a TLS handshake with a slow server must not stop the application from forking."""

ENTRY_PATIENCE = 5.0
"""Seconds; only for a gate that is never opened again."""


class Forkable(Protocol):
    """What the hook needs of a client."""

    def after_fork_in_child(self) -> None:
        """Give up what belongs to the parent. Must not raise, wait, log or let another greenlet run."""
        ...


class _Lock(Protocol):
    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool: ...

    def release(self) -> None: ...


class ForkGate:
    """
    Open to any number of threads at once, and to one fork when nobody is inside.

    Any number, because one thread may sit in a handshake that is never answered, and `close()` of another client
    must not wait for it.

    Args:
        new_lock: Makes native locks; kept, as `threading.Lock` may be patched later in this process.
        entry_patience: Seconds a thread waits for the end of a fork.
    """

    def __init__(self, new_lock: Callable[[], _Lock], entry_patience: float = ENTRY_PATIENCE) -> None:
        self._new_lock = new_lock
        self._entry_patience = entry_patience
        self._entry = new_lock()
        self._inside: list[_Lock] = []
        self._shut_by: int | None = None

    @contextmanager
    def passing(self) -> Iterator[None]:
        """
        The calling thread is inside.

        It gets in after its patience in any case, and at once if it has shut the gate itself: hooks of the application
        that run within a fork, and signal handlers that interrupt one, may read flags too.
        """
        if self._shut_by == threading.get_ident():
            yield
            return
        mine = self._new_lock()
        mine.acquire()
        entered = self._entry.acquire(timeout=self._entry_patience)
        self._inside.append(mine)
        if entered:
            self._entry.release()
        try:
            yield
        finally:
            mine.release()
            try:
                self._inside.remove(mine)
            except ValueError:
                pass  # a signal handler forked meanwhile, and this is the child

    def shut(self, patience: float) -> bool:
        """
        Let nobody in any more and wait until nobody is inside, at most `patience` seconds.

        Returns:
            Whether it is shut, so that the caller must `open` it. It is, even if somebody stayed inside; it is not if
            the fork of another thread had shut it all the time.
        """
        deadline = time.monotonic() + patience
        if not self._entry.acquire(timeout=patience):
            return False
        self._shut_by = threading.get_ident()
        for lock in list(self._inside):
            if lock.acquire(timeout=max(0.0, deadline - time.monotonic())):
                lock.release()
        return True

    def open(self) -> None:
        """Let threads in again."""
        self._shut_by = None
        self._entry.release()

    def renew(self) -> None:
        """In a forked child: be open and empty, whoever was where in the parent. Waits for nobody."""
        self._shut_by = None
        self._inside = []
        self._entry = self._new_lock()


_clients: weakref.WeakValueDictionary[int, Forkable] = weakref.WeakValueDictionary()
_gates: dict[str, ForkGate] = {}
"""`gate`: made at its first use in this process."""
_forking: dict[int, ForkGate] = {}
"""By thread: the gate that its fork has shut."""
_told = {"pid": FIRST_PID}
"""`pid`: the process whose clients are known to have nothing of a parent's."""


def register(client: Forkable) -> None:
    """Tell this client about forks for as long as it lives."""
    _clients[id(client)] = client


def gate() -> ForkGate:
    """The gate of this process. To be asked for the first time while threads are native."""
    existing = _gates.get("gate")
    return existing if existing is not None else _gates.setdefault("gate", ForkGate(threading.Lock))


def postfork() -> None:
    """
    Do in this process what the hook does in a forked child, unless that has been done.

    Only for servers that fork without running Python's hooks and that soasap does not know. Harmless elsewhere. The
    parent should read no flag before such a fork: if one of its threads is about to run just then, the child waits for
    that thread, which it does not have, in the interpreter itself.
    """
    if _told["pid"] != os.getpid():
        _after_in_child()


def _before() -> None:
    shared = _gates.get("gate")
    if shared is not None and shared.shut(GATE_PATIENCE):
        _forking[threading.get_ident()] = shared


def _after_in_parent() -> None:
    # Only what this thread's _before() has shut is opened: after a time-out another thread's fork still owns the gate.
    shut = _forking.pop(threading.get_ident(), None)
    if shut is not None:
        shut.open()


def _after_in_child() -> None:
    _told["pid"] = os.getpid()
    # Renewed and not dropped: the fork may have come, by a signal handler, in the middle of a start that goes on here.
    for shared in _gates.values():
        shared.renew()
    _forking.clear()
    for reference in _clients.valuerefs():
        client = reference()
        if client is not None:
            client.after_fork_in_child()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child)
