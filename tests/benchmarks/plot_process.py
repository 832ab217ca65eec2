"""Draws bars, in a process that has matplotlib: readable on light and on dark pages."""

from __future__ import annotations

import importlib
from typing import Any

__all__ = ["main"]

INK = "#7d8590"
"""Of words and lines: a grey with enough contrast to white and to black."""

OURS, PEERS, BOUNDS = "#d9730d", "#6e8fb3", "#a8b0b8"


def main(panels: list[dict[str, Any]], path: str) -> None:
    """One panel below the other; a bar per contender, the quickest first, with its figure."""
    matplotlib = importlib.import_module("matplotlib")
    matplotlib.use("agg")
    pyplot = importlib.import_module("matplotlib.pyplot")
    pyplot.rcParams.update({"text.color": INK, "axes.labelcolor": INK, "xtick.color": INK, "ytick.color": INK})
    pyplot.rcParams.update({"font.size": 11, "svg.fonttype": "none"})
    heights = [len(panel["medians"]) + 1.5 for panel in panels]
    figure, axes = pyplot.subplots(
        len(panels), 1, figsize=(9, 0.36 * sum(heights)), squeeze=False, gridspec_kw={"height_ratios": heights}
    )
    for panel, ax in zip(panels, axes[:, 0], strict=True):
        _bars(ax, panel["title"], panel["medians"])
    figure.tight_layout(h_pad=1.5)
    figure.savefig(path, dpi=150, transparent=True)


def _bars(ax: Any, title: str, medians: dict[str, float]) -> None:
    ordered = sorted(medians.items(), key=lambda item: item[1], reverse=True)
    names, values = [name.replace("`", "") for name, _ in ordered], [value for _, value in ordered]
    bars = ax.barh(names, values, color=[_colour(name) for name in names], height=0.7)
    ax.bar_label(bars, [f"{value:,.0f}" if value >= 100 else f"{value:.3g}" for value in values], padding=4, color=INK)
    ax.set_xscale("log")
    ax.set_xlim(min(values) / 2, max(values) * 2.5)
    ax.set_title(title, loc="left", fontsize=12, fontweight="bold")
    ax.tick_params(axis="y", length=0)
    ax.xaxis.set_visible(False)
    for side in ("top", "right", "bottom", "left"):
        ax.spines[side].set_visible(False)


def _colour(name: str) -> str:
    if name == "soasap":
        return OURS
    return BOUNDS if name in ("dict.get", "smallest Python method", "common modules alone") else PEERS
