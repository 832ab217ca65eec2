"""What the streams of flags and those of pages share: they sleep until there is news, or their end."""

from __future__ import annotations

from gevent.event import Event

__all__ = ["SLICE_BYTES", "WokenStream", "slices"]

SLICE_BYTES = 64 * 1024
"""What one write hands to a socket. Whole 4.5 MB events handed to 300 stalled readers cost 1.3 GB."""


def slices(event: bytes) -> list[bytes]:
    """An encoded event in the pieces to send, cut once so that all streams share them."""
    return [event[start : start + SLICE_BYTES] for start in range(0, len(event), SLICE_BYTES)]


class WokenStream:
    """A stream of one gevent hub, which a subclass iterates over: cleared `_news`, a look, then a wait for it."""

    __slots__ = ("_ended", "_news")

    def __init__(self) -> None:
        self._news = Event()
        self._ended = False

    def wake(self) -> None:
        """Look again whether there is something to send."""
        self._news.set()

    def end(self) -> None:
        """Finish the event that was begun, if any, and then the iteration. Idempotent."""
        self._ended = True
        self._news.set()
