"""
A disk with good and bad days, in turn.

Everything here is the real thing, but for slowness: nothing that a test may count on makes a real disk slow, so
`os.fsync`, the last system call before a file gets its name, sleeps in its OS thread first.
"""

from __future__ import annotations

import contextlib
import os
import random
import resource
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.concurrency.worlds import World

SLOWNESS = 5.0
"""Seconds of one write on a slow disk."""

Remedy = Callable[[], object]


class Disk:
    """
    A task that spoils the cache directory and repairs it again.

    Args:
        directory: Where the client keeps its file; need not exist yet.
        turn: Seconds of one condition, at least and at most.

    Attributes:
        condition: The present one; `good` between two others.
        turns: By condition: how often it came.
    """

    def __init__(self, world: World, directory: Path, turn: tuple[float, float], chance: random.Random) -> None:
        self._world = world
        self._directory = directory
        self._aside = directory.with_name(directory.name + "-aside")
        self._turn = turn
        self._chance = chance
        self._quiet = False
        self._syncing = 0
        self._slow = False
        self._fsync = os.fsync
        self._pid = os.getpid()
        self.condition = "good"
        self.turns: Counter[str] = Counter()
        self._troubles: dict[str, Callable[[], Remedy]] = {
            "slow": self._slow_down,
            "a file in its place": self._put_file,
            "a link to nowhere": self._put_link,
            "no room": self._leave_no_room,
        }
        if os.geteuid() != 0:  # root may write anywhere
            self._troubles["read-only"] = self._forbid
        os.fsync = self._sync
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    def run(self, going: Callable[[], bool]) -> None:
        """Spoil and repair until `going` says no; the disk is good then."""
        while going():
            for name, spoil in self._troubles.items():
                self._stay("good", going)
                if not going():
                    return
                remedy = spoil()
                self._stay(name, going)
                if os.getpid() != self._pid:
                    return  # a greenlet that survived a fork: the directory is its parent's
                remedy()
                self.condition = "good"

    @contextlib.contextmanager
    def quiet(self) -> Iterator[None]:
        """Keep the disk good, and nothing under way, for a while."""
        self._quiet = True
        try:
            self._world.wait(lambda: self.condition == "good" and not self._syncing, "a quiet disk", 120)
            yield
        finally:
            self._quiet = False

    def _stay(self, condition: str, going: Callable[[], bool]) -> None:
        """Leave things as they are for one turn. A bad one is cut short, and a good one kept, while all is quiet."""
        self.condition = condition
        self.turns[condition] += 1
        left = self._chance.uniform(*self._turn)
        while going() and (self._quiet if condition == "good" and left <= 0 else left > 0):
            if self._quiet and condition != "good":
                return
            self._world.sleep(0.05)
            left -= 0.05

    def _sync(self, fd: Any) -> None:
        self._syncing += 1
        try:
            if self._slow:
                self._world.native_sleep(SLOWNESS)
            self._fsync(fd)
        finally:
            self._syncing -= 1

    def _slow_down(self) -> Remedy:
        self._slow = True
        return self._speed_up

    def _speed_up(self) -> None:
        self._slow = False

    def _put_file(self) -> Remedy:
        self._put_aside()
        self._directory.write_bytes(b"not a directory")
        return self._put_back

    def _put_link(self) -> Remedy:
        self._put_aside()
        self._directory.symlink_to("nowhere")
        return self._put_back

    def _put_aside(self) -> None:
        self._directory.mkdir(mode=0o700, exist_ok=True)
        self._directory.rename(self._aside)

    def _put_back(self) -> None:
        self._directory.unlink()
        self._aside.rename(self._directory)

    def _leave_no_room(self) -> Remedy:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
        return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    def _forbid(self) -> Remedy:
        self._directory.mkdir(mode=0o700, exist_ok=True)
        self._directory.chmod(0o500)
        return lambda: self._directory.chmod(0o700)
