"""Relays of one environment on one Redis, turn by turn: the test plays upstream, and says whose turn it is."""

from __future__ import annotations

from typing import Any, cast

from soasap._relay.lease import Lease
from soasap._relay.member import Member
from soasap._relay.shared_snapshot import SharedSnapshot
from soasap._relay.upstream import Upstream
from soasap._server.broadcaster import Broadcaster
from soasap.types import SoasapClientOptions

__all__ = ["NAME", "PlayedMember", "PlayedStream"]

NAME = "0123abcd"


class PlayedStream:
    """An `Upstream` whose service is the test."""

    def __init__(self, on_payload: Any) -> None:
        self._on_payload = on_payload
        self.is_open = self.is_live = self.is_refused = self.is_told_to_wait = False
        self.payload: bytes | None = None
        self.kept: bytes | None = None
        self.age = 0.0
        self.opened = 0

    def open(self) -> None:
        self.opened += not self.is_open
        self.is_open = True

    def close(self) -> None:
        self.is_open = self.is_live = False
        self.payload = None

    def status(self) -> None:
        return None

    def send(self, payload: bytes) -> None:
        """The service sends this."""
        assert self.is_open, "nobody streams"
        self.is_live = True
        self.payload = payload
        self._on_payload(payload)

    def cut(self) -> None:
        """The stream is lost; what came is still known."""
        self.is_live = False


class _Remembering(Broadcaster):
    """Knows all that it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.served: list[bytes] = []

    def publish(self, payload: bytes) -> None:
        self.served.append(payload)
        super().publish(payload)


class PlayedMember:
    """A `Member` that acts when it is told to, by `turn`, and what its clients have seen."""

    def __init__(self, redis: Any) -> None:
        self.broadcaster = _Remembering()
        self.shared = SharedSnapshot(redis, NAME)
        self.lease = Lease(redis, self.shared.lease_key)
        self.said: list[str] = []
        options = SoasapClientOptions(api_key="key", base_url="http://127.0.0.1:1", backend="gevent")
        self.member = Member(options, self.broadcaster, self.shared, self.lease, self.said.append, lambda: None)
        self.stream = PlayedStream(self.member._take)
        self.member.upstream = cast("Upstream", self.stream)

    @property
    def role(self) -> str:
        return self.member.role

    @property
    def serves(self) -> bytes | None:
        return self.broadcaster.payload

    @property
    def served(self) -> list[bytes]:
        """All that it has ever served, in order."""
        return self.broadcaster.served

    def turn(self, count: int = 1) -> None:
        """What its greenlet does when it is woken."""
        for _ in range(count):
            self.member._try_turn()

    def look(self) -> None:
        """A turn that looks at Redis, as after an announcement."""
        self.member.look_again()
        self.turn()
