"""Measures reads in its own process: ours against the smallest possible methods, ours before a snapshot, 1.0.3."""

from __future__ import annotations

import time

import soasap
from tests.benchmarks.flag_sets import BOOL, FLOAT, INT, JSON, MISSING, STRING
from tests.benchmarks.smallest import Smallest
from tests.benchmarks.timing import best_of

READS = {
    "get_bool": f"get_bool({BOOL!r})",
    "get_string": f"get_string({STRING!r})",
    "get_number": f"get_number({FLOAT!r})",
    "get_number of an integer": f"get_number({INT!r})",
    "get_json": f"get_json({JSON!r})",
}
OURS_ONLY = {
    "get_int": f"get_int({INT!r})",
    "missing key": f"get_bool({MISSING!r})",
    "before the first snapshot": "",
}


def main(base_url: str, silent_url: str, repetitions: int) -> dict[str, float]:
    """
    Nanoseconds per read.

    Args:
        base_url: A server that sends mixed flags.
        silent_url: One that never sends anything.
        repetitions: Of each measurement.
    """
    client = soasap.create_soasap_client(api_key="benchmark", base_url=base_url)
    deadline = time.monotonic() + 30
    while client.get_bool(BOOL) is not True:
        assert time.monotonic() < deadline, "no flags came"
        time.sleep(0.01)
    if not hasattr(client, "get_int"):  # release 1.0.3
        return best_of({name: f"client.{read}" for name, read in READS.items()}, {"client": client}, repetitions)
    empty = soasap.create_soasap_client(api_key="benchmark", base_url=silent_url, cache=None)
    empty.get_bool(BOOL)  # starts it
    statements = {name: f"client.{read}" for name, read in {**READS, **OURS_ONLY}.items() if read}
    statements["before the first snapshot"] = f"empty.get_bool({BOOL!r})"
    for method, key in (("get_bool", BOOL), ("get_string", STRING), ("get_int", INT), ("get_number", FLOAT)):
        statements[f"smallest {method}"] = f"smallest.{method}({key!r})"
    statements["smallest missing key"] = f"smallest.get_bool({MISSING!r})"
    statements["dict.get"] = f"flags.get({BOOL!r})"
    flags = client.all_flags() if hasattr(client, "all_flags") else dict(client._store.snapshot.flags)
    scope = {"client": client, "empty": empty, "smallest": Smallest(flags), "flags": flags}
    found = best_of(statements, scope, repetitions)
    client.close()
    empty.close()
    return found
