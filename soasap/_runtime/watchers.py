"""
Tells parts that speak of the client to others that it may look another way than before.

They hear that there is something to see, on the callbacks' task, and look at `status()` themselves: whatever comes and
goes meanwhile is one call. Where nobody watches, it costs the stream's task one question per connection and snapshot,
and reads nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from soasap._runtime.callbacks import Callbacks
from soasap._runtime.run import Run

__all__ = ["Watchers"]

logger = logging.getLogger("soasap")


class Watchers:
    """Those who want to know when a stream opened, was lost or could not be had, or brought a snapshot."""

    def __init__(self, callbacks: Callbacks) -> None:
        self._callbacks = callbacks
        self._watchers: dict[object, Callable[[], None]] = {}

    def add(self, watcher: Callable[[], None]) -> Callable[[], None]:
        """Call this from now on, until the function that is returned is called."""
        place = object()
        self._watchers[place] = watcher

        def remove() -> None:
            self._watchers.pop(place, None)

        return remove

    def __call__(self, run: Run) -> None:
        """There is something to see. By the stream's task of this run."""
        if self._watchers:
            self._callbacks.offer(run, self._tell)

    def _tell(self) -> None:
        for watcher in list(self._watchers.values()):
            try:
                watcher()
            except (Exception, SystemExit):
                logger.exception("soasap: a watcher raised")
