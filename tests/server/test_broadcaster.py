"""The broadcaster alone: what each stream is given, in which order, and when."""

from __future__ import annotations

from collections.abc import Iterator

import gevent
import pytest
from gevent.event import Event
from hypothesis import given
from hypothesis import strategies as st

from soasap._server.broadcaster import COMMENT, Broadcaster, encode_event
from soasap._server.woken_stream import SLICE_BYTES


def take(chunks: Iterator[bytes], size: int) -> bytes:
    """Chunks until there are `size` bytes."""
    taken = b""
    with gevent.Timeout(20):
        while len(taken) < size:
            taken += next(chunks)
    return taken


def test_a_payload_is_one_data_line() -> None:
    """A payload without line breaks is one data field and a blank line."""
    assert b'data: {"a":1}\n\n' == encode_event(b'{"a":1}')


@pytest.mark.parametrize("newline", [b"\n", b"\r\n", b"\r"])
def test_each_line_is_a_data_field(newline: bytes) -> None:
    """Every kind of line break in a payload starts a new data field."""
    assert b"data: {\ndata: }\n\n" == encode_event(b"{" + newline + b"}")


def test_a_new_stream_gets_the_newest_payload() -> None:
    """Whoever subscribes gets the payload published last, at once, and none of those before."""
    broadcaster = Broadcaster()
    broadcaster.publish(b"1")
    broadcaster.publish(b"2")

    assert encode_event(b"2") == next(iter(broadcaster.subscribe()))


def test_before_the_first_payload_a_comment_opens_the_stream() -> None:
    """Without a payload the first chunk is a comment, and the payload follows when it is there."""
    broadcaster = Broadcaster()
    chunks = iter(broadcaster.subscribe())

    assert COMMENT == next(chunks)

    gevent.spawn(broadcaster.publish, b"1")

    assert encode_event(b"1") == take(chunks, 1)


def test_silence_brings_comments() -> None:
    """A stream without news sends a comment after each `keep_alive` seconds."""
    broadcaster = Broadcaster(keep_alive=0.01)
    broadcaster.publish(b"1")
    chunks = iter(broadcaster.subscribe())
    next(chunks)

    assert COMMENT * 3 == take(chunks, 3 * len(COMMENT))


def test_a_late_reader_gets_the_newest_only() -> None:
    """Events published while a stream is busy with one are skipped, but for the newest; the one is finished."""
    broadcaster = Broadcaster()
    large = b"x" * (3 * SLICE_BYTES)
    broadcaster.publish(large)
    chunks = iter(broadcaster.subscribe())
    begun = next(chunks)
    for number in range(100):
        broadcaster.publish(b"%d" % number)

    assert encode_event(large) == begun + take(chunks, len(encode_event(large)) - len(begun))
    assert encode_event(b"99") == next(chunks)


def test_an_equal_payload_is_no_news() -> None:
    """Publishing the payload that is there already sends nothing."""
    broadcaster = Broadcaster(keep_alive=0.01)
    broadcaster.publish(b"1")
    chunks = iter(broadcaster.subscribe())
    next(chunks)
    broadcaster.publish(b"1")

    assert COMMENT == next(chunks)


def test_each_payload_reaches_every_waiting_stream() -> None:
    """All streams that wait are woken by one publish, and each gets every payload it waited for."""
    broadcaster = Broadcaster()
    broadcaster.publish(b"0")
    got: list[bytes] = []
    turn = Event()

    def read() -> None:
        stream = broadcaster.subscribe()
        for chunk in stream:
            got.append(chunk)
            if len(got) % 50 == 0:
                turn.set()
        stream.close()

    readers = [gevent.spawn(read) for _ in range(50)]
    for number in (1, 2, 3):
        assert turn.wait(20)
        turn.clear()
        broadcaster.publish(b"%d" % number)
    assert turn.wait(20)
    broadcaster.close()
    gevent.joinall(readers, timeout=20, raise_error=True)

    assert [encode_event(b"%d" % (n // 50)) for n in range(200)] == got
    assert 0 == len(broadcaster)


def test_streams_are_counted_and_described() -> None:
    """The broadcaster knows its open streams, and each stream who reads it and what it was given."""
    broadcaster = Broadcaster()
    broadcaster.publish(b"1")
    first = broadcaster.subscribe(user_agent="one", remote="here")
    second = broadcaster.subscribe()
    chunks = iter(first)
    next(chunks)
    broadcaster.publish(b"2")
    next(chunks)

    assert [first, second] == broadcaster.streams()
    assert ("one", "here", 1) == (first.user_agent, first.remote, first.events)
    assert 0 < first.since <= first.last_sent
    assert 0 == second.last_sent

    first.close()
    first.close()

    assert [second] == broadcaster.streams()


def test_a_closed_broadcaster_ends_all_streams() -> None:
    """After `close` streams end after the event they are in, and new ones have nothing."""
    broadcaster = Broadcaster()
    broadcaster.publish(b"x" * (2 * SLICE_BYTES))
    chunks = iter(broadcaster.subscribe())
    begun = next(chunks)
    broadcaster.close()

    assert encode_event(b"x" * (2 * SLICE_BYTES)) == begun + b"".join(chunks)
    assert [] == list(broadcaster.subscribe())


@given(st.binary(min_size=1, max_size=4 * SLICE_BYTES).map(lambda data: data.replace(b"\r", b"")))
def test_slices_add_up(payload: bytes) -> None:
    """However large, the chunks of an event are the event, none larger than a slice."""
    broadcaster = Broadcaster()
    broadcaster.publish(payload)
    stream = broadcaster.subscribe()
    chunks = []
    for chunk in stream:
        chunks.append(chunk)
        if sum(map(len, chunks)) == len(encode_event(payload)):
            stream.end()

    assert encode_event(payload) == b"".join(chunks)
    assert max(map(len, chunks)) <= SLICE_BYTES
