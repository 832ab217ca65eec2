"""Streams sleep until they are woken or ended, and big events are sent in pieces."""

from __future__ import annotations

import pytest

from soasap._server.woken_stream import SLICE_BYTES, WokenStream, slices


def test_woken_and_ended() -> None:
    """To wake a stream sets its news alone; to end it, however often, sets both."""
    stream = WokenStream()
    stream.wake()

    assert (True, False) == (stream._news.is_set(), stream._ended)
    stream._news.clear()
    stream.end()
    stream.end()
    assert (True, True) == (stream._news.is_set(), stream._ended)


@pytest.mark.parametrize("size", [0, 1, SLICE_BYTES, SLICE_BYTES + 1, 3 * SLICE_BYTES])
def test_slices(size: int) -> None:
    """The pieces are the event, none larger than one write may be, and none of them empty."""
    event = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    pieces = slices(event)

    assert event == b"".join(pieces)
    assert all(0 < len(piece) <= SLICE_BYTES for piece in pieces)
