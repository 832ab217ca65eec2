"""Lets a cache that the application gave stand where the cache file would."""

from __future__ import annotations

from soasap.exceptions import CacheError
from soasap.protocols import SnapshotCache

__all__ = ["GivenCache"]


class GivenCache:
    """
    The application's `SnapshotCache`, with what it raises as `CacheError`.

    Attributes:
        saved: The payload known to be in it, `None` if it is not known.
    """

    def __init__(self, cache: SnapshotCache) -> None:
        self._cache = cache
        self.saved: bytes | None = None

    def load(self) -> bytes | None:
        """The payload kept there. Raises `CacheError`."""
        try:
            payload = self._cache.load()
        except Exception as error:
            raise CacheError(f"the cache given could not be loaded: {type(error).__name__}") from error
        if payload is not None and not isinstance(payload, bytes):
            raise CacheError(f"the cache given loaded {type(payload).__name__}, expected bytes or None")
        self.saved = payload
        return payload

    def save(self, payload: bytes) -> None:
        """Keep this payload. Raises `CacheError`."""
        self.saved = None
        try:
            self._cache.save(payload)
        except Exception as error:
            raise CacheError(f"the cache given could not save: {type(error).__name__}") from error
        self.saved = payload
