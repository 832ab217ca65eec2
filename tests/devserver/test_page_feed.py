"""The topics of the pages: newest only, made when wanted, and ended properly."""

from __future__ import annotations

import gevent

from soasap._devserver.page_feed import PageFeed
from soasap._server.broadcaster import COMMENT
from soasap._server.woken_stream import SLICE_BYTES


class Topics:
    """Two topics whose state is how often it was asked for."""

    def __init__(self, keep_alive: float = 60.0) -> None:
        self.made = {"a": 0, "b": 0}
        self.feed = PageFeed({"a": lambda: self.make("a"), "b": lambda: self.make("b")}, keep_alive=keep_alive)

    def make(self, topic: str) -> bytes:
        self.made[topic] += 1
        return str(self.made[topic]).encode()


def test_everything_on_connect() -> None:
    """A new stream begins with each topic, as an event named after it."""
    chunks = iter(Topics().feed.subscribe())

    assert [b"event: a\ndata: 1\n\n", b"event: b\ndata: 1\n\n"] == [next(chunks), next(chunks)]


def test_only_what_is_new() -> None:
    """After a change of one topic each stream gets that one, made once for all."""
    topics = Topics()
    streams = [iter(topics.feed.subscribe()) for _ in range(3)]
    for chunks in streams:
        next(chunks), next(chunks)
    topics.feed.touch("b")

    assert [b"event: b\ndata: 2\n\n"] * 3 == [next(chunks) for chunks in streams]
    assert {"a": 1, "b": 2} == topics.made


def test_many_changes_are_one() -> None:
    """A stream that did not read meanwhile gets the newest state once."""
    topics = Topics()
    chunks = iter(topics.feed.subscribe())
    next(chunks), next(chunks)
    for _ in range(1000):
        topics.feed.touch("a")
    next(chunks)
    topics.feed.touch("b")

    assert b"event: b\ndata: 2\n\n" == next(chunks)
    assert 2 == topics.made["a"]


def test_nothing_is_made_for_nobody() -> None:
    """While no page listens, changes make nothing, and nothing is kept."""
    topics = Topics()
    topics.feed.subscribe().close()
    topics.feed.touch("a", "b")

    assert {"a": 0, "b": 0} == topics.made
    assert 0 == len(topics.feed)


def test_silence() -> None:
    """A comment follows silence."""
    chunks = iter(Topics(keep_alive=0.01).feed.subscribe())
    next(chunks), next(chunks)

    assert COMMENT == next(chunks)


def test_large_states_are_sent_in_pieces() -> None:
    """No piece handed to a socket is larger than those of the flags."""
    feed = PageFeed({"a": lambda: b"x" * 3 * SLICE_BYTES})
    stream = feed.subscribe()
    pieces = [next(chunks) for chunks in [iter(stream)] for _ in range(4)]

    assert b"event: a\ndata: " + b"x" * 3 * SLICE_BYTES + b"\n\n" == b"".join(pieces)
    assert SLICE_BYTES == max(map(len, pieces))


def test_the_end() -> None:
    """Closing the feed ends the streams that wait, and later ones before their first event."""
    topics = Topics()
    stream = topics.feed.subscribe()
    reading = gevent.spawn(lambda: list(stream))
    gevent.sleep(0)
    topics.feed.close()

    assert [b"event: a\ndata: 1\n\n", b"event: b\ndata: 1\n\n"] == reading.get(timeout=30)
    assert [] == list(topics.feed.subscribe())
