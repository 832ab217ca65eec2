"""The verdict: each thing that may go wrong is a complaint, and a good soak has none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.soak.census import Census
from tests.soak.report import summary, table
from tests.soak.verdict import End, Limits, complaints, missed

GOOD = Census(rss=30_000, descriptors=5, threads=4, pool=2, greenlets=0)

MARKS = {
    "start": replace(GOOD, rss=25_000, descriptors=4, threads=3),
    "minute 2": GOOD,
    "middle": replace(GOOD, rss=31_400),
    "end": replace(GOOD, rss=31_400, greenlets=3),
}

FIGURES: dict[str, Any] = {
    "seconds": 100.0,
    "connected": 90.5,
    "longest_behind": 2.0,
    "longest_stall": 0.01,
    "slowest_event": 0.02,
    "slowest_one": [0, 5],
    "events": 30,
    "connects": 3,
    "errors": 2,
    "reports": {"network": 2},
    "log": {},
    "reads": 1000,
    "read_failures": [],
    "children": 1,
    "child_failures": [],
    "disk": {"good": 1},
    "holes": [],
    "received": [[0, 12], [1, 3], [3, 15]],
    "open_at_the_end": 3,
    "closed_within": 0.001,
    "file_is_newest": True,
}

ENDS = [End(0, 12, "close", 0.01), End(1, 9, "reset", 0.0), End(2, 7, "half", 0.0), End(3, 16, "half", 0.0)]
"""A good one, one whose last events a reset threw away, a child's, and the one that the client closed itself."""


def judge(marks: dict[str, Census] | None = None, ends: list[End] | None = None, **figures: Any) -> list[str]:
    return complaints({**MARKS, **(marks or {})}, {**FIGURES, **figures}, ends or ENDS, Limits())


def test_good_soak() -> None:
    """Within the limits there is nothing to complain about, and the start may differ from the rest."""
    assert [] == judge()


@pytest.mark.parametrize("what", ["descriptors", "threads"])
@pytest.mark.parametrize("mark", ["middle", "end"])
def test_counts_that_move(what: str, mark: str) -> None:
    """Descriptors and threads stay as they are from the second mark on: one more is one too many, one less too."""
    for other in (3, 6):
        (complaint,) = judge({mark: replace(MARKS[mark], **{what: other})})

        assert what in complaint


def test_pool_that_grows() -> None:
    """The hub's pool may have what one client needs at a time, and no more."""
    assert [] == judge({"end": replace(MARKS["end"], pool=0)})
    (complaint,) = judge({"end": replace(MARKS["end"], pool=3)})

    assert "pool has 3 threads" in complaint


def test_memory_that_grows() -> None:
    """Memory may be 5 % more at the end than at the second mark."""
    (complaint,) = judge({"end": replace(GOOD, rss=31_600)})

    assert "memory grew by 5.3%" in complaint


@pytest.mark.parametrize(
    ("figures", "word"),
    [
        ({"connected": 89.0}, "89.0%"),
        ({"holes": ["connection 0: event 5 came where 4 was due"]}, "event 5 came where 4 was due"),
        ({"received": [[0, 11], [1, 3], [3, 15]]}, r"carried 12 events, 11 came"),
        ({"connects": 4}, "4 connections were opened, 3 brought events"),
        ({"read_failures": ["ValueError"]}, "ValueError"),
        ({"child_failures": ["child 1 ended with -14"]}, "-14"),
        ({"file_is_newest": False}, "cache file"),
    ],
)
def test_each_fault_is_a_complaint(figures: dict[str, Any], word: str) -> None:
    """One fault, one complaint that names it."""
    (complaint,) = judge(**figures)

    assert word in complaint


def test_what_is_not_missed() -> None:
    """Of a reset, of a child's connection and of one that the client closed, nothing is asked."""
    assert [] == missed(FIGURES, [End(1, 99, "reset", 0.0), End(2, 99, "close", 0.0), End(3, 99, "end", 0.0)])
    assert 1 == len(missed(FIGURES, [End(0, 99, "silence", 0.0)]))


def test_report_shows_the_figures() -> None:
    """The report has a line for each mark, and says what was missed."""
    assert ["", *MARKS] == [line[:12].rstrip() for line in table(MARKS)]
    told = "\n".join(summary(MARKS, {**FIGURES, "holes": ["one"]}, ENDS))

    assert "missed on a healthy connection 1" in told
    assert "time connected 90.50% of 100 s" in told
    assert "slowest event 20 ms: event 5 of connection 0" in told
    assert "to send one: 10 ms" in told
