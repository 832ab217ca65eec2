"""Looks at the client twenty times a second: is it connected, how far behind are its flags, did the process stall."""

from __future__ import annotations

import time
from collections.abc import Callable

from soasap import SoasapClientImpl
from tests.concurrency.worlds import World
from tests.soak.ledger import Ledger

STEP = 0.05

FRESH = 1.0
"""Seconds the flags may be behind while we call the client connected: a stream that only looks open does not count."""


class Watch:
    """
    A task that looks.

    Attributes:
        seconds: Watched so far.
        connected: Those of them in which the stream was live and the flags fresh.
        longest_behind: Seconds, the worst.
        longest_stall: Seconds by which this task itself was late, the worst: how long nothing else ran.
    """

    def __init__(self, world: World, client: SoasapClientImpl, ledger: Ledger) -> None:
        self._world = world
        self._client = client
        self._ledger = ledger
        self.seconds = 0.0
        self.connected = 0.0
        self.longest_behind = 0.0
        self.longest_stall = 0.0

    def run(self, going: Callable[[], bool]) -> None:
        """Look until `going` says no."""
        before = time.monotonic()
        while going():
            self._world.sleep(STEP)
            now = time.monotonic()
            passed, before = now - before, now
            if not going():
                return
            behind = self._ledger.behind()
            self.seconds += passed
            if self._client.status().state == "live" and behind < FRESH:
                self.connected += passed
            self.longest_behind = max(self.longest_behind, behind)
            self.longest_stall = max(self.longest_stall, passed - STEP)
