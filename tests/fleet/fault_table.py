"""
Prints what relays and their readers make of each fault, as a Markdown table: `python -m tests.fleet.fault_table`.

New leader: after the fault began. Slowest change: from its writing to its last reader, at relays that the fault did
not strike, and at the one it did. Last change: the same for the one that was written last, when all was well again.
Streams: the most at the flag server at a time. Back: how often a reader saw an older number after a newer one.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.fleet.faults import FAULTS
from tests.fleet.finding import Finding, run

COLUMNS = ("fault", "new leader", "slowest change", "at the struck relay", "last change", "streams", "back")


def row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def cells(found: Finding) -> Iterator[str]:
    told = found.told
    yield "" if told.leader_after is None else f"{told.leader_after:.1f} s"
    yield f"{found.others:.1f} s"
    yield f"{found.struck:.1f} s" if told.struck else ""
    yield f"{found.last:.2f} s"
    yield str(found.streams)
    yield str(found.steps_back)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fleet.fault_table", description=__doc__)
    parser.add_argument("--away", type=float, default=60.0, help="seconds that Redis and the flag server stay away")
    away = parser.parse_args().away
    print(row(*COLUMNS))
    print(row("---", *["--:"] * (len(COLUMNS) - 1)))
    for name, fault in FAULTS.items():
        with tempfile.TemporaryDirectory(prefix="soasap-fleet-") as directory:
            print(row(name, *cells(run(fault, Path(directory), away=away))), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
