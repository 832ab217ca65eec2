"""Listens to what leaders announce, for all environments of this relay over one connection."""

from __future__ import annotations

from collections.abc import Callable
from random import SystemRandom
from typing import Any

import gevent
from redis.exceptions import ConnectionError as RedisGone
from redis.exceptions import RedisError

from soasap._relay.shared_snapshot import CHANNEL

__all__ = ["Announcements"]

PING_INTERVAL = 5.0
"""Seconds of silence after which Redis is asked whether it is there, and has to say so: a connection that is half open
would look like nothing new."""

RETRY_INTERVAL = 1.0


class Announcements:
    """
    Tells members that Redis has news for them. What is lost here they find by themselves, later.

    Args:
        redis: A `redis.Redis` that gives bytes.
    """

    def __init__(self, redis: Any) -> None:
        self._redis = redis
        self._listeners: dict[bytes, Callable[[], None]] = {}
        self._roll = SystemRandom().random
        self._greenlet: gevent.Greenlet[[], None] | None = None

    def add(self, name: str, listener: Callable[[], None]) -> None:
        """Call this, which must not block, at each announcement of the environment with this name."""
        self._listeners[name.encode()] = listener

    def remove(self, name: str) -> None:
        """Forget an environment."""
        self._listeners.pop(name.encode(), None)

    def start(self) -> None:
        self._greenlet = gevent.spawn(self._run)

    def stop(self) -> None:
        if self._greenlet is not None:
            self._greenlet.kill()

    def _run(self) -> None:
        while True:
            try:
                self._listen()
            except RedisError:
                gevent.sleep(RETRY_INTERVAL * (0.5 + self._roll()))

    def _listen(self) -> None:
        with self._redis.pubsub(ignore_subscribe_messages=True) as pubsub:
            pubsub.subscribe(CHANNEL)
            for listener in list(self._listeners.values()):
                listener()  # whatever was announced while nobody listened
            is_asked = False
            while True:
                message = pubsub.get_message(timeout=PING_INTERVAL)
                if message is None:
                    if is_asked:
                        raise RedisGone("no answer to a ping")
                    pubsub.ping()
                is_asked = message is None
                if message is not None and message["type"] == "message":
                    listener = self._listeners.get(message["data"], _nobody)
                    listener()


def _nobody() -> None:
    """An environment that other relays have."""
