"""Who leads: redis-py's lock, held for a while and extended for as long as all is well."""

from __future__ import annotations

from typing import Any

from redis.exceptions import LockError, LockNotOwnedError
from redis.lock import Lock

__all__ = ["EXTENSION_INTERVAL", "LEASE_SECONDS", "LOOK_INTERVAL", "Lease"]

LEASE_SECONDS = 9.0
"""How long a lease lasts that nobody extends. With a look every half second, a successor leads within ten seconds."""

EXTENSION_INTERVAL = LEASE_SECONDS / 3
"""Seconds between two extensions: two may fail before the lease is lost."""

LOOK_INTERVAL = 0.5
"""Seconds between two looks whether the lease is free."""


class Lease:
    """
    The lease of one environment, as one relay sees it. Methods raise `redis.RedisError` if Redis does not answer.

    Args:
        redis: A `redis.Redis`.
        key: Where it is kept.
    """

    def __init__(self, redis: Any, key: str) -> None:
        # Its token is this relay's, whichever greenlet asks.
        self._lock = Lock(redis, key, timeout=LEASE_SECONDS, thread_local=False)

    @property
    def token(self) -> bytes:
        """What Redis knows the holder by; empty for one that is not held."""
        token: bytes | None = self._lock.local.token
        return token or b""

    def take(self) -> bool:
        """Take it if it is free, or still ours after an outage; whether it is ours now."""
        if self.token:
            try:
                self.extend()
                return True
            except LockNotOwnedError:
                self._lock.local.token = None
        return bool(self._lock.acquire(blocking=False))

    def extend(self) -> None:
        """Hold it for its full time from now on. Raises `LockNotOwnedError` if it has run out."""
        self._lock.extend(LEASE_SECONDS, replace_ttl=True)

    def give_up(self) -> None:
        """Let another relay have it at once. Nothing if it is not ours."""
        try:
            self._lock.release()
        except LockError:
            pass  # it had run out
