"""
Which key is whose, and what becomes of a key that nobody named.

Keys are known by their hashes: whoever compares hashes tells an attacker nothing by the time it takes.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator

import gevent

from soasap._relay.environment import Environment

__all__ = ["Admission", "Roster", "Unanswered"]

MAX_GUESTS = 100
"""Keys that nobody named, at a time: each may be an upstream stream, and anybody may invent one."""

VERDICT_SECONDS = 10.0
"""What upstream has to say whether it knows a key."""

REFUSED_SECONDS = 60.0
"""How long a refusal is remembered, so that a client that knocks does not make us knock."""

MAX_REFUSED = 10_000

IDLE_SECONDS = 300.0
"""After which a guest without clients is forgotten."""

POLL_SECONDS = 0.05
JANITOR_SECONDS = 10.0


class Unanswered(Exception):
    """Nobody knows yet whether this key is one."""


Admission = Callable[[str], Environment]
"""Makes the environment of a key that nobody named. Raises `ValueError` for what cannot be a key."""


class Roster:
    """
    The environments of a relay, by their keys.

    Args:
        admit: Makes an environment for a key that nobody named; `None` refuses such keys.
    """

    def __init__(self, admit: Admission | None) -> None:
        self._admit = admit
        self._environments: dict[bytes, Environment] = {}
        self._refused: dict[bytes, float] = {}
        self._guests = 0

    def __iter__(self) -> Iterator[Environment]:
        return iter(list(self._environments.values()))

    def add(self, api_key: str, environment: Environment) -> None:
        """Know this key from now on, and start its environment."""
        self._environments[_hashed(api_key.encode())] = environment
        environment.source.start()

    def find(self, key: bytes) -> Environment | None:
        """
        The environment of a key; `None` if it is refused. May wait for upstream's word.

        Raises:
            Unanswered: Upstream has not told in time, or there are too many such keys.
        """
        hashed = _hashed(key)
        environment = self._environments.get(hashed)
        if environment is None:
            if self._admit is None or self._was_refused(hashed):
                return None
            environment = self._invite(key, hashed, self._admit)
        if environment is not None and environment.is_guest and not self._is_welcome(hashed, environment):
            return None
        return environment

    def keep_clean(self) -> None:
        """Forget guests that upstream refuses, or that have no clients any more. For ever, in a greenlet."""
        while True:
            gevent.sleep(JANITOR_SECONDS)
            for hashed, environment in list(self._environments.items()):
                if not environment.is_guest:
                    continue
                if environment.source.upstream.is_refused:
                    self._refuse(hashed, environment)
                elif not environment.broadcaster and time.monotonic() - environment.idle_since > IDLE_SECONDS:
                    self._forget(hashed, environment)

    def _invite(self, key: bytes, hashed: bytes, admit: Admission) -> Environment | None:
        if self._guests >= MAX_GUESTS:
            raise Unanswered(f"already {MAX_GUESTS} keys that nobody named")
        try:
            environment = admit(key.decode("ascii"))
        except ValueError:
            return None  # no key looks like that
        self._guests += 1
        self._environments[hashed] = environment
        environment.source.start()
        return environment

    def _is_welcome(self, hashed: bytes, environment: Environment) -> bool:
        deadline = time.monotonic() + VERDICT_SECONDS
        while environment.broadcaster.payload is None:
            if environment.source.upstream.is_refused or self._was_refused(hashed):
                self._refuse(hashed, environment)
                return False
            if time.monotonic() > deadline:
                raise Unanswered("upstream has not told yet whether it knows this key")
            gevent.sleep(POLL_SECONDS)
        return True

    def _refuse(self, hashed: bytes, environment: Environment) -> None:
        while len(self._refused) >= MAX_REFUSED:
            del self._refused[next(iter(self._refused))]  # the oldest
        self._refused[hashed] = time.monotonic()
        self._forget(hashed, environment)

    def _was_refused(self, hashed: bytes) -> bool:
        refused_at = self._refused.get(hashed)
        return refused_at is not None and time.monotonic() - refused_at < REFUSED_SECONDS

    def _forget(self, hashed: bytes, environment: Environment) -> None:
        if self._environments.get(hashed) is environment:
            del self._environments[hashed]
            self._guests -= 1
            gevent.spawn(environment.stop)


def _hashed(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()
