"""Samples, their medians and spreads, targets, and the Markdown that shows them."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

__all__ = ["Comparison", "Figure", "Result", "Target", "at_least", "at_most", "number", "ratios", "summary", "text"]


@dataclass(frozen=True)
class Target:
    """A bound for a median, itself allowed."""

    bound: float
    upper: bool

    def is_met_by(self, value: float) -> bool:
        return value <= self.bound if self.upper else value >= self.bound

    def __str__(self) -> str:
        return f"{'≤' if self.upper else '≥'} {self.bound:g}"


def at_most(bound: float) -> Target:
    return Target(bound, upper=True)


def at_least(bound: float) -> Target:
    return Target(bound, upper=False)


@dataclass(frozen=True)
class Figure:
    """
    One row of a table of figures.

    Attributes:
        what: What was measured, in words.
        samples: One per round.
        unit: `×` for ratios.
        target: What it should be; `None` where nothing is promised.
    """

    what: str
    samples: Sequence[float]
    unit: str = "×"
    target: Target | None = None

    @property
    def median(self) -> float:
        return statistics.median(self.samples)

    @property
    def spread(self) -> str:
        return f"{number(min(self.samples))} – {number(max(self.samples))}"

    @property
    def verdict(self) -> str:
        """Whether the median as it is printed meets the target; empty without one."""
        if self.target is None:
            return ""
        return "met" if self.target.is_met_by(float(number(self.median).replace(",", ""))) else "not met"


@dataclass(frozen=True)
class Comparison:
    """
    The same thing done by several contenders.

    Attributes:
        what: What they did.
        unit: Of the samples.
        samples: By contender, ours first.
    """

    what: str
    unit: str
    samples: Mapping[str, Sequence[float]]

    def median(self, contender: str) -> float:
        return statistics.median(self.samples[contender])


@dataclass(frozen=True)
class Result:
    """
    What one subject has found.

    Attributes:
        title: The heading.
        figures: Of ours, with or without targets.
        comparisons: With others.
        notes: Sentences below the tables.
    """

    title: str
    figures: Sequence[Figure] = ()
    comparisons: Sequence[Comparison] = ()
    notes: Sequence[str] = field(default_factory=list)


def number(value: float) -> str:
    """Three digits that mean something."""
    if value == 0:
        return "0"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    digits = 2 if abs(value) >= 0.995 else 3
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.{digits if abs(value) < 10 else 1}f}"


def ratios(ours: Sequence[float], others: Sequence[float]) -> list[float]:
    """Round by round, so that what disturbed both cancels."""
    return [mine / theirs for mine, theirs in zip(ours, others, strict=True)]


def text(result: Result) -> str:
    """A subject as Markdown."""
    parts = [f"## {result.title}"]
    parts += [_comparison_table(comparison) for comparison in result.comparisons]
    if result.figures:
        parts.append(_figure_table(result.figures))
    parts += result.notes
    return "\n\n".join(parts)


def summary(results: Iterable[Result]) -> str:
    """Every figure that has a target, in one table."""
    figures = [figure for result in results for figure in result.figures if figure.target is not None]
    met = sum(figure.verdict == "met" for figure in figures)
    return f"## Targets: {met} of {len(figures)} met\n\n{_figure_table(figures)}"


def _figure_table(figures: Sequence[Figure]) -> str:
    rows = [
        (figure.what, f"{number(figure.median)} {figure.unit}", figure.spread, figure.target or "", figure.verdict)
        for figure in figures
    ]
    return _table(("figure", "median", "spread", "target", "verdict"), rows)


def _comparison_table(comparison: Comparison) -> str:
    ours = next(iter(comparison.samples))
    rows = [
        (
            contender,
            f"{number(statistics.median(samples))} {comparison.unit}",
            f"{number(min(samples))} – {number(max(samples))}",
            number(comparison.median(contender) / comparison.median(ours)),
        )
        for contender, samples in comparison.samples.items()
    ]
    return _table((comparison.what, "median", "spread", "× ours"), rows)


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)
