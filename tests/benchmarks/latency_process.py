"""
Measures in its own process when updates become visible to a reader.

The reader looks every 50 microseconds or so, in a thread of its own beside the client's, as a request handler would.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from typing import Any

__all__ = ["FIRST", "KEY"]

KEY = "sequence"
FIRST = 0
"""What the flag is before the first update."""

LOOK_EVERY = 0.00005
PATIENCE = 30.0


def main(contender: str, url: str, updates: int) -> dict[str, Any]:
    """Monotonic seconds at which each value was seen first, by value, and how many events the client has counted."""
    read, received = CONTENDERS[contender](url)
    _wait(lambda: read() == FIRST)
    print("ready", flush=True)
    seen: dict[int, float] = {}
    deadline = time.monotonic() + PATIENCE + updates * 0.02
    while updates not in seen and time.monotonic() < deadline:
        value = read()
        if value not in seen:
            seen[value] = time.monotonic()
        time.sleep(LOOK_EVERY)
    return {"seen": seen, "received": received()}


def _wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "the first flags did not come"
        time.sleep(0.01)


def _ours(url: str) -> tuple[Callable[[], int], Callable[[], int]]:
    client = importlib.import_module("soasap").create_soasap_client(api_key="benchmark", base_url=url)
    return lambda: client.get_int(KEY, -1), lambda: client.status().events


def _launchdarkly(url: str) -> tuple[Callable[[], int], Callable[[], int]]:
    ldclient = importlib.import_module("ldclient")
    config = importlib.import_module("ldclient.config").Config(
        "sdk-key", stream_uri=url, base_uri=url, events_uri=url, send_events=False, diagnostic_opt_out=True
    )
    client = ldclient.LDClient(config, start_wait=10)
    context = ldclient.Context.create("user-1")
    counted: list[object] = []
    client.flag_tracker.add_listener(counted.append)
    return lambda: client.variation(KEY, context, -1), lambda: len(counted)


CONTENDERS: dict[str, Callable[[str], tuple[Callable[[], int], Callable[[], int]]]] = {
    "soasap": _ours,
    "LaunchDarkly": _launchdarkly,
}
