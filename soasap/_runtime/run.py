"""
One run: everything that belongs to the background work of one process.

A client has at most one run at a time. A fork drops it whole in the child; `close()` and the unexpected death of a task
end it whole. Nothing else in the client knows tasks, events or connections.
"""

from __future__ import annotations

from collections.abc import Callable

from soasap.protocols import ConcurrencyBackend, Task, Transport

__all__ = ["Run"]


class Run:
    """
    The tasks of one process, and what they wait for.

    Attributes:
        backend: Made for this run.
        transport: Set by the starter before the first task exists.
        tasks: Those started so far, all of them ours.
        calls: What the task does that runs the application's code; set by the starter.
        callback_task: That task, once there is something to call.
        stop: Set when the run is to end.
        dirty: Set when there may be something to save.
        posted: Set when a call of the application waits to be made.
        ready: Set when the first snapshot came from the stream, and at the end.
        stopped: The run was ended in its own process.
        dead: This is a forked child, and the run is its parent's. Inherited greenlets see it and leave.
    """

    __slots__ = (
        "backend",
        "callback_task",
        "calls",
        "dead",
        "dirty",
        "posted",
        "ready",
        "stop",
        "stopped",
        "tasks",
        "transport",
    )

    def __init__(self, backend: ConcurrencyBackend) -> None:
        self.backend = backend
        self.transport: Transport | None = None
        self.tasks: list[Task] = []
        self.calls: Callable[[], None] = lambda: None
        self.callback_task: Task | None = None
        self.stop = backend.event()
        self.dirty = backend.event()
        self.posted = backend.event()
        self.ready = backend.event()
        self.stopped = False
        self.dead = False

    def serve_callbacks(self) -> None:
        """
        Start the task that runs the application's code, unless it runs. By the starter, later by the stream's task.

        Raises `RuntimeError` if no task can start.
        """
        if self.callback_task is None:
            self.callback_task = self.backend.spawn(self.calls, "soasap-callbacks")

    def over(self) -> bool:
        """Whether its tasks must leave. Looked at after everything that can block."""
        return self.dead or self.stopped

    def breathe(self) -> None:
        """Let other tasks of the process run. Timers run only in a wait, not in a plain yield."""
        self.stop.wait(0)

    def halt(self) -> None:
        """End the run. Never blocks: callable from any thread, greenlet or signal handler, more than once."""
        self.stopped = True
        self.stop.set()
        self.dirty.set()
        self.posted.set()
        self.ready.set()
        if self.transport is not None:
            self.transport.wake()

    def abandon(self) -> None:
        """Give up what a forked child inherited. Takes no lock, sets no event, and never yields."""
        self.dead = True
        if self.transport is not None:
            self.transport.abandon()
