"""
The one cell that readers and tasks share.

::

    read                       store.snapshot.flags.get(key)          one reference, one dictionary
    nothing runs here yet      store.snapshot is an Unstarted         asking it for `flags` starts the work
    something runs             store.snapshot is a FlagSnapshot       `flags` is a dictionary

So a read needs no lock, no flag for "started" and no process id, and a new snapshot is one assignment. The rules that
keep it right under forks, each found by leaving it out under fault injection:

- settle before the first task exists, so that nothing newer can be overwritten;
- publish only for a run that is not over, and look once more after the assignment: a fork, or the death of another
  task, may have come between;
- whoever ends a run arms first and lets go of it afterwards, so that a fork in between still finds an `Unstarted`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from soasap._runtime.run import Run
from soasap._sansio.snapshot import EMPTY, FlagSnapshot

__all__ = ["Sink", "SnapshotStore"]

Sink: TypeAlias = Callable[[Run, FlagSnapshot, FlagSnapshot], None]
"""Called as `sink(run, previous, current)` by the publishing task, after the swap. Must neither block nor raise."""


class _Unstarted:
    """Stands in the cell until this process has a run."""

    __slots__ = ("_start", "_store", "known")

    def __init__(self, store: SnapshotStore, start: Callable[[], object], known: FlagSnapshot) -> None:
        self._store = store
        self._start = start
        self.known = known

    @property
    def flags(self) -> dict[str, Any]:
        self._start()
        return self._store.known().flags

    def json_copy(self, key: str, value: Any) -> Any:
        """As `FlagSnapshot.json_copy`; nothing is kept, as `value` may be newer than what is known here."""
        return FlagSnapshot({key: value}, b"", "none", None).json_copy(key, value)


class SnapshotStore:
    """
    Holds the current snapshot.

    Args:
        start: Starts the background work of this process; must not raise `Exception`, nor wait for the network.

    Attributes:
        snapshot: The cell. Readers use its `flags` and nothing else.
        sinks: Told of each new snapshot.
    """

    __slots__ = ("_start", "sinks", "snapshot")

    def __init__(self, start: Callable[[], object]) -> None:
        self._start = start
        self.sinks: list[Sink] = []
        self.snapshot: FlagSnapshot | _Unstarted = EMPTY
        self.arm()

    def known(self) -> FlagSnapshot:
        """The current snapshot, without starting anything."""
        snapshot = self.snapshot
        return snapshot if isinstance(snapshot, FlagSnapshot) else snapshot.known

    def replace(self, snapshot: FlagSnapshot) -> None:
        """Know this snapshot from now on, armed or not as before. For the starter, while no task runs."""
        if isinstance(self.snapshot, FlagSnapshot):
            self.snapshot = snapshot
        else:
            self.snapshot = _Unstarted(self, self._start, snapshot)

    def arm(self) -> None:
        """Let the next read start the work."""
        self.snapshot = _Unstarted(self, self._start, self.known())

    def settle(self) -> None:
        """
        Let reads cost nothing more: the work has started, or never will.

        A plain snapshot stays untouched: a task that publishes at this moment must not be overwritten.
        """
        snapshot = self.snapshot
        if not isinstance(snapshot, FlagSnapshot):
            self.snapshot = snapshot.known

    def publish(self, run: Run, snapshot: FlagSnapshot) -> FlagSnapshot | None:
        """
        Swap in a new snapshot and tell the sinks. Called by the tasks of `run` only.

        Returns:
            The snapshot before, so that the caller chooses when to free it; `None` if the run is over.
        """
        if run.over():
            return None
        previous = self.known()
        self.snapshot = snapshot
        if run.over():
            # Between these lines another task of the run died, or a signal handler forked and we are in the child.
            # Whoever armed the cell then has been overwritten, and nothing would start again.
            self.arm()
            return None
        for sink in self.sinks:
            sink(run, previous, snapshot)
        return previous
