"""One environment of a relay that shares with nobody: its own stream, for as long as it runs."""

from __future__ import annotations

from typing import Literal

from soasap._relay.upstream import Upstream
from soasap._server.broadcaster import Broadcaster
from soasap.types import SoasapClientOptions

__all__ = ["Solo"]


class Solo:
    """
    Streams from upstream, and serves what the disk has until the first event.

    Args:
        options: Of the client upstream.
        broadcaster: Gets what is to be served.

    Attributes:
        upstream: The client upstream.
    """

    role: Literal["alone"] = "alone"
    redis_trouble = ""

    def __init__(self, options: SoasapClientOptions, broadcaster: Broadcaster) -> None:
        self.upstream = Upstream(options, broadcaster.publish)
        self._broadcaster = broadcaster

    def start(self) -> None:
        self.upstream.open()
        self._broadcaster.begin_with(self.upstream.kept)

    def resign(self) -> None:
        """Nobody is there to lead instead: it streams to the end."""

    def stop(self) -> None:
        if (ending := self.upstream.close()) is not None:
            ending.join(2.0)
