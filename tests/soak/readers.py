"""What an application does all the time: read, with every getter."""

from __future__ import annotations

import traceback
from collections.abc import Callable

from soasap import SoasapClientImpl
from tests.concurrency.worlds import World

STEP = 0.005


class Readers:
    """
    A task that reads.

    Attributes:
        reads: How many so far.
        failures: What was wrong, in words: a read that raised, or gave what no set of flags holds.
    """

    def __init__(self, world: World, client: SoasapClientImpl) -> None:
        self._world = world
        self._client = client
        self.reads = 0
        self.failures: list[str] = []

    def run(self, going: Callable[[], bool]) -> None:
        """Read until `going` says no."""
        while going():
            try:
                self._read()
            except Exception:
                self.failures.append(traceback.format_exc())
            self._world.sleep(STEP)

    def _read(self) -> None:
        client = self._client
        tree = client.get_json("tree-1", {"groups": ["a", "b", 1], "share": 1 / 7})
        found = (
            client.get_bool("switch-0", True),
            client.get_number("limit-1", 1.5),
            client.get_int("limit-0", 0),
            client.get_string("text-1", "t"),
            tree,
            client.get_bool("never sent"),
        )
        self.reads += len(found)
        if found != (True, 1.5, 0, "t", {"groups": ["a", "b", 1], "share": 1 / 7}, False):
            self.failures.append(f"read {found}")
        if tree is not None:
            tree.clear()  # ours to change
