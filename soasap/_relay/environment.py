"""One API key at the relay: its streams, and where their payloads come from."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Literal, Protocol

from soasap._server.broadcaster import Broadcaster

if TYPE_CHECKING:
    from soasap._relay.upstream import Upstream
    from soasap.types import ClientStatus

__all__ = ["Environment", "EnvironmentReport", "Source"]


class Source(Protocol):
    """
    Where an environment's payloads come from: `soasap._relay.solo.Solo`, or `soasap._relay.member.Member`.

    Attributes:
        upstream: The client upstream, closed where another relay streams.
        role: How this relay gets its payloads.
        redis_trouble: Why Redis cannot be used; empty if it can, and where there is none.
    """

    upstream: Upstream

    @property
    def role(self) -> Literal["leader", "follower", "alone"]: ...

    @property
    def redis_trouble(self) -> str: ...

    def start(self) -> None: ...

    def resign(self) -> None:
        """This relay is about to leave: let another one lead, and go on serving."""
        ...

    def stop(self) -> None: ...


class Environment:
    """
    What belongs to one API key.

    Args:
        name: For people.
        broadcaster: Has the newest payload, and the streams.
        source: Publishes into it.
        is_guest: Whether nobody named the key, so that it may be forgotten again.

    Attributes:
        idle_since: Monotonic seconds since when no client is there.
    """

    def __init__(self, name: str, broadcaster: Broadcaster, source: Source, *, is_guest: bool = False) -> None:
        self.name = name
        self.broadcaster = broadcaster
        self.source = source
        self.is_guest = is_guest
        self.idle_since = time.monotonic()
        broadcaster.on_streams = self._note_streams

    def stop(self) -> None:
        """End its streams and its source."""
        self.broadcaster.close()
        self.source.stop()

    def report(self) -> EnvironmentReport:
        """How it is, at this moment."""
        return EnvironmentReport(self, self.source.upstream.status())

    def _note_streams(self) -> None:
        self.idle_since = time.monotonic()


class EnvironmentReport:
    """
    An environment at one moment, for `/healthz` and the metrics.

    Attributes:
        state: `live`, `connecting` or `stale` as the stream from upstream, `shared` where another relay has that.
        age: Seconds since that stream last showed life; `None` if it never did, or is another relay's.
    """

    def __init__(self, environment: Environment, status: ClientStatus | None) -> None:
        source, broadcaster = environment.source, environment.broadcaster
        self.name = environment.name
        self.role = source.role
        self.state: str = "shared" if status is None else status.state
        self.age = None if status is None else status.age
        self.clients = len(broadcaster)
        self.has_snapshot = broadcaster.payload is not None
        self.sent_events = broadcaster.sent_events
        self.sent_bytes = broadcaster.sent_bytes
        self.trouble = source.upstream.trouble()
        self.redis_trouble = source.redis_trouble
