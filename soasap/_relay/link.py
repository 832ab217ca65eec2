"""What the environments of one relay share of Redis: a client, and one connection for announcements."""

from __future__ import annotations

from collections.abc import Callable

from soasap._io.cache_location import environment_name
from soasap._redis_client import connect
from soasap._relay.announcements import Announcements
from soasap._relay.lease import Lease
from soasap._relay.member import Member
from soasap._relay.shared_snapshot import SharedSnapshot
from soasap._server.broadcaster import Broadcaster
from soasap.types import SoasapClientOptions

__all__ = ["Link"]

TIMEOUT = 1.0
"""Seconds to connect to Redis, and for each answer: after that a relay goes its own way."""


class Link:
    """
    One relay's way to Redis.

    Args:
        url: Of Redis, see `soasap._redis_url`.
        say: Tells the operator.

    Raises:
        OSError: A certificate file that the URL names cannot be used.
    """

    def __init__(self, url: str, say: Callable[[str], None]) -> None:
        self._redis = connect(url, connect_timeout=TIMEOUT, timeout=TIMEOUT)
        self._announcements = Announcements(self._redis)
        self._say = say

    def start(self) -> None:
        self._announcements.start()

    def stop(self) -> None:
        self._announcements.stop()

    def member(self, name: str, options: SoasapClientOptions, broadcaster: Broadcaster) -> Member:
        """
        One environment as a member.

        Args:
            name: For people.
            options: Of its client, checked: key and address name it in Redis.
            broadcaster: Gets what is to be served.
        """
        shared = SharedSnapshot(self._redis, environment_name(options.api_key, options.base_url))

        def say(message: str) -> None:
            self._say(f"{name}: {message}")

        def leave() -> None:
            self._announcements.remove(shared.name)

        member = Member(options, broadcaster, shared, Lease(self._redis, shared.lease_key), say, leave)
        self._announcements.add(shared.name, member.look_again)
        return member
