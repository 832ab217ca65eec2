"""
One environment in one of several relays: who of them streams from upstream, and what the others serve.

::

                      takes the lease, gets an epoch
      ┌───────────▶ FOLLOWER ─────────────────────────▶ LEADER ──┐
      │              │  ▲                                │  ▲    │ lease or epoch lost, or upstream dark
      │   Redis gone │  │ Redis says the same            │  │    └────▶ FOLLOWER
      │              ▼  │ as our own stream   Redis gone │  │ takes the lease
      │             ALONE ◀──────────────────────────────┘  │
      │              └──────────────────────────────────────┘
      start

A follower serves what Redis has. A leader streams, and stores each snapshot in Redis *before* it serves it: what Redis
refuses, because there is a newer leadership, reaches nobody. A relay alone streams and serves for itself, as if there
were no Redis.

No client may go back to an older snapshot. So whoever serves a version out of Redis takes greater ones only. What a
relay alone has heard from its own stream has no version, and Redis, when it is back, may have something older: then it
takes the very same payload only; or, once its own stream is down too, what a leader has confirmed after the moment of
which our own knowledge is. So does a follower if Redis has lost what it serves. A leader confirms as of the moment when
its stream last showed life: one that is cut off and does not know yet confirms nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from random import SystemRandom
from typing import Literal, TypeAlias

import gevent
from gevent.event import Event
from redis.exceptions import LockError, RedisError

from soasap._redis_client import in_words
from soasap._relay.disk_copy import DiskCopy
from soasap._relay.lease import EXTENSION_INTERVAL, LOOK_INTERVAL, Lease
from soasap._relay.shared_snapshot import Record, SharedSnapshot, Version, digest_of
from soasap._relay.upstream import Upstream
from soasap._server.broadcaster import Broadcaster
from soasap.types import SoasapClientOptions

__all__ = ["Member", "Role"]

Role: TypeAlias = Literal["follower", "leader", "alone"]

REREAD_INTERVAL = 30.0
"""Seconds after which a follower looks for itself: an announcement may have been lost."""

RETRY_INTERVAL = 1.0
"""Seconds, on average, between two attempts to reach a Redis that is gone."""

TRAVEL_SECONDS = 5.0
"""By how much one relay may hear of a change later than another."""

PATIENCE = 15.0
"""Seconds a leader may be without upstream before another relay, which may have a better way there, gets its turn."""

STOP_SECONDS = 2.0


class Fenced(Exception):
    """There is a newer leadership."""


class Member:
    """
    One environment of this relay, as a member of those that share a Redis.

    Args:
        options: Of the client upstream.
        broadcaster: Gets what is to be served.
        shared: The snapshot in Redis.
        lease: The leadership.
        say: Tells the operator.
        leave: Called at the end: nobody needs to tell it of announcements any more.

    Attributes:
        role: See above.
        upstream: The client upstream; closed in a follower.
        redis_trouble: Why Redis cannot be used, empty if it can.
    """

    def __init__(
        self,
        options: SoasapClientOptions,
        broadcaster: Broadcaster,
        shared: SharedSnapshot,
        lease: Lease,
        say: Callable[[str], None],
        leave: Callable[[], None],
    ) -> None:
        self.upstream = Upstream(options, self._take)
        self.role: Role = "follower"
        self.redis_trouble = ""
        self._broadcaster = broadcaster
        self._shared = shared
        self._lease = lease
        self._say = say
        self._leave = leave
        self._disk = DiskCopy(options, say)
        self._version = Version(0, 0)
        self._leads_as = Version(0, 0)
        self._stored: bytes | None = None
        self._is_unversioned = False
        self._heard: bytes | None = None
        self._told_alone = self._reckoned_with = 0
        self._as_of = 0.0
        self._lost_since = 0.0
        self._news = Event()
        self._look_at = self._extend_at = self._not_before = self._dark_since = time.monotonic()
        self._resigned = False
        self._stopped = False
        self._roll = SystemRandom().random
        self._greenlet: gevent.Greenlet[[], None] | None = None

    def start(self) -> None:
        """Begin, as a follower."""
        self._greenlet = gevent.spawn(self._run)

    def resign(self) -> None:
        """Lead no more: let another relay have the lease at once, and follow it."""
        self._resigned = True
        self._news.set()

    def stop(self) -> None:
        """End. The lease is given up, if Redis answers."""
        self._stopped = True
        self.resign()
        self._leave()
        if self._greenlet is not None:
            self._greenlet.join(STOP_SECONDS)
        if (ending := self.upstream.close()) is not None:
            ending.join(STOP_SECONDS)
        self._disk.stop()

    def look_again(self) -> None:
        """Redis may have another snapshot."""
        self._look_at = time.monotonic()
        self._news.set()

    def _take(self, payload: bytes) -> None:
        """From the stream's own task, which must not wait for Redis."""
        self._disk.forget()
        if self.role == "alone":
            self._is_unversioned = True
            self._told_alone += 1
            self._broadcaster.publish(payload)
        else:
            # Kept, because a stream that ends right after its event is not live when we get to look at it.
            self._heard = payload
            self._news.set()

    def _run(self) -> None:
        while True:
            self._news.clear()
            self._try_turn()
            if self._stopped:
                return
            self._news.wait(self._pause())

    def _try_turn(self) -> None:
        try:
            self._turn()
        except RedisError as error:
            self._go_alone(error)
            return
        if self.redis_trouble:
            self._say("Redis is back")
        self.redis_trouble = ""

    def _turn(self) -> None:
        if self._resigned and self._lease.token:
            self._lease.give_up()
            if self.role == "leader":
                self._follow_others("resigned")
        if self.role == "leader":
            try:
                self._lead()
            except (Fenced, LockError):
                self._follow_others("another relay leads")
        else:
            self._follow()

    def _pause(self) -> float:
        if self.redis_trouble:
            return RETRY_INTERVAL * (0.5 + self._roll())
        if self.role == "leader":
            return max(0.0, self._extend_at - time.monotonic())
        return LOOK_INTERVAL

    # --- leader

    def _lead(self) -> None:
        now = time.monotonic()
        payload, self._heard = self.upstream.payload if self.upstream.is_live else self._heard, None
        if payload is not None:
            self._dark_since = now
            if payload != self._stored:
                self._store(payload)
        if now < self._extend_at:
            return
        self._lease.extend()
        self._extend_at = now + EXTENSION_INTERVAL
        if self.upstream.is_live:
            confirmed = self._shared.confirm(self._leads_as, self.upstream.age)
            if confirmed is None:
                self._stored = None  # Redis has lost it
                self._news.set()
            elif not confirmed:
                raise Fenced
        elif now - self._dark_since > PATIENCE and self._could_be_better_elsewhere():
            self._not_before = now + EXTENSION_INTERVAL * (1 + self._roll())
            self._lease.give_up()
            self._follow_others("upstream cannot be reached from here, another relay may try")

    def _store(self, payload: bytes) -> None:
        version = self._leads_as._replace(number=self._leads_as.number + 1)
        if not self._shared.store(version, payload, self.upstream.age):
            raise Fenced
        self._leads_as = self._version = version
        self._is_unversioned = False
        self._lost_since = 0.0
        self._stored = payload
        self._broadcaster.publish(payload)

    def _could_be_better_elsewhere(self) -> bool:
        """A key that is refused is refused to all; a certificate, a proxy, a firewall may be ours alone."""
        return not self.upstream.is_refused and not self.upstream.is_told_to_wait

    def _follow_others(self, why: str) -> None:
        self.role = "follower"
        self.upstream.close()
        self._say(f"follows: {why}")
        self.look_again()

    # --- follower, and alone while Redis answers

    def _follow(self) -> None:
        now = time.monotonic()
        if self._broadcaster.payload is None:
            self._look()  # before it may lead: what the last leader stored is newer than what our disk has
        if not self._resigned and now >= self._not_before and self._lease.take():
            epoch = self._shared.new_epoch(self._lease.token, self._version.epoch)
            if epoch:
                self._become_leader(epoch, now)
        if now >= self._look_at or self.role == "alone":
            self._look()
            self._look_at = now + REREAD_INTERVAL

    def _become_leader(self, epoch: int, now: float) -> None:
        self.role = "leader"
        self._leads_as = Version(epoch, 0)
        self._stored = self._heard = None
        self._extend_at = now + EXTENSION_INTERVAL
        self._dark_since = self._look_at = now
        self._say("leads")
        self._open_upstream()
        self._news.set()

    def _look(self) -> None:
        record = self._shared.look()
        if record is None or not self._is_news(record):
            return
        if record.version != self._version:
            told = self._told_alone
            loaded = self._shared.load()
            # While Redis answered, our own stream may have brought something newer; or a failover something older.
            if loaded is None or loaded[0] < record.version or told != self._told_alone:
                return
            self._version, payload = loaded
            self._broadcaster.publish(payload)
            self._disk.keep(payload)
        self._is_unversioned = False
        self._lost_since = 0.0
        if self.role == "alone":
            self.role = "follower"
            self.upstream.close()
            self._say("follows: what Redis has is up to date")

    def _is_news(self, record: Record) -> bool:
        """Whether what Redis has is at least as new as what is served."""
        if not self._is_unversioned:
            if record.version >= self._version:
                return True
            self._lost_since = self._lost_since or record.now
            return record.confirmed > self._lost_since + TRAVEL_SECONDS
        is_live = self.upstream.is_live
        if is_live or self._told_alone != self._reckoned_with:
            self._as_of = record.now
            self._reckoned_with = self._told_alone
        if is_live:
            payload = self.upstream.payload
            return payload is not None and digest_of(payload) == record.digest
        return record.confirmed > self._as_of + TRAVEL_SECONDS

    # --- alone

    def _go_alone(self, error: RedisError) -> None:
        words = in_words(error)
        if not self.redis_trouble:
            self._say(f"Redis cannot be used ({words}): streams from upstream itself")
        self.redis_trouble = words
        self._stream_alone()

    def _stream_alone(self) -> None:
        if self.role == "alone":
            return
        self.role = "alone"
        payload = self.upstream.payload
        if payload is not None and self.upstream.is_live:  # a leader's, that Redis did not take any more
            self._take(payload)
        self._open_upstream()

    def _open_upstream(self) -> None:
        self.upstream.open()
        self._broadcaster.begin_with(self.upstream.kept)
