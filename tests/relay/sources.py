"""A source of payloads without a network: the test plays upstream."""

from __future__ import annotations

from typing import Any, Literal, cast

from soasap._relay.environment import Environment
from soasap._relay.upstream import Upstream
from soasap._server.broadcaster import Broadcaster
from soasap.types import ClientStatus

__all__ = ["PlayedSource", "PlayedUpstream", "played"]


class PlayedUpstream:
    """What `Upstream` tells about itself, set by the test."""

    is_refused = False
    words = ""
    now: ClientStatus | None = None

    def status(self) -> ClientStatus | None:
        return self.now

    def trouble(self) -> str:
        return self.words


class PlayedSource:
    """Keeps `soasap._relay.environment.Source`, and counts what it is told."""

    role: Literal["leader", "follower", "alone"] = "alone"
    redis_trouble = ""

    def __init__(self) -> None:
        self.played = PlayedUpstream()
        self.upstream = cast("Upstream", self.played)
        self.told: list[str] = []

    def start(self) -> None:
        self.told.append("start")

    def resign(self) -> None:
        self.told.append("resign")

    def stop(self) -> None:
        self.told.append("stop")


def played(name: str = "production", **options: Any) -> tuple[Environment, PlayedSource]:
    """An environment, and the source that it has."""
    source = PlayedSource()
    return Environment(name, Broadcaster(), source, **options), source
