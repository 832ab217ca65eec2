"""The decoder keeps WHATWG HTML 9.2 to the letter, in bounded memory and linear time."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Iterable
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soasap._sansio.sse import MAX_EVENT_BYTES, Outcome, ServerSentEvent, SseDecoder
from soasap.exceptions import PayloadTooLarge
from tests.strategies import cut, sse_documents

BOM = b"\xef\xbb\xbf"
CHUNK = 64 * 1024


def decode(chunks: Iterable[bytes], cap: int = MAX_EVENT_BYTES) -> list[Outcome | str]:
    """What comes out of these chunks; a `PayloadTooLarge` as the words "too large", which compare."""
    decoder = SseDecoder(cap)
    return ["too large" if isinstance(o, PayloadTooLarge) else o for chunk in chunks for o in decoder.feed(chunk)]


def bytewise(document: bytes) -> list[bytes]:
    return [document[place : place + 1] for place in range(len(document))]


def data_of(document: bytes) -> list[bytes | None]:
    """The data of each event, None in the place of one that was too large."""
    return [o.data if isinstance(o, ServerSentEvent) else None for o in SseDecoder().feed(document)]


@dataclass
class Standard:
    """The standard's own algorithm, a byte at a time and without a thought for speed; the cap is ours."""

    cap: int
    outcomes: list[Outcome | str] = field(default_factory=list)
    line: bytes = b""
    lines_ended: int = 0
    was_cr: bool = False
    data: list[bytes] = field(default_factory=list)
    type: str = ""
    id: str = ""
    retry: int | None = None
    is_told: bool = False

    def run(self, document: bytes) -> list[Outcome | str]:
        for byte in document:
            if byte == 0x0A and self.was_cr:
                self.was_cr = False
                continue
            self.was_cr = byte == 0x0D
            if byte in (0x0A, 0x0D):
                self.end_line()
            else:
                self.line += bytes([byte])
        return self.outcomes

    def end_line(self) -> None:
        line, self.line = self.line, b""
        if self.lines_ended == 0 and line.startswith(BOM):
            line = line[3:]
        self.lines_ended += 1
        if line == b"":
            self.dispatch()
        elif b":" in line:
            place = line.index(b":")
            value = line[place + 1 :]
            self.process(line[:place], value[1:] if value[:1] == b" " else value)
        else:
            self.process(line, b"")

    def process(self, name: bytes, value: bytes) -> None:
        if name == b"data":
            self.data.append(value)
            if len(b"\n".join(self.data)) > self.cap and not self.is_told:
                self.is_told = True
                self.outcomes.append("too large")
        if len(value) > self.cap:
            return
        if name == b"event":
            self.type = value.decode("utf-8", "replace")
        if name == b"id" and 0 not in value:
            self.id = value.decode("utf-8", "replace")
        if name == b"retry" and value and all(48 <= digit <= 57 for digit in value):
            self.retry = min(int(value), 10**15)

    def dispatch(self) -> None:
        if self.data and not self.is_told:
            event = ServerSentEvent(b"\n".join(self.data), self.type or "message", self.id, self.retry)
            self.outcomes.append(event)
        self.data, self.type, self.retry, self.is_told = [], "", None, False


@settings(deadline=None, max_examples=400)
@given(st.data(), sse_documents(), st.sampled_from([0, 1, 2, 5, 17, 31, MAX_EVENT_BYTES]))
def test_same_events_however_cut(data: st.DataObject, document: bytes, cap: int) -> None:
    """A document gives what the standard says, uncut, cut anywhere, and a byte at a time."""
    expected = Standard(cap).run(document)

    assert expected == decode([document], cap)
    assert expected == decode(data.draw(cut(document)), cap)
    assert expected == decode(bytewise(document), cap)


@settings(deadline=None)
@given(st.binary(max_size=60), st.data())
def test_noise(noise: bytes, data: st.DataObject) -> None:
    """Any bytes are taken, and the event after them arrives."""
    document = noise + b"\n\ndata: after\n\n"
    outcomes = decode(data.draw(cut(document)))

    assert Standard(MAX_EVENT_BYTES).run(document) == outcomes
    assert isinstance(outcomes[-1], ServerSentEvent)
    assert b"after" == outcomes[-1].data


@pytest.mark.parametrize(
    ("expected", "document"),
    [
        pytest.param([b'{"a": 1}'], b'data: {"a": 1}\n\n', id="one line"),
        pytest.param([b"x"], b"data:x\n\n", id="no space after the colon"),
        pytest.param([b" x"], b"data:  x\n\n", id="only one space is stripped"),
        pytest.param([b"YHOO\n+2\n10"], b"data: YHOO\ndata: +2\ndata: 10\n\n", id="lines joined by LF"),
        pytest.param([b"a", b"b"], b"data: a\r\rdata: b\r\r", id="CR"),
        pytest.param([b"a", b"b"], b"data: a\r\n\r\ndata: b\r\n\r\n", id="CRLF"),
        pytest.param([b"a"], b"data: a\r\n\n", id="CRLF followed by LF"),
        pytest.param([b"a", b"b"], b"data: a\n\rdata: b\r\n\r", id="mixed"),
        pytest.param([b"", b"\n"], b"data\n\ndata\ndata\n\n", id="data without a colon"),
        pytest.param([b""], b"data:\n\n", id="empty data is data"),
        pytest.param([], b"event: x\nid: 1\n\n", id="no line of data, no event"),
        pytest.param([], b"data: unfinished\n", id="an unfinished event is dropped"),
        pytest.param([], b"data: unfinished\r\n", id="CRLF is one line end"),
        pytest.param([b"x"], b": hello\ndata: x\n:\n\n", id="comments"),
        pytest.param([b"x"], b"Data: y\n data: y\ndatas: y\ndat: y\ndata: x\n\n", id="unknown fields"),
        pytest.param(
            ["a\u2028b\u0085c\x0bd\x0ce".encode()],
            "data: a\u2028b\u0085c\x0bd\x0ce\n\n".encode(),
            id="other line separators of Unicode are text",
        ),
        pytest.param([b"\xff\xfe\0"], b"data: \xff\xfe\0\n\n", id="data is not decoded"),
        pytest.param([b"x"], BOM + b"data: x\n\n", id="leading BOM"),
        pytest.param([], BOM + BOM + b"data: x\n\n", id="one BOM only"),
        pytest.param([b"x"], b"\xef\n\xbbdata: y\ndata: x\n\n", id="half a BOM is an unknown field"),
        pytest.param([b"a"], b"data: a\n\n" + BOM + b"data: b\n\n", id="a later BOM is part of a name"),
    ],
)
def test_data(expected: list[bytes], document: bytes) -> None:
    """Data is put together as the standard wants it."""
    assert expected == data_of(document)


def test_type_is_per_event() -> None:
    """The type holds for one event, with or without data, and `message` is what there is without one."""
    document = b"event: put\ndata: 1\n\ndata: 2\n\nevent: lost\n\ndata: 3\n\nevent\ndata: 4\n\n"
    types = [o.type for o in SseDecoder().feed(document) if isinstance(o, ServerSentEvent)]

    assert ["put", "message", "message", "message"] == types


def test_id_persists() -> None:
    """An id holds until the next one, also one that came without data; one with NUL is ignored."""
    document = b"id: 1\ndata: a\n\ndata: b\n\nid: 2\n\ndata: c\nid: 3\0\n\nid\ndata: d\n\n"
    ids = [o.last_event_id for o in SseDecoder().feed(document) if isinstance(o, ServerSentEvent)]

    assert ["1", "1", "2", ""] == ids


@pytest.mark.parametrize(
    ("expected", "value"),
    [
        (1500, b"1500"),
        (0, b"0"),
        (7, b"0" * 5000 + b"7"),
        (10**15, b"9" * 5000),
        (None, b""),
        (None, b"-1"),
        (None, b"1.5"),
        (None, b"1 "),
        (None, "٣".encode()),
    ],
)
def test_retry(expected: int | None, value: bytes) -> None:
    """A retry of ASCII digits is taken, in milliseconds, and saturates; anything else is ignored."""
    decoder = SseDecoder()
    events = decoder.feed(b"retry: " + value + b"\ndata: x\n\ndata: y\n\n")

    assert expected == decoder.retry
    assert [ServerSentEvent(b"x", retry=expected), ServerSentEvent(b"y")] == events


def test_retry_without_an_event() -> None:
    """A retry counts as soon as its line has ended, and belongs to no later event."""
    decoder = SseDecoder()

    assert [] == decoder.feed(b"retry: 250\n")
    assert 250 == decoder.retry
    assert [ServerSentEvent(b"x")] == decoder.feed(b"\ndata: x\n\n")


def test_an_event_is_out_with_its_last_byte() -> None:
    """The blank line's first byte is enough: a CR is not waited upon for its LF."""
    decoder = SseDecoder()

    assert [] == decoder.feed(b"data: x\r\n")
    assert [ServerSentEvent(b"x")] == decoder.feed(b"\r")
    assert [] == decoder.feed(b"\n")
    assert [] == decoder.feed(b"")
    assert [ServerSentEvent(b"y")] == decoder.feed(b"data: y\n\n")


def test_exactly_the_cap() -> None:
    """The cap itself is allowed, whatever the number of lines; one byte more is not."""
    fits = b"data: 12345678\n\n" + b"data: 1234\ndata:567\n\n" + b"data\n" * 9 + b"\n"
    beyond = b"data: 123456789\n\n" + b"data: 1234\ndata:5678\n\n" + b"data\n" * 10 + b"\n"

    assert [b"12345678", b"1234\n567", b"\n" * 8] == [
        o.data for o in SseDecoder(8).feed(fits) if isinstance(o, ServerSentEvent)
    ]
    assert ["too large"] * 3 == decode([beyond], 8)
    assert ["too large"] * 3 == decode(bytewise(beyond), 8)


def test_too_large_in_its_place() -> None:
    """The event before it and the event after it arrive, in order; its id counts all the same."""
    document = b"data: a\n\nid: 7\ndata: 123456789\ndata: more\n\ndata: b\n\n"
    expected = [ServerSentEvent(b"a"), "too large", ServerSentEvent(b"b", last_event_id="7")]

    assert expected == decode([document], 8)


def test_too_large_is_told_at_once() -> None:
    """It is told when the cap is crossed, in the middle of a line, and once; it names the limit."""
    decoder = SseDecoder(8)

    assert [] == decoder.feed(b"data: 12345678")
    (told,) = decoder.feed(b"9")
    assert isinstance(told, PayloadTooLarge)
    assert 8 == told.limit
    assert [] == decoder.feed(b"0")
    assert [] == decoder.feed(b"\ndata: x\n\n")
    assert [ServerSentEvent(b"x")] == decoder.feed(b"data: x\n\n")


@pytest.mark.parametrize("name", [b"id", b"event", b"retry"])
@pytest.mark.parametrize("space", [b"", b" "])
@pytest.mark.parametrize("length", [7, 8, 9, 30])
def test_values_beyond_the_cap(name: bytes, space: bytes, length: int) -> None:
    """An id, event or retry longer than the cap is ignored, cut or not."""
    document = name + b":" + space + b"1" * length + b"\ndata: x\n\n"

    assert Standard(8).run(document) == decode([document], 8)
    assert Standard(8).run(document) == decode(bytewise(document), 8)


def seconds(decoder: SseDecoder, chunks: list[bytes]) -> float:
    start = time.thread_time()
    for chunk in chunks:
        decoder.feed(chunk)
    return time.thread_time() - start


@pytest.mark.parametrize("start", [b"data: ", b"id: ", b": ", b"x", b"data: " + b"." * MAX_EVENT_BYTES])
def test_linear_a_byte_at_a_time(start: bytes) -> None:
    """Four times the bytes take about four times as long, not sixteen."""

    def best(count: int) -> float:
        return min(seconds(SseDecoder(), [start, *[b"x"] * count]) for _ in range(3))

    assert best(120_000) < 9 * best(30_000)


@pytest.mark.parametrize(
    ("expected", "start", "chunk"),
    [
        pytest.param(["too large"], b"data: ", b"x" * CHUNK, id="data"),
        pytest.param([], b": ", b"x" * CHUNK, id="comment"),
        pytest.param([], b"x: ", b"x" * CHUNK, id="unknown field"),
        pytest.param([], b"", b"x" * CHUNK, id="name without an end"),
        pytest.param([], b"id: ", b"x" * CHUNK, id="id"),
        pytest.param(["too large"], b"", (b"data: " + b"x" * 1000 + b"\n") * 64, id="lines of data"),
        pytest.param([], b"", (b": " + b"x" * 1000 + b"\n") * 64, id="comments"),
    ],
)
def test_a_hundred_megabytes_without_end(expected: list[str], start: bytes, chunk: bytes) -> None:
    """Memory stays near the cap, and the event after it arrives."""
    decoder = SseDecoder()
    told = []
    decoder.feed(start)
    tracemalloc.start()
    try:
        for _ in range(100 * 1024 * 1024 // len(chunk)):
            told += decoder.feed(chunk)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    # A bytearray that grows may exist twice for a moment, and is larger than what it holds by an eighth.
    assert peak < 3 * MAX_EVENT_BYTES
    assert expected == ["too large" for _ in told]
    assert [b"after"] == [o.data for o in decoder.feed(b"\n\ndata: after\n\n") if isinstance(o, ServerSentEvent)]


@pytest.mark.parametrize(
    ("expected", "document"),
    [
        (False, b""),
        (True, b"d"),
        (True, b"data: x"),
        (True, b"data: x\n"),
        (False, b"data: x\n\n"),
        (False, b"data: x\r\r"),
        (True, b"data: x\n\ndata"),
        (False, b"data: x\n\n:"),
        (False, b": comment\n"),
        (False, b"unknown: field"),
        (False, b"id: 1\n"),
        (False, b"\xef\xbb\xbf"),
        (True, b"data: " + b"x" * 100),
    ],
)
def test_inside_an_event(expected: bool, document: bytes) -> None:
    """Whether an event has begun and not ended is the same however its bytes are cut; comments are none."""
    whole, bytewise = SseDecoder(50), SseDecoder(50)
    whole.feed(document)
    for place in range(len(document)):
        bytewise.feed(document[place : place + 1])

    assert (expected, expected) == (whole.is_inside_event, bytewise.is_inside_event)


def test_millions_of_empty_data_lines() -> None:
    """Each counts the LF that joins it, so that they end at the cap too, and cost a byte each until then."""
    decoder = SseDecoder(1_500_000)
    chunk = b"data\n" * 10_000
    told: list[Outcome] = []
    for _ in range(140):
        told += decoder.feed(chunk)
    tracemalloc.start()
    try:
        for _ in range(20):
            told += decoder.feed(chunk)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert 1 == len(told)
    # The buffer, perhaps moved once within these, and one split chunk of 10,000 lines.
    assert peak < 6_000_000
