"""The command line of the soak; see the package's docstring."""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.scripts import ROOT
from tests.soak import report
from tests.soak.census import Census
from tests.soak.verdict import End, Limits, complaints

SETTLED = 120.0
"""Seconds after which memory should not grow any more; a short run has its second mark at a quarter."""

PATIENCE = 300.0
"""Seconds that a run may take beyond its time."""


def main() -> int:
    options = _parser().parse_args()
    seconds = options.minutes * 60
    limits = Limits(options.growth / 100, options.connected / 100)
    with tempfile.TemporaryDirectory(prefix="soasap-soak-") as folder:
        return _soak(options, seconds, limits, Path(folder))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--backend", choices=("threads", "gevent"), default="threads")
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--lives", type=float, nargs=2, default=(1, 120), help="seconds of a connection")
    parser.add_argument("--turn", type=float, nargs=2, default=(5, 40), help="seconds of one condition of the disk")
    parser.add_argument("--forks", type=float, nargs=2, default=(5, 15), help="seconds between forks")
    parser.add_argument("--growth", type=float, default=5, help="per cent of memory allowed from the second mark on")
    parser.add_argument("--connected", type=float, default=90, help="per cent of time that are due")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--trace", action="store_true", help="say where memory grew; slow")
    return parser


def _soak(options: argparse.Namespace, seconds: float, limits: Limits, folder: Path) -> int:
    settled = min(SETTLED, seconds / 4)
    second = f"minute {settled / 60:.2g}"
    marks = [("start", 0.0), (second, settled), ("middle", seconds / 2), ("end", seconds)]
    print(f"soak: {options.backend}, {options.minutes:g} minutes, Python {sys.version.split()[0]}, seed {options.seed}")
    ends = folder / "ends"
    ends.touch()
    with _service({"lives": options.lives, "seed": options.seed, "ends": str(ends)}) as base_url:
        request = {
            "backend": options.backend,
            "base_url": base_url,
            "folder": str(folder),
            "marks": marks,
            "turn": options.turn,
            "forks": options.forks,
            "seed": options.seed,
            "trace": options.trace,
        }
        counted, figures, status = _watch_subject(request, seconds + PATIENCE)
    if status or figures is None:
        print(f"verdict: FAILED: the process with the client ended with {status}, and no figures")
        return 1
    known = [End(**json.loads(line)) for line in ends.read_text().splitlines()]
    print()
    for line in (*report.table(counted), "", *report.summary(counted, figures, known)):
        print(line)
    found = complaints(counted, figures, known, limits)
    for complaint in found:
        print(f"  - {complaint}")
    print(f"verdict: {'FAILED' if found else 'passed'}")
    return 1 if found else 0


@contextlib.contextmanager
def _service(request: dict[str, Any]) -> Iterator[str]:
    """The flag service in its process; its base URL."""
    command = [sys.executable, "-m", "tests.soak.service", json.dumps(request)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as service:
        assert service.stdin is not None
        assert service.stdout is not None
        yield service.stdout.readline().strip()
        service.stdin.close()


def _watch_subject(request: dict[str, Any], timeout: float) -> tuple[dict[str, Census], dict[str, Any] | None, int]:
    """Run the process with the client, print what it tells, and give its marks, figures and exit status."""
    # Warnings are silenced: the green libraries have their own about patching and forking.
    command = [sys.executable, "-W", "ignore", "-m", "tests.soak.subject", json.dumps(request)]
    marks: dict[str, Census] = {}
    figures = None
    started = time.monotonic()
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as subject:
        watchdog = threading.Timer(timeout, subject.kill)
        watchdog.start()
        try:
            assert subject.stdout is not None
            for line in subject.stdout:
                told = json.loads(line)
                passed = time.monotonic() - started
                if "mark" in told:
                    marks[told["mark"]] = Census(**told["census"])
                    print(report.progress(passed, {told["mark"]: "", **told["census"]}), flush=True)
                elif "progress" in told:
                    print(report.progress(passed, told["progress"]), flush=True)
                elif "trace" in told:
                    print("\n".join(told["trace"]), flush=True)
                else:
                    figures = told["figures"]
        finally:
            watchdog.cancel()
    return marks, figures, subject.returncode


if __name__ == "__main__":
    sys.exit(main())
