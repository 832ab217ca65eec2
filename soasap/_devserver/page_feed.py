"""
What the pages are told: a few topics, of each the newest state only, to any number of open pages.

As with flags, a page that stops reading costs nobody anything and later gets the newest. The state of a topic is put
into words when a page wants it, once for all of them: while no page is open, news cost next to nothing.

Everything here belongs to one gevent hub.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import gevent

from soasap._server.broadcaster import COMMENT, encode_event
from soasap._server.woken_stream import WokenStream, slices

__all__ = ["PageFeed", "PageStream"]

PACE_SECONDS = 0.05
"""Between two looks for news: thousands of clients that reconnect are a few events for a page, not thousands."""


class PageStream(WokenStream):
    """One page's connection, as an iterator over bytes to send. Ends after `end()`; `close()` is owed."""

    __slots__ = ("_feed", "_seen")

    def __init__(self, feed: PageFeed) -> None:
        super().__init__()
        self._feed = feed
        self._seen: dict[str, int] = {}

    def __iter__(self) -> Iterator[bytes]:
        while not self._ended:
            # Cleared before looking, with no switch in between: a touch after the look sets it again.
            self._news.clear()
            topics = self._feed.newer_than(self._seen)
            for topic in topics:
                number, slices = self._feed.event(topic)
                self._seen[topic] = number
                yield from slices
            if topics:
                gevent.sleep(PACE_SECONDS)
            elif not self._news.wait(self._feed.keep_alive):
                yield COMMENT

    def close(self) -> None:
        """Leave the feed. Idempotent."""
        self.end()
        self._feed.leave(self)


class PageFeed:
    """
    Keeps the topics.

    Args:
        topics: By name, what gives the state of each as JSON on one line.
        keep_alive: Seconds of silence on a stream after which a comment is sent.
    """

    def __init__(self, topics: Mapping[str, Callable[[], bytes]], *, keep_alive: float = 15.0) -> None:
        self.keep_alive = keep_alive
        self._topics = topics
        self._numbers = dict.fromkeys(topics, 1)
        self._made: dict[str, tuple[int, list[bytes]]] = {}
        self._streams: set[PageStream] = set()
        self._closed = False

    def __len__(self) -> int:
        """How many pages listen."""
        return len(self._streams)

    def touch(self, *topics: str) -> None:
        """The state of these topics is another one now."""
        for topic in topics:
            self._numbers[topic] += 1
        for stream in self._streams:
            stream.wake()

    def newer_than(self, seen: Mapping[str, int]) -> list[str]:
        """The topics that have news for one who has seen these numbers."""
        return [topic for topic, number in self._numbers.items() if seen.get(topic) != number]

    def event(self, topic: str) -> tuple[int, list[bytes]]:
        """The newest state of a topic: its number, and the event in the pieces to send."""
        number = self._numbers[topic]
        made = self._made.get(topic)
        if made is None or made[0] != number:
            event = b"event: " + topic.encode() + b"\n" + encode_event(self._topics[topic]())
            made = number, slices(event)
            self._made[topic] = made
        return made

    def subscribe(self) -> PageStream:
        """A new stream. The caller iterates it, and closes it when the page is gone."""
        stream = PageStream(self)
        self._streams.add(stream)
        if self._closed:
            stream.end()
        return stream

    def leave(self, stream: PageStream) -> None:
        """Forget a stream; `PageStream.close` calls this."""
        self._streams.discard(stream)
        if not self._streams:
            self._made.clear()  # megabytes, perhaps, for nobody

    def close(self) -> None:
        """End all streams, and those that are still to come at once."""
        self._closed = True
        for stream in list(self._streams):
            stream.end()
