"""
Runs what the application gave us, on a task of its own.

A handler may block, raise, or call any method of the client, `close()` too: the stream does not notice. Calls wait in
a queue of at most `QUEUE_LENGTH`; whoever posts one more is told that there is no room.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable

from soasap._runtime.run import Run

__all__ = ["QUEUE_LENGTH", "Callbacks"]

QUEUE_LENGTH = 100
IDLE_WAIT = 60.0
"""Seconds; waits are finite because a green hub with nothing else to do would raise."""

LAST_WORDS = 5.0
"""Seconds that a task which ends has for its last report: `close()` grants a slow disk as much."""

logger = logging.getLogger("soasap")


class Callbacks:
    """
    A queue of calls, and the task that makes them.

    Calls posted before the first run wait for it. In a forked child the queue starts empty, unless nothing ever ran
    in the parent: what the constructor reported is then new in every child.

    Attributes:
        calling: Whether a call is being made: the task is in the application's hands, perhaps for ever.
    """

    def __init__(self) -> None:
        self.calling = False
        self._queue: deque[Callable[[], None]] = deque()
        self._run: Run | None = None

    def post(self, call: Callable[[], None]) -> bool:
        """Queue a call. False, and nothing queued, if the queue is full."""
        if len(self._queue) >= QUEUE_LENGTH:
            return False
        self._append(call)
        return True

    def post_once(self, call: Callable[[], None]) -> None:
        """Queue a call, however full the queue is, unless it waits there already."""
        if call not in list(self._queue):
            self._append(call)

    def offer(self, run: Run, call: Callable[[], None]) -> None:
        """
        `post_once`, by the stream's task of a run, whose task for callbacks is started if need be.

        While no thread is to be had nothing is queued: whoever offers a call has it again the next time.
        """
        try:
            run.serve_callbacks()
        except RuntimeError:
            return
        self.post_once(call)

    def _append(self, call: Callable[[], None]) -> None:
        self._queue.append(call)
        run = self._run
        if run is not None:
            run.posted.set()

    def forget(self) -> None:
        """In a forked child: what was queued belongs to the parent."""
        if self._run is not None:
            self._run = None
            self._queue = deque()
            self.calling = False

    def serve(self, run: Run) -> None:
        """The task: make the calls until the run is over, those already queued and the last ones included."""
        self._run = run
        while not run.over():
            run.posted.clear()
            self._make_calls(run)
            if not run.over():
                run.posted.wait(IDLE_WAIT)
        self._make_calls(run)
        for task in run.tasks:
            if not run.dead:
                task.join(LAST_WORDS)  # its last save may fail, and that is a report too
        self._make_calls(run)

    def _make_calls(self, run: Run) -> None:
        while self._queue and not run.dead:
            self.calling = True
            try:
                self._queue.popleft()()
            except (Exception, SystemExit):  # a thread that exits would end the run; the kill of a greenlet may
                logger.exception("soasap: a callback of the application raised")
            finally:
                self.calling = False
