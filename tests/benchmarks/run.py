"""
Measures us and our peers in one run, in turns, and prints Markdown.

    python tests/benchmarks/run.py [--only NAME]... [--rounds N] [--quick] [--plot FILE]
"""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[0] = str(ROOT)  # in the place of this folder, so that `import tests` works however this was started

from tests.benchmarks import environments, figures, plot  # noqa: E402
from tests.benchmarks.harness import Harness  # noqa: E402

SUBJECTS = (
    *("read_path", "import_time", "start_up", "latency"),
    *("decoder", "update_path", "stall", "memory"),
    *("gunicorn_rate", "server_scale", "relay_scale"),
)
"""In this order; each is a module beside this one."""


def main() -> int:
    options = _parser().parse_args()
    harness = _harness(options)
    print(f"# Benchmarks\n\nPython {platform.python_version()}, {os.cpu_count()} cores, {platform.system()}; ", end="")
    print(f"{options.rounds} rounds.", flush=True)
    results = []
    for name in options.only or SUBJECTS:
        result = importlib.import_module(f"tests.benchmarks.{name}").measure(harness)
        print(f"\n{figures.text(result)}", flush=True)
        results.append(result)
    print(f"\n{figures.summary(results)}")
    if options.plot:
        plot.draw(results, options.plot, harness)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="run.py", description="Benchmarks of soasap, beside its peers.")
    parser.add_argument("--only", action="append", choices=SUBJECTS, help="a subject; may be repeated")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each contender")
    parser.add_argument("--quick", action="store_true", help="small sizes, ours alone, no network")
    parser.add_argument("--plot", metavar="FILE", help="draw the comparison with the peers into this PNG")
    return parser


def _harness(options: argparse.Namespace) -> Harness:
    if options.quick:
        return Harness(options.rounds, quick=True)
    peers, gunicorn = environments.peers(), environments.gunicorn()
    return Harness(options.rounds, peers=peers.program("python"), gunicorn=gunicorn.program("python"))


if __name__ == "__main__":
    sys.exit(main())
