"""
The snapshot that relays share, in Redis, with a version that never goes back.

Three keys for one environment, in one slot of a cluster::

    soasap:relay:{name}:lease      who leads, see `soasap._relay.lease`
    soasap:relay:{name}:epoch      the number of the newest leadership
    soasap:relay:{name}:snapshot   epoch, number, digest, payload, and when its leader last confirmed it

A leader asks for an epoch of its own, and whatever it writes is refused once there is a newer one: one that was stopped
past its lease and goes on cannot overwrite what its successor has stored (Kleppmann, "How to do distributed locking",
2016: fencing tokens). Redis itself compares, in scripts that nothing can interrupt.

An epoch is the time in milliseconds by the clock of Redis, or one more than the last: it grows even if Redis comes back
empty, or a replica that missed the last epoch takes over.
"""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple

__all__ = ["CHANNEL", "Record", "SharedSnapshot", "Version", "digest_of"]

CHANNEL = "soasap:relay:news"
"""Where the names of environments are told whose snapshot is another one now."""

KEPT_SECONDS = 30 * 24 * 3600
"""An environment that nobody has served for so long is forgotten."""

_NEW_EPOCH = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
local time = redis.call('TIME')
local epoch = math.max(
    tonumber(redis.call('GET', KEYS[2]) or '0') + 1,
    tonumber(ARGV[2]) + 1,
    time[1] * 1000 + math.floor(time[2] / 1000)
)
redis.call('SET', KEYS[2], string.format('%.0f', epoch), 'EX', ARGV[3])
return epoch
"""

_STORE = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
local stored = redis.call('HMGET', KEYS[2], 'epoch', 'number')
if stored[1] == ARGV[1] and tonumber(stored[2]) >= tonumber(ARGV[2]) then return 1 end
local time = redis.call('TIME')
redis.call('HSET', KEYS[2], 'epoch', ARGV[1], 'number', ARGV[2], 'payload', ARGV[3], 'digest', ARGV[4],
    'confirmed', string.format('%.6f', time[1] + time[2] / 1e6 - ARGV[5]))
redis.call('EXPIRE', KEYS[2], ARGV[6])
redis.call('PUBLISH', ARGV[7], ARGV[8])
return 1
"""

_CONFIRM = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
local stored = redis.call('HMGET', KEYS[2], 'epoch', 'number')
if stored[1] ~= ARGV[1] or stored[2] ~= ARGV[2] then return 2 end
local time = redis.call('TIME')
redis.call('HSET', KEYS[2], 'confirmed', string.format('%.6f', time[1] + time[2] / 1e6 - ARGV[3]))
redis.call('EXPIRE', KEYS[1], ARGV[4])
redis.call('EXPIRE', KEYS[2], ARGV[4])
return 1
"""


class Version(NamedTuple):
    """Of a snapshot. Those of a later leadership are greater, however many the earlier one stored."""

    epoch: int
    number: int


class Record(NamedTuple):
    """
    What Redis says of the snapshot, without the payload.

    Attributes:
        version: Its version.
        digest: Of the payload, see `digest_of`.
        confirmed: When the service last showed the leader that it says so, in seconds by the clock of Redis.
        now: What that clock said at the moment of asking.
    """

    version: Version
    digest: bytes
    confirmed: float
    now: float


def digest_of(payload: bytes) -> bytes:
    """SHA-256 of a payload in hexadecimal."""
    return hashlib.sha256(payload).hexdigest().encode()


class SharedSnapshot:
    """
    One environment's snapshot in Redis. Every method raises `redis.RedisError` if Redis does not answer.

    Args:
        redis: A `redis.Redis` that gives bytes.
        name: Of the environment, the same in each relay, and no secret.

    Attributes:
        name: As given.
        lease_key: The key of its lease.
    """

    def __init__(self, redis: Any, name: str) -> None:
        self._redis = redis
        self.name = name
        prefix = f"soasap:relay:{{{name}}}"
        self.lease_key = f"{prefix}:lease"
        self._epoch_key = f"{prefix}:epoch"
        self._snapshot_key = f"{prefix}:snapshot"
        self._new_epoch = redis.register_script(_NEW_EPOCH)
        self._store = redis.register_script(_STORE)
        self._confirm = redis.register_script(_CONFIRM)

    def new_epoch(self, token: bytes, floor: int) -> int:
        """
        An epoch above every other, for the holder of the lease.

        Args:
            token: The lease's, which Redis compares.
            floor: The greatest epoch that the caller knows of: Redis may have lost it.

        Returns:
            The epoch; 0 if somebody else holds the lease.
        """
        return int(self._new_epoch(keys=[self.lease_key, self._epoch_key], args=[token, floor, KEPT_SECONDS]))

    def store(self, version: Version, payload: bytes, age: float = 0.0) -> bool:
        """
        Store a snapshot and announce it. Storing it twice does no harm.

        Args:
            version: Its own.
            payload: The snapshot.
            age: Seconds since the stream that brought it last showed life.

        Returns:
            Whether its epoch is still the newest.
        """
        arguments = [*version, payload, digest_of(payload), age, KEPT_SECONDS, CHANNEL, self.name]
        return bool(self._store(keys=[self._epoch_key, self._snapshot_key], args=arguments))

    def confirm(self, version: Version, age: float = 0.0) -> bool | None:
        """
        Say that the service still says what is stored.

        Args:
            version: What was stored last.
            age: Seconds since the stream last showed life: what the service said later may not have arrived.

        Returns:
            Whether its epoch is still the newest; `None` if it is, and Redis has lost this version.
        """
        arguments = [*version, age, KEPT_SECONDS]
        answer = int(self._confirm(keys=[self._epoch_key, self._snapshot_key], args=arguments))
        return None if answer == 2 else bool(answer)

    def look(self) -> Record | None:
        """What is stored now; `None` if nothing is, or nothing that this release can read."""
        with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.hmget(self._snapshot_key, "epoch", "number", "digest", "confirmed")
            pipeline.time()
            (epoch, number, digest, confirmed), (seconds, microseconds) = pipeline.execute()
        try:
            version, known_at = Version(int(epoch), int(number)), float(confirmed)
        except (TypeError, ValueError):
            return None
        return Record(version, digest, known_at, seconds + microseconds / 1e6)

    def load(self) -> tuple[Version, bytes] | None:
        """The snapshot with its version; `None` as in `look`."""
        epoch, number, payload = self._redis.hmget(self._snapshot_key, "epoch", "number", "payload")
        try:
            version = Version(int(epoch), int(number))
        except (TypeError, ValueError):
            return None
        return None if payload is None else (version, payload)
