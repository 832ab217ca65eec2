"""Lets a cache that the application gave stand where the cache file would."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from soasap.exceptions import CacheError
from soasap.protocols import SnapshotCache

__all__ = ["GivenCache", "cache_for"]

P = ParamSpec("P")
R = TypeVar("R")


def cache_for(cache: SnapshotCache, name: str) -> SnapshotCache:
    """The cache for the environment of this name, if it can tell environments apart; else the cache itself."""
    choose: Callable[[str], SnapshotCache] | None = getattr(cache, "for_environment", None)
    return choose(name) if callable(choose) else cache


class GivenCache:
    """
    The application's `SnapshotCache`, with what it raises as `CacheError`.

    Attributes:
        saved: The payload known to be in it, `None` if it is not known.
    """

    def __init__(self, cache: SnapshotCache) -> None:
        self._cache = cache
        self._failed_in = 0
        self.saved: bytes | None = None

    @property
    def cooperative(self) -> bool:
        """Whether its calls belong into the task itself: see `soasap.protocols.SnapshotCache`."""
        return bool(getattr(self._cache, "cooperative", False))

    @property
    def failing(self) -> bool:
        """Whether the last call in this process failed: another is no news, and the end does not wait for it."""
        return self._failed_in == os.getpid()

    def load(self) -> bytes | None:
        """The payload kept there. Raises `CacheError`."""
        payload = self._call("be loaded", self._cache.load)
        if payload is not None and not isinstance(payload, bytes):
            raise CacheError(f"the cache given loaded {type(payload).__name__}, expected bytes or None")
        self.saved = payload
        return payload

    def save(self, payload: bytes) -> None:
        """Keep this payload. Raises `CacheError`."""
        self.saved = None
        self._call("save", self._cache.save, payload)
        self.saved = payload

    def _call(self, what: str, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        pid = os.getpid()  # asked before: an inherited greenlet that fails in a forked child is nothing to the child
        try:
            answer = call(*args, **kwargs)
        except CacheError:
            self._failed_in = pid
            raise  # one of ours: it is fit to be seen
        except Exception as error:
            self._failed_in = pid
            raise CacheError(f"the cache given could not {what}: {type(error).__name__}") from error
        self._failed_in = 0
        return answer
