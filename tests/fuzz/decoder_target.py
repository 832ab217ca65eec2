"""
The decoder under the fuzzer: however a document is cut, the same events.

An input is a document with the way to cut it in front, so that the fuzzer moves the cuts too::

    cap   count   lengths ...   document ...
    1 B   1 B     count % 8 B   the rest

The cap is one of `CAPS`, and the lengths are those of the pieces, again and again; from 200 on they count hundreds. In
the document `LONG` stands for more than a thousand letters: long lines are kept otherwise than short ones, and a fuzzer
does not come by them.
"""

from __future__ import annotations

from itertools import cycle, islice

from soasap._sansio.sse import MAX_EVENT_BYTES, Outcome, SseDecoder
from soasap.exceptions import PayloadTooLarge
from tests.fuzz.reference_decoder import TOO_LARGE, Decoded, decode

__all__ = ["CAPS", "check_decoder"]

CAPS = (MAX_EVENT_BYTES, 0, 1, 5, 17, 100, 1100, 3000)

LONG = b"\x01"

MOST_PIECES = 80
"""The rest of a document comes in one."""

PROMPTLY_CHECKED = 6
"""Pieces after which it is asked whether every event is out already; for all of them it would take quadratic time."""


def check_decoder(data: bytes) -> None:
    """However a document is cut, the decoder gives what the standard says, each event with its last byte."""
    cap, pieces, document = _cut(data)
    expected = decode(document, cap)
    decoder = SseDecoder(cap)
    _require(expected, _comparable(decoder.feed(document)), decoder)

    decoder = SseDecoder(cap)
    outcomes: list[object] = []
    fed = b""
    for number, piece in enumerate(pieces):
        outcomes += _comparable(decoder.feed(piece))
        fed += piece
        if number < PROMPTLY_CHECKED:
            _require(decode(fed, cap), outcomes, decoder)
    assert document == fed
    _require(expected, outcomes, decoder)

    # Whatever was unfinished is an event, or none, when its end has come. That leaves nothing open to interpretation.
    outcomes += _comparable(decoder.feed(b"\n\n"))
    assert decode(document + b"\n\n", cap) == (outcomes, decoder.retry, decoder.is_inside_event)


def _require(expected: Decoded, outcomes: list[object], decoder: SseDecoder) -> None:
    """The same, but for an unfinished event, which may have been told to be too large already."""
    events, retry, has_data = expected
    assert outcomes in (events, [*events, TOO_LARGE]), (events, outcomes)
    assert (retry, True) == (decoder.retry, decoder.is_inside_event or not has_data)


def _comparable(outcomes: list[Outcome]) -> list[object]:
    return [TOO_LARGE if isinstance(outcome, PayloadTooLarge) else outcome for outcome in outcomes]


def _cut(data: bytes) -> tuple[int, list[bytes], bytes]:
    """The cap, the pieces, and the document that they make together."""
    cap = CAPS[data[0] % len(CAPS)] if data else CAPS[0]
    count = data[1] % 8 if len(data) > 1 else 0
    lengths = [length if length < 200 else (length - 199) * 100 for length in data[2 : 2 + count]]
    document = data[2 + count :].replace(LONG, b"x" * 1030)
    if not any(lengths):
        return cap, [document], document
    pieces = []
    start = 0
    for length in islice(cycle(lengths), MOST_PIECES):
        pieces.append(document[start : start + length])
        start += length
    return cap, [*pieces, document[start:]], document
