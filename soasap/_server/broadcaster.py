"""
One newest payload, any number of readers, and no queue between them.

Each stream remembers which event it sent last. When something newer is there it sends that, however many
events it missed: a reader that stops reading costs one event's memory, holds up nobody, and later gets the
newest only. An event that was begun is always finished, since half an event would be parsed by nobody.

The broadcaster does not know where payloads come from. Everything here belongs to one gevent hub: call it
from greenlets or callbacks of that hub (`loop.run_callback_threadsafe` brings a call over from another OS
thread).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import count

from soasap._server.woken_stream import WokenStream, slices

__all__ = ["COMMENT", "Broadcaster", "Stream", "encode_event"]

COMMENT = b": still here\n\n"


def encode_event(payload: bytes) -> bytes:
    """
    The payload as one event of the event-stream format, WHATWG HTML section 9.2.

    Each line becomes a `data` field; a decoder joins them again with line feeds.
    """
    lines = payload.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    return b"data: " + b"\ndata: ".join(lines) + b"\n\n"


class _Event:
    """An encoded payload, cut once so that all streams share the pieces."""

    __slots__ = ("payload", "size", "slices")

    def __init__(self, payload: bytes) -> None:
        encoded = encode_event(payload)
        self.payload = payload
        self.size = len(encoded)
        self.slices = slices(encoded)


class Stream(WokenStream):
    """
    One reader's connection, as an iterator over bytes to send.

    Iterate once. The first chunk comes at once, an event or a comment, so that the answer's head is not held
    back; then each event that is new, and a comment after `keep_alive` seconds without one. Ends after
    `end()`.

    Attributes:
        number: Counted from 1 within the broadcaster.
        user_agent: As the reader gave it.
        remote: The reader's address, for people.
        since: Wall clock in seconds when the stream opened.
        events: Events handed over completely.
        last_sent: Wall clock in seconds when the newest event was begun, 0 before the first.
    """

    __slots__ = (
        "_broadcaster",
        "_seen",
        "events",
        "last_sent",
        "number",
        "remote",
        "since",
        "user_agent",
    )

    def __init__(self, broadcaster: Broadcaster, number: int, user_agent: str, remote: str) -> None:
        super().__init__()
        self.number = number
        self.user_agent = user_agent
        self.remote = remote
        self.since = time.time()
        self.events = 0
        self.last_sent = 0.0
        self._broadcaster = broadcaster
        self._seen: _Event | None = None

    def __iter__(self) -> Iterator[bytes]:
        broadcaster = self._broadcaster
        if broadcaster.newest is None:
            yield COMMENT
        while not self._ended:
            # Cleared before looking, with no switch in between: an event published after the look sets it
            # again.
            self._news.clear()
            event = broadcaster.newest
            if event is not None and event is not self._seen:
                self._seen = event
                self.last_sent = time.time()
                yield from event.slices
                self.events += 1
                broadcaster.sent_events += 1
                broadcaster.sent_bytes += event.size
            elif not self._news.wait(broadcaster.keep_alive):
                yield COMMENT

    def close(self) -> None:
        """Leave the broadcaster. Owed by whoever subscribed. Idempotent."""
        self.end()
        self._broadcaster.leave(self)


class Broadcaster:
    """
    Hands the newest payload to all streams.

    Args:
        keep_alive: Seconds of silence on a stream after which a comment is sent.

    Attributes:
        on_streams: Called when a stream has come or gone; must not block.
        sent_events: Events handed over completely, to whichever stream.
        sent_bytes: Their bytes, comments and the frames of HTTP not counted.
    """

    def __init__(self, *, keep_alive: float = 15.0) -> None:
        self.keep_alive = keep_alive
        self.on_streams: Callable[[], None] = _nothing
        self.newest: _Event | None = None
        self.sent_events = 0
        self.sent_bytes = 0
        self._numbers = count(1)
        self._streams: dict[int, Stream] = {}
        self._closed = False

    def __len__(self) -> int:
        """How many streams are open."""
        return len(self._streams)

    @property
    def payload(self) -> bytes | None:
        """The payload published last, `None` before the first."""
        return self.newest.payload if self.newest is not None else None

    def streams(self) -> list[Stream]:
        """The open streams, oldest first."""
        return list(self._streams.values())

    def publish(self, payload: bytes) -> None:
        """Send this payload to every stream, now and on connect. One equal to the last is nobody's news."""
        if payload == self.payload:
            return
        self.newest = _Event(payload)
        for stream in self._streams.values():
            stream.wake()

    def begin_with(self, payload: bytes | None) -> None:
        """Publish this if nothing was published yet: something old is better than nothing, and worse than all else."""
        if payload is not None and self.newest is None:
            self.publish(payload)

    def subscribe(self, *, user_agent: str = "", remote: str = "") -> Stream:
        """A new stream. The caller iterates it, and closes it when the reader is gone."""
        stream = Stream(self, next(self._numbers), user_agent, remote)
        self._streams[stream.number] = stream
        self.on_streams()
        if self._closed:
            stream.end()
        return stream

    def leave(self, stream: Stream) -> None:
        """Forget a stream; `Stream.close` calls this."""
        if self._streams.pop(stream.number, None) is not None:
            self.on_streams()

    def close(self) -> None:
        """End all streams, and those that are still to come at once."""
        self._closed = True
        for stream in self.streams():
            stream.end()


def _nothing() -> None:
    """Nobody wants to know."""
