"""Making a client whose cache file has 1 MB of flags, against release 1.0.3."""

from __future__ import annotations

import hashlib
import tempfile
from functools import partial
from pathlib import Path

from soasap._io.cache_location import cache_path
from tests.benchmarks.figures import Comparison, Result
from tests.benchmarks.flag_sets import large_payload
from tests.benchmarks.harness import Harness

__all__ = ["measure"]

API_KEY = "benchmark"
NOWHERE = "http://127.0.0.1:9"


def measure(harness: Harness) -> Result:
    payload = large_payload(1000 if harness.quick else 24_700)
    with tempfile.TemporaryDirectory(prefix="soasap-benchmark-") as directory:
        Path(cache_path(API_KEY, NOWHERE, directory)).write_bytes(payload)
        released = f"soasap_cache_{hashlib.sha256(API_KEY.encode()).hexdigest()[:8]}.json"
        Path(directory, released).write_bytes(payload)
        start = partial(harness.ask, "start_up_process", cache_directory=directory, base_url=NOWHERE)
        contenders = {"soasap": start}
        if harness.peers:
            contenders["soasap 1.0.3"] = partial(start, python=harness.peers)
        found = harness.alternate(contenders)
    steps = {
        "import": ("import",),
        "first client": ("first client",),
        "import and first client": ("import", "first client"),
        "another client": ("second client",),
    }
    comparisons = [
        Comparison(
            f"CPU time, {len(payload) / 1e6:.1f} MB cached: {title}",
            "ms",
            {who: [sum(each[step] for step in parts) for each in rounds] for who, rounds in found.items()},
        )
        for title, parts in steps.items()
    ]
    return Result("Start-up with a warm cache", (), comparisons)
