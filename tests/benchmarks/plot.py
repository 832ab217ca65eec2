"""Has the comparisons with others drawn, by matplotlib in the environment of the peers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.figures import Result
from tests.benchmarks.harness import Harness

__all__ = ["draw"]

TITLES = {
    "one boolean of 1,000 flags": "Read one flag of 1,000",
    "CPU time of `import`": "Import",
    "100 flags, delay p50": "Server write to visible value, median",
}
"""What is drawn, in this order, and its title in the picture."""


def draw(results: Sequence[Result], path: str, harness: Harness) -> None:
    """Draw what was measured of `TITLES` into a PNG file."""
    found = {comparison.what: comparison for result in results for comparison in result.comparisons}
    panels = [
        {
            "title": f"{title} ({found[what].unit}, logarithmic)",
            "medians": {who: found[what].median(who) for who in found[what].samples if ", common" not in who},
        }
        for what, title in TITLES.items()
        if what in found
    ]
    harness.ask("plot_process", python=harness.peers, panels=panels, path=str(Path(path).resolve()))
