"""Whose delays are compared: ours, which are the real code, and those of release 1.0.3, which are one short rule."""

from __future__ import annotations

from random import Random
from typing import Protocol

from soasap._sansio.backoff import Backoff


class Delays(Protocol):
    """
    One client's way to wait.

    Attributes:
        connect_timeout: Seconds after which an attempt that nobody answers has failed.
    """

    connect_timeout: float

    def __init__(self, chance: Random) -> None: ...

    def after_failure(self) -> float:
        """Seconds to wait after an attempt that gave no stream."""
        ...

    def after_stream(self, lived: float) -> float:
        """Seconds to wait after a stream that delivered, and ended after so many seconds."""
        ...


class OurDelays:
    """What the stream worker does with `Backoff`."""

    connect_timeout = 10.0
    """The default of the option of this name."""

    def __init__(self, chance: Random) -> None:
        self._backoff = Backoff()
        self._roll = chance.random

    def after_failure(self) -> float:
        return self._backoff.after_failure(is_refusal=False, retry_after=0.0, roll=self._roll())

    def after_stream(self, lived: float) -> float:
        return self._backoff.after_stream(lived=lived, delivered=True, roll=self._roll())


class ReleasedDelays:
    """
    What release 1.0.3 does: a fixed schedule, begun anew after every stream that opened, however short.

    Left out is that it waits in slices of 50 ms, which moves its clients closer together.
    """

    SCHEDULE = (1, 2, 5, 10, 30)
    """Seconds, each with up to 0.2 s more or less in whole milliseconds; the last one stays."""

    connect_timeout = 127.0
    """It sets none. Linux gives up after six repetitions of the first packet, 127 s."""

    def __init__(self, chance: Random) -> None:
        self._chance = chance
        self._attempt = 0

    def after_failure(self) -> float:
        delay = self.SCHEDULE[min(self._attempt, len(self.SCHEDULE) - 1)]
        self._attempt += 1
        return delay + self._chance.randint(-200, 200) / 1000

    def after_stream(self, lived: float) -> float:
        self._attempt = 0
        return self.after_failure()
