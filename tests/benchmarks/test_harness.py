"""The harness works: every subject gives figures, in small, ours alone."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.benchmarks.figures import Comparison, Figure, Result, at_least, at_most, number, ratios, summary, text
from tests.benchmarks.harness import ROOT
from tests.benchmarks.run import SUBJECTS


@pytest.mark.slow
@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_quick_run(subject: str) -> None:
    """A quick run needs no network and no other environment, and ends with a table of targets."""
    command = [sys.executable, "tests/benchmarks/run.py", "--quick", "--rounds", "1", "--only", subject]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)

    assert 0 == ended.returncode, ended.stderr
    assert "\n## Targets: " in ended.stdout


def test_a_target_is_met_by_its_bound() -> None:
    """The figure that is printed counts: 1.154 is printed as 1.15."""
    assert ["met", "not met", "met", ""] == [
        Figure("", [1.154], "×", at_most(1.15)).verdict,
        Figure("", [1.156], "×", at_most(1.15)).verdict,
        Figure("", [5.0, 6.0, 7.0], "×", at_least(6)).verdict,
        Figure("", [1.0]).verdict,
    ]


def test_tables() -> None:
    """A subject has a heading, its comparisons with ratios to ours, its figures; the summary has those with targets."""
    result = Result(
        "Reads",
        [Figure("a", [2.0, 1.0, 4.0], "ns", at_most(3)), Figure("b", [0.5])],
        [Comparison("one", "ns", {"ours": [10.0], "theirs": [25.0]})],
        ["A note."],
    )

    assert [
        "## Reads",
        "",
        "| one | median | spread | × ours |",
        "| --- | ---: | ---: | ---: |",
        "| ours | 10.0 ns | 10.0 – 10.0 | 1.00 |",
        "| theirs | 25.0 ns | 25.0 – 25.0 | 2.50 |",
        "",
        "| figure | median | spread | target | verdict |",
        "| --- | ---: | ---: | ---: | ---: |",
        "| a | 2.00 ns | 1.00 – 4.00 | ≤ 3 | met |",
        "| b | 0.500 × | 0.500 – 0.500 |  |  |",
        "",
        "A note.",
    ] == text(result).splitlines()
    assert summary([result, result]).startswith("## Targets: 2 of 2 met\n")


def test_numbers_and_ratios() -> None:
    """Three digits, thousands apart; ratios are taken round by round."""
    assert ["0", "0.012", "0.995", "1.00", "12.3", "123", "12,346"] == [
        number(value) for value in (0, 0.0123, 0.9949, 0.996, 12.34, 123.4, 12345.6)
    ]
    assert [0.5, 2.0] == ratios([1.0, 4.0], [2.0, 2.0])
