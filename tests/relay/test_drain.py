"""How streams end when a relay leaves."""

from __future__ import annotations

import time

import gevent
import pytest

from soasap._relay.drain import drain


class Reader:
    """A stream that knows when it ended."""

    ended = 0.0

    def end(self) -> None:
        self.ended = time.monotonic()


@pytest.mark.parametrize("count", [3, 200])
def test_streams_end_one_after_the_other(count: int) -> None:
    """Few streams or many, they end spread over the time given, and not in the order in which they came."""
    readers = [Reader() for _ in range(count)]
    begun = time.monotonic()
    drain(readers, 1.0)
    moments = [reader.ended - begun for reader in readers]
    thirds = [sum(third / 3 <= moment < (third + 1) / 3 for moment in moments) for third in range(3)]

    assert all(reader.ended for reader in readers)
    assert min(thirds[:2]) >= count / 3 * 0.5, thirds
    if count > 10:
        assert moments != sorted(moments)


def test_all_at_once() -> None:
    """No time to spread them over ends them in one go, before anybody else runs."""
    readers = [Reader() for _ in range(10)]
    others: list[int] = []
    gevent.spawn(others.append, 1)
    drain(readers, 0.0)

    assert ([], True) == (others, all(reader.ended for reader in readers))


def test_no_streams() -> None:
    """Where there is no stream there is nothing to wait for."""
    begun = time.monotonic()
    drain([], 30.0)

    assert time.monotonic() - begun < 10
