"""Children: real forks of the process with the client, each of which reads, streams a moment and exits."""

from __future__ import annotations

import os
import random
import signal
import sys
import time
import traceback
from collections.abc import Callable

from soasap import SoasapClientImpl
from tests.concurrency.worlds import World
from tests.soak.ledger import Ledger

EVENTS = 50
"""Of its own stream, in a child; then it leaves."""

PATIENCE = 60
"""Seconds for all of a child's life; what takes longer hangs, and is killed by its alarm."""


class Forks:
    """
    A task that forks.

    Args:
        every: Seconds between two forks, at least and at most.

    Attributes:
        children: How many there were.
        failures: How those ended that did not exit with 0.
    """

    def __init__(
        self,
        world: World,
        client: SoasapClientImpl,
        ledger: Ledger,
        every: tuple[float, float],
        chance: random.Random,
    ) -> None:
        self._world = world
        self._client = client
        self._ledger = ledger
        self._every = every
        self._chance = chance
        self.children = 0
        self.failures: list[str] = []

    def run(self, going: Callable[[], bool]) -> None:
        """Have one child after the other until `going` says no."""
        due = time.monotonic() + self._chance.uniform(*self._every)
        while going():
            self._world.sleep(0.05)
            if going() and time.monotonic() >= due:
                self._have_child()
                due = time.monotonic() + self._chance.uniform(*self._every)

    def _have_child(self) -> None:
        child = os.fork()
        if not child:
            self._be_child()
        self.children += 1
        while True:
            found, status = os.waitpid(child, os.WNOHANG)
            if found:
                break
            self._world.sleep(0.02)
        code = os.waitstatus_to_exitcode(status)
        if code:
            self.failures.append(f"child {self.children} ended with {code}")

    def _be_child(self) -> None:
        code = 1
        try:
            signal.alarm(PATIENCE)
            self._ledger.clear()
            client = self._client
            # Whatever the parent knew is there before the child has a stream of its own.
            assert client.get_int("sequence", -1) >= 0, "a child that knows nothing"
            assert client.wait_ready(PATIENCE), f"a child without a stream: {client.status()}"
            self._world.wait(lambda: self._ledger.events >= EVENTS, "the events of a child", PATIENCE)
            assert not self._ledger.holes, self._ledger.holes
            assert client.status().pid == os.getpid()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
