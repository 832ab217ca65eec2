"""What a soak must have shown, from its marks, its figures and the service's own count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.soak.census import Census
from tests.soak.service import CARRIED

POOL = 2
"""Threads of the hub's pool that the client may need at one time: for a slow save, and for the look-up of a name."""


@dataclass(frozen=True)
class Limits:
    """
    Where good ends.

    Attributes:
        growth: Of resident memory, from the second mark to the last, as a share.
        connected: Share of the time in which the stream is live and the flags fresh.
    """

    growth: float = 0.05
    connected: float = 0.90


@dataclass(frozen=True)
class End:
    """
    One connection as the service saw it.

    Attributes:
        sent: How many events it carried.
        ending: How it ended; see `tests.soak.service`.
        longest_send: Seconds for one event, from its date to the end of its way out; the worst. What the service was
            late itself, or was kept waiting.
    """

    connection: int
    sent: int
    ending: str
    longest_send: float


def growth(marks: Mapping[str, Census]) -> float:
    """By how much resident memory grew from the second mark to the last, as a share."""
    _, settled, *_, last = marks.values()
    return last.rss / settled.rss - 1


def connected(figures: Mapping[str, Any]) -> float:
    """The share of the time in which the client was connected."""
    share: float = figures["connected"] / figures["seconds"]
    return share


def missed(figures: Mapping[str, Any], ends: Sequence[End]) -> list[str]:
    """
    Events that a healthy connection carried and the client does not have, in words.

    Not looked at: what a reset may have thrown away, and the connection that the client itself closed at the end.
    """
    received: dict[int, int] = dict(figures["received"])
    found: list[str] = list(figures["holes"])
    for end in ends:
        got = received.get(end.connection, end.sent)  # another one is a child's
        is_judged = end.ending in CARRIED and end.connection != figures["open_at_the_end"]
        if is_judged and got != end.sent:
            found.append(f"connection {end.connection} ({end.ending}) carried {end.sent} events, {got} came")
    if figures["connects"] != len(received):
        found.append(f"{figures['connects']} connections were opened, {len(received)} brought events")
    return found


def complaints(
    marks: Mapping[str, Census], figures: Mapping[str, Any], ends: Sequence[End], limits: Limits
) -> list[str]:
    """Everything that is not as it should be, in words; nothing if all is well."""
    found: list[str] = []
    if growth(marks) > limits.growth:
        found.append(f"memory grew by {growth(marks):.1%}, at most {limits.growth:.0%} are allowed")
    _, *settled = marks.values()
    for what in ("descriptors", "threads"):
        if len({getattr(each, what) for each in settled}) > 1:
            found.append(f"{what} are not constant: {', '.join(str(getattr(each, what)) for each in settled)}")
    if max(each.pool for each in settled) > POOL:
        found.append(f"the hub's pool has {max(each.pool for each in settled)} threads, {POOL} will do")
    lost = missed(figures, ends)
    if lost:
        found.append(f"events were missed: {'; '.join(lost[:5])}")
    if connected(figures) < limits.connected:
        found.append(f"connected for {connected(figures):.1%} of the time, {limits.connected:.0%} are due")
    for what in ("read_failures", "child_failures"):
        if figures[what]:
            found.append(f"{what.replace('_', ' ')}: {len(figures[what])}, the first one: {figures[what][0]}")
    if not figures["file_is_newest"]:
        found.append("the cache file is not the last snapshot after close()")
    return found
