"""
What happens to a fleet: each function gives it one kind of weather, and tells who asked when, and who was served.

All times are seconds. Nothing waits: a client is a number that its delays are added to.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from random import Random

from tests.fleet.delays import Delays

CLIENTS = 10_000
SEED = 20240229

HEALTHY_HOUR = 3600.0
"""Seconds that every stream had lived when the weather turned."""

FIRST_PACKETS = (0, 1, 3, 7, 15, 31, 63)
"""Seconds after the beginning of `connect` at which Linux sends its first packet, again and again."""


@dataclass
class Record:
    """
    One fleet in one weather.

    Attributes:
        attempts: When a client asked the server for a stream, whether or not it got one.
        streams: When a client was given a stream.
        returns: Per client, how long after the server's return (or after the drop, if it never went) it had one.
        rate: Attempts a second, on average, where the weather has a rhythm.
        connected: The share of the time in which the clients had a stream, likewise.
    """

    attempts: list[float] = field(default_factory=list)
    streams: list[float] = field(default_factory=list)
    returns: list[float] = field(default_factory=list)
    rate: float = 0.0
    connected: float = 0.0

    def back_within(self, share: float) -> float:
        """Seconds until this share of the clients was back; 1 for the last of all."""
        ordered = sorted(self.returns)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def busiest(moments: list[float], window: float = 0.1) -> int:
    """The most of them within any 100 ms, wherever these begin."""
    ordered = sorted(moments)
    return max(bisect_left(ordered, moment + window) - place for place, moment in enumerate(ordered))


def outage(delays: type[Delays], seconds: float) -> Record:
    """All streams are cut at once. For so long every attempt is refused at once; then all are served."""
    record, chance = Record(), Random(SEED)
    for _ in range(CLIENTS):
        client = delays(chance)
        moment = client.after_stream(HEALTHY_HOUR)
        record.attempts.append(moment)
        while moment < seconds:
            moment += client.after_failure()
            record.attempts.append(moment)
        record.streams.append(moment)
        record.returns.append(moment - seconds)
    return record


def unreachable(delays: type[Delays], seconds: float) -> Record:
    """All streams are lost at once. For so long nothing answers, not even with a refusal; then all are served."""
    record, chance = Record(), Random(SEED)
    for _ in range(CLIENTS):
        client = delays(chance)
        moment = client.after_stream(HEALTHY_HOUR)
        while (opened := _connected_at(moment, seconds, client.connect_timeout)) is None:
            moment += client.connect_timeout + client.after_failure()
        record.streams.append(opened)
        record.returns.append(opened - seconds)
    record.attempts = record.streams  # nobody was there to hear the others
    return record


def _connected_at(begun: float, served_from: float, timeout: float) -> float | None:
    """When an attempt gets through: with its first packet that somebody is there to answer."""
    for wait in FIRST_PACKETS:
        if wait < timeout and begun + wait >= served_from:
            return begun + wait
    return None


def cut_every(delays: type[Delays], lived: float, duration: float) -> Record:
    """
    Every stream is cut after so many seconds, for as long as `duration`; the next attempt is served at once.

    The fleet begins as one: all streams open at 0. The figures are of the second half, when each client has
    found its own rhythm.
    """
    record, chance = Record(), Random(SEED)
    half = duration / 2
    connected = 0.0
    for _ in range(CLIENTS):
        client = delays(chance)
        moment = 0.0
        while moment < duration:
            connected += max(0.0, min(moment + lived, duration) - max(moment, half))
            if moment >= half:
                record.attempts.append(moment)
            moment += lived + client.after_stream(lived)
    record.streams = record.attempts
    record.rate = len(record.attempts) / half
    record.connected = connected / half / CLIENTS
    return record
