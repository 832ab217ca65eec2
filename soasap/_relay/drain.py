"""Leaving without a storm: streams end one after the other, so that their clients come to other relays as a trickle."""

from __future__ import annotations

from collections.abc import Sequence
from random import SystemRandom
from typing import Protocol

import gevent

__all__ = ["drain"]

STEP_SECONDS = 0.05
"""What ends within so long may end at once."""


class Ending(Protocol):
    """A stream that can be ended."""

    def end(self) -> None: ...


def drain(streams: Sequence[Ending], seconds: float) -> None:
    """
    End all streams, in no order, spread evenly over so many seconds.

    Args:
        streams: Those that are open; nobody accepts others any more.
        seconds: 0 ends them all at once.
    """
    shuffled = list(streams)
    SystemRandom().shuffle(shuffled)
    steps = min(max(1, round(seconds / STEP_SECONDS)), max(1, len(shuffled)))
    for step in range(steps):
        for stream in shuffled[len(shuffled) * step // steps : len(shuffled) * (step + 1) // steps]:
            stream.end()
        if step < steps - 1:
            gevent.sleep(seconds / steps)
