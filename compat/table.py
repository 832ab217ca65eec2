"""
The tables of README.md, written from the results of a run.

A row is a deployment, with the versions it ran with; a column is a promise. Rows that were run are replaced, the others
stay, so that one deployment can be run again by itself. A row that did not run through is not written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from compat.promises import PROMISES, Promise

__all__ = ["BEGIN", "END", "Row", "write_tables"]

BEGIN = "<!-- results: written by `pytest compat --write-table`, do not edit -->"
END = "<!-- end of results -->"
NOT_ASKED = "–"


@dataclass
class Row:
    """
    What one deployment showed.

    Attributes:
        versions: What it ran with.
        cells: By name of the promise.
        reasons: Why promises are not kept, by name of the promise.
        expected: How many promises it was to be asked for.
    """

    versions: str
    expected: int
    cells: dict[str, str] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)


def write_tables(path: Path, rows: dict[str, Row], order: Sequence[str], *, complete: bool) -> None:
    """
    Write these rows into the file.

    Args:
        path: A file with the lines `BEGIN` and `END`.
        rows: By name of the deployment.
        order: Names of all rows that this run knew, in the order of the table.
        complete: Whether all deployments ran: then rows that this run does not know are dropped.
    """
    text = path.read_text("utf-8")
    head, rest = text.split(BEGIN + "\n", 1)
    old, tail = rest.split(END, 1)
    kept = _parse(old)
    lines: list[str] = []
    for name in ("promises", "ticker"):
        columns = [promise for promise in PROMISES if promise.table == name]
        before = kept.get(name, {})
        table = {} if complete else dict(before)
        for deployment, row in rows.items():
            if len(row.cells) == row.expected and any(column.name in row.cells for column in columns):
                table[deployment] = _cells(row, columns)
        lines += _render(name, columns, table, order)
    lines += _notes(old, rows, complete)
    path.write_text(f"{head}{BEGIN}\n\n" + "\n".join(lines) + f"\n{END}{tail}", "utf-8")


def _cells(row: Row, columns: Sequence[Promise]) -> list[str]:
    return [row.cells.get(column.name, NOT_ASKED) for column in columns] + [row.versions]


def _render(name: str, columns: Sequence[Promise], table: dict[str, list[str]], order: Sequence[str]) -> list[str]:
    known = [*order, *(deployment for deployment in table if deployment not in order)]
    titles = [column.title for column in columns]
    lines = [f"| {' | '.join([name, *titles, 'with'])} |", "|" + "---|" * (len(titles) + 2)]
    lines += [f"| {' | '.join([one, *table[one]])} |" for one in known if one in table]
    return [*lines, "", *(f"- **{column.title}** – {column.text}" for column in columns), ""]


def _parse(text: str) -> dict[str, dict[str, list[str]]]:
    """The rows of each table whose columns are still the same, by the table's name."""
    titles = {name: [one.title for one in PROMISES if one.table == name] for name in ("promises", "ticker")}
    found: dict[str, dict[str, list[str]]] = {}
    current: dict[str, list[str]] | None = None
    for line in text.splitlines():
        if not line.startswith("|"):
            current = None
            continue
        first, *others = [part.strip() for part in line.strip("|").split("|")]
        if first in titles:
            current = found.setdefault(first, {}) if others == [*titles[first], "with"] else None
        elif current is not None and not first.startswith("-"):
            current[first] = others
    return found


def _notes(old: str, rows: dict[str, Row], complete: bool) -> list[str]:
    """A line for each promise that is not kept and says why."""
    notes = [] if complete else [line for line in old.splitlines() if line.startswith("✗ ")]
    notes = [line for line in notes if not any(line.startswith(f"✗ {name}, ") for name in rows)]
    titles = {promise.name: promise.title for promise in PROMISES}
    for deployment, row in rows.items():
        notes += [f"✗ {deployment}, {titles[name]}: {reason}" for name, reason in row.reasons.items()]
    return [line for note in notes for line in (note, "")]
