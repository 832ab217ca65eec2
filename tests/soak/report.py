"""The soak in words and columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.soak.census import Census
from tests.soak.verdict import End, connected, growth, missed


def progress(second: float, told: Mapping[str, Any]) -> str:
    """One line, now and then."""
    return f"  {second:5.0f} s  " + "  ".join(f"{name} {value}" for name, value in told.items())


def table(marks: Mapping[str, Census]) -> Iterator[str]:
    """What the process held at each mark."""
    yield _row("", "RSS KiB", "descriptors", "threads", "pool", "greenlets")
    for name, found in marks.items():
        yield _row(name, found.rss, found.descriptors, found.threads, found.pool, found.greenlets)


def summary(marks: Mapping[str, Census], figures: Mapping[str, Any], ends: Sequence[End]) -> Iterator[str]:
    """What happened in all."""
    mine = dict(figures["received"])
    endings = Counter(end.ending for end in ends if end.connection in mine)
    checked = sum(endings.values())
    yield f"memory grew by {growth(marks):+.1%} from the second mark to the last"
    yield f"events received {figures['events']}, missed on a healthy connection {len(missed(figures, ends))}"
    yield f"connections {figures['connects']}: of {checked} the end is known ({_counts(endings)})"
    yield f"time connected {connected(figures):.2%} of {figures['seconds']:.0f} s"
    yield f"longest time behind {figures['longest_behind']:.2f} s"
    connection, number = figures["slowest_one"]
    send = next((end.longest_send for end in ends if end.connection == connection), 0.0)
    yield f"slowest event {figures['slowest_event'] * 1000:.0f} ms: event {number} of connection {connection}"
    yield f"longest that the service needed there to send one: {send * 1000:.0f} ms"
    yield f"longest stall of the process {figures['longest_stall'] * 1000:.0f} ms"
    yield f"errors {figures['errors']}, reported to on_error, which raised each time: {_counts(figures['reports'])}"
    yield f"log records: {_counts(figures['log'])}"
    yield f"reads {figures['reads']}, failed {len(figures['read_failures'])}"
    yield f"forked children {figures['children']}, failed {len(figures['child_failures'])}"
    yield f"turns of the disk: {_counts(figures['disk'])}"
    newest = "holds" if figures["file_is_newest"] else "does not hold"
    yield f"close() took {figures['closed_within'] * 1000:.1f} ms, and the cache file {newest} the last snapshot"


def _row(name: str, *cells: object) -> str:
    return f"{name:12}" + "".join(f"{cell!s:>12}" for cell in cells)


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items())) or "none"
