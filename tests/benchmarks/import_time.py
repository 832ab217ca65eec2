"""`import soasap` in a fresh interpreter, against release 1.0.3 and the peers."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from functools import partial

from tests.benchmarks.figures import Comparison, Figure, Result, at_most, ratios
from tests.benchmarks.harness import Harness

__all__ = ["measure"]

PEERS = {
    "OpenFeature": "openfeature.api",
    "ConfigCat": "configcatclient",
    "LaunchDarkly": "ldclient",
    "Unleash": "UnleashClient",
    "GrowthBook": "growthbook",
}
COMMON = "dataclasses, enum, typing, datetime"
"""What both releases need of the standard library, and most applications have loaded before."""

PROGRAM = "import time; {before}started = time.process_time(); import {module}; print(time.process_time() - started)"


def measure(harness: Harness) -> Result:
    processes = 2 if harness.quick else 8
    fresh = partial(_best, processes=processes)
    contenders: dict[str, Callable[[], float]] = {
        "soasap": partial(fresh, harness.ours, "soasap"),
        "soasap, common modules loaded": partial(fresh, harness.ours, "soasap", before=f"import {COMMON}; "),
        "common modules alone": partial(fresh, harness.ours, COMMON),
    }
    if harness.peers:
        contenders["soasap 1.0.3"] = partial(fresh, harness.peers, "soasap")
        contenders["soasap 1.0.3, common modules loaded"] = partial(
            fresh, harness.peers, "soasap", before=f"import {COMMON}; "
        )
        contenders |= {peer: partial(fresh, harness.peers, module) for peer, module in PEERS.items()}
    found = harness.alternate(contenders)
    figures = []
    if harness.peers:
        bare = ratios(found["soasap"], found["soasap 1.0.3"])
        loaded = ratios(found["soasap, common modules loaded"], found["soasap 1.0.3, common modules loaded"])
        figures = [
            Figure("`import soasap` / 1.0.3, nothing loaded before", bare, "×", at_most(0.60)),
            Figure(f"`import soasap` / 1.0.3, where {COMMON} are loaded", loaded, "×", at_most(0.40)),
        ]
    return Result("Import", figures, [Comparison("CPU time of `import`", "ms", found)])


def _best(python: str, module: str, *, processes: int, before: str = "") -> float:
    """Milliseconds of CPU, the best of several fresh processes."""
    command = [python, "-I", "-c", PROGRAM.format(module=module, before=before)]
    runs = [subprocess.run(command, check=True, capture_output=True, text=True) for _ in range(processes)]
    return min(float(run.stdout) for run in runs) * 1e3
