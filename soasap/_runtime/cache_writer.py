"""
Brings the newest snapshot to the cache, off the stream's way.

The loop does not queue anything: it compares what the store knows with what the cache has. So the newest always wins, a
failed save is tried again, and a snapshot taken over from an older release's file reaches ours.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from soasap._runtime.reporter import Reporter
from soasap._runtime.run import Run
from soasap._runtime.store import SnapshotStore
from soasap._sansio.debounce import Debounce
from soasap.types import SoasapErrorSource

__all__ = ["CacheWriter", "WritableCache"]

IDLE_WAIT = 60.0
"""Seconds; waits are finite because a green hub with nothing else to do would raise."""


class WritableCache(Protocol):
    """
    A cache as the writer sees it.

    Attributes:
        saved: The payload known to be in the cache, `None` if it is not known, as during a save.
        failing: Whether this is an outage that has been reported: neither told again, nor waited for at the end.
    """

    saved: bytes | None

    @property
    def failing(self) -> bool: ...

    def save(self, payload: bytes) -> None: ...


class CacheWriter:
    """The task that saves, at most once per interval, and once more at the end."""

    def __init__(
        self,
        run: Run,
        store: SnapshotStore,
        cache: WritableCache,
        reporter: Reporter,
        clock: Callable[[], float],
        offload: Callable[[Callable[[bytes], None], bytes], None],
    ) -> None:
        """`offload` calls the cache while the run goes on: where that holds nobody up."""
        self._run = run
        self._store = store
        self._cache = cache
        self._reporter = reporter
        self._clock = clock
        self._offload = offload
        self._debounce = Debounce()
        self._is_saving = False

    def __call__(self) -> None:
        run = self._run
        try:
            while not run.over():
                run.dirty.clear()
                if self._unsaved() is None:
                    run.dirty.wait(IDLE_WAIT)
                elif (delay := self._debounce.wait(self._clock())) > 0:
                    run.stop.wait(delay)
                else:
                    self._save(self._offload)
        finally:
            # Also if a kill ends this task, or what a signal handler raises while a green one is running: nobody else
            # would save. Not while a save that it broke off goes on in its pool: a cache is called once at a time.
            if not (run.dead or self._cache.failing or (self._is_saving and self._cache.saved is None)):
                # In this task and not in a pool: at exit, Python 3.12 starts no new threads.
                self._save(lambda function, payload: function(payload))

    def _unsaved(self) -> bytes | None:
        known = self._store.known()
        if known.source not in ("disk", "stream"):
            return None
        payload, saved = known.payload, self._cache.saved
        return None if payload is saved or payload == saved else payload

    def _save(self, call: Callable[[Callable[[bytes], None], bytes], None]) -> None:
        payload = self._unsaved()
        if payload is None:
            return
        was_failing = self._cache.failing
        self._is_saving = True
        try:
            call(self._cache.save, payload)
        except Exception as error:
            self._is_saving = False
            self._debounce.failed(self._clock())
            if not (was_failing or self._run.dead):
                self._reporter.report(error, SoasapErrorSource.DISK)
        else:
            self._is_saving = False
            self._debounce.saved(self._clock())
            self._reporter.recovered(SoasapErrorSource.DISK)
            if was_failing:
                self._reporter.info("soasap: the cache works again")
