"""
Tells the application which flags have changed.

Each listener has the snapshot that it was told last. When its turn comes, on the callbacks' task, it gets the
difference to the newest: so changes that come faster than it works are coalesced, and none is lost.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from soasap._runtime.callbacks import Callbacks
from soasap._runtime.run import Run
from soasap._runtime.store import SnapshotStore
from soasap._sansio.changes import changes_between
from soasap._sansio.snapshot import FlagSnapshot, copy_tree
from soasap.types import FlagChange, SoasapUpdateHandler

__all__ = ["Listeners"]

logger = logging.getLogger("soasap")


class _Listener:
    """A handler, and what it knows."""

    __slots__ = ("handler", "known")

    def __init__(self, handler: SoasapUpdateHandler, known: FlagSnapshot) -> None:
        self.handler = handler
        self.known = known


class Listeners:
    """Handlers of `on_update` and `subscribe`; a sink of the store."""

    def __init__(self, store: SnapshotStore, callbacks: Callbacks) -> None:
        self._store = store
        self._callbacks = callbacks
        self._listeners: dict[_Listener, None] = {}  # in the order in which they came

    def add(self, handler: SoasapUpdateHandler) -> Callable[[], None]:
        """
        Tell this handler of changes from now on, until the function that is returned is called.

        Raises:
            TypeError: It is not callable.
        """
        if not callable(handler):
            raise TypeError(f"callback must be callable, not {type(handler).__name__} {handler!r:.80}")
        listener = _Listener(handler, self._store.known())
        self._listeners[listener] = None

        def remove() -> None:
            self._listeners.pop(listener, None)

        return remove

    def __call__(self, run: Run, previous: FlagSnapshot, current: FlagSnapshot) -> None:
        """After a swap, by the task that publishes."""
        if self._listeners:
            self._callbacks.offer(run, self.tell)

    def tell(self) -> None:
        """Tell each of them what has changed since it was told last; by whoever has them called."""
        current = self._store.known()
        found: dict[FlagSnapshot, dict[str, FlagChange]] = {}
        for listener in list(self._listeners):
            known, listener.known = listener.known, current
            if known not in found:
                found[known] = changes_between(known.flags, current.flags)
            if found[known] and listener in self._listeners:
                self._call(listener, found[known])

    def _call(self, listener: _Listener, changes: dict[str, FlagChange]) -> None:
        try:
            listener.handler({key: _own(change) for key, change in changes.items()})
        except (Exception, SystemExit):
            logger.exception("soasap: a listener of the application raised")


def _own(change: FlagChange) -> FlagChange:
    """A change that the handler may do anything with."""
    if isinstance(change.old, (dict, list)) or isinstance(change.new, (dict, list)):
        return FlagChange(copy_tree(change.old), copy_tree(change.new))
    return change
