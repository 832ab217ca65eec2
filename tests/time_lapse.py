"""
A backend whose pauses between two attempts are short, and written down.

The client waits seconds after each failure, and minutes or an hour in the slow regime. The option `backend` takes any
object that keeps the protocol, so a test may hand in the one that fits its process, with the one difference that such
a pause is over at once. Everything else, sockets, tasks and other waits included, is the real thing.
"""

from __future__ import annotations

from typing import Any

from soasap.concurrency.auto import make_backend
from soasap.protocols import ConcurrencyBackend, Event

__all__ = ["TimeLapse"]

INSTANT = 0.01
"""Seconds that a pause really takes: not nothing, as a client that fails for ever must leave others some time."""


class TimeLapse:
    """
    For the option `backend` of one client.

    Attributes:
        delays: The pauses asked for, in seconds and in order.
    """

    def __init__(self) -> None:
        self.delays: list[float] = []

    def __call__(self) -> ConcurrencyBackend:
        backend: Any = _Hurried(make_backend("auto"), self.delays)
        made: ConcurrencyBackend = backend
        return made


class _Hurried:
    """A backend of which the first event is the hurried one: `soasap._runtime.run.Run` makes `stop` first."""

    def __init__(self, backend: ConcurrencyBackend, delays: list[float]) -> None:
        self._backend = backend
        self._delays = delays
        self._made = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)

    def event(self) -> Event:
        self._made += 1
        event = self._backend.event()
        return _HurriedEvent(event, self._delays) if self._made == 1 else event


class _HurriedEvent:
    def __init__(self, event: Event, delays: list[float]) -> None:
        self._event = event
        self._delays = delays
        self.set, self.clear, self.is_set = event.set, event.clear, event.is_set

    def wait(self, timeout: float) -> bool:
        if timeout <= 0:  # a breath
            return self._event.wait(timeout)
        self._delays.append(timeout)
        return self._event.wait(min(timeout, INSTANT))
