"""The findings of `soasap doctor` in words for people, and as JSON for programs."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

import click

from soasap._terminal.finding import Finding, Verdict
from soasap._version import __version__

__all__ = ["as_json", "exit_status", "say", "summary"]

_MARKS: dict[Verdict, tuple[str, str]] = {
    "ok": ("ok", "green"),
    "warning": ("warning", "yellow"),
    "failure": ("FAILURE", "red"),
}

_INDENT = 22


def say(finding: Finding) -> str:
    """
    One finding, with what to do about it and where to read more.

    Each sentence is one line, however long: terminals break lines, and programs look for them.
    """
    mark, colour = _MARKS[finding.verdict]
    lines = [f"{click.style(f'{mark:8}', fg=colour)} {finding.name:12} {finding.words}"]
    if finding.trouble is not None:
        lines.append(f"What to do: {finding.advice}.")
        lines.append(f'Read more:  README, "Troubleshooting: {finding.trouble.value}"')
    return "\n".join([lines[0], *(textwrap.indent(line, " " * _INDENT) for line in lines[1:])])


def summary(findings: Sequence[Finding]) -> str:
    """The last line."""
    counts = {verdict: sum(finding.verdict == verdict for finding in findings) for verdict in _MARKS}
    said = [f"{counts['ok']} of {len(findings)} checks are fine"]
    for verdict in ("warning", "failure"):
        if counts[verdict]:
            said.append(f"{counts[verdict]} {verdict}{'s' * (counts[verdict] > 1)}")
    return f"soasap doctor: {', '.join(said)}"


def as_json(findings: Iterable[Finding]) -> dict[str, Any]:
    """
    Everything, for programs.

    `verdict` is the worst of all. A check that another one's failure made pointless is not there.
    """
    found = list(findings)
    worst = max((finding.verdict for finding in found), key=list(_MARKS).index, default="ok")
    return {
        "soasap": __version__,
        "verdict": worst,
        "findings": [
            {
                "name": finding.name,
                "verdict": finding.verdict,
                "words": finding.words,
                "advice": finding.advice,
                "troubleshooting": None if finding.trouble is None else finding.trouble.value,
                "facts": dict(finding.facts),
            }
            for finding in found
        ],
    }


def exit_status(findings: Iterable[Finding]) -> int:
    """1 if something failed, else 0."""
    return int(any(finding.verdict == "failure" for finding in findings))
