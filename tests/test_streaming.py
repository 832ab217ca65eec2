"""Changes arrive: all of them, in order, at once, over one connection, in every framing."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable

import pytest
import trustme

from soasap._runtime.run import Run
from soasap._sansio.snapshot import FlagSnapshot
from tests.clients import open_client, record_flags
from tests.flagserver import Connection, ScriptedServer
from tests.scripted_connection import Framing
from tests.waiting import wait_until

WIRES: list[tuple[Framing, bool]] = [("chunked", False), ("close", False), ("http10", False), ("chunked", True)]

wires = pytest.mark.parametrize(("framing", "secure"), WIRES, ids=["chunked", "close", "http10", "tls"])

FAST = 2000
SPACED = 200
SPACING = 0.005
"""Seconds between two spaced changes."""

WORST_DELAY = 0.25
"""Seconds from the server's write to the swap of the snapshot; a few milliseconds are usual."""


@wires
def test_changes_as_fast_as_possible(framing: Framing, secure: bool, ca: trustme.CA, ca_file: str) -> None:
    """Two thousand changes, half sent one by one and half in one piece, arrive over one connection without a hole."""

    def script(connection: Connection, index: int) -> None:
        connection.head(framing=framing)
        connection.event(b'{"n": 0}')
        connection.hang()

    with (
        ScriptedServer(script, tls=ca if secure else None) as server,
        open_client(server.base_url, ca_file=ca_file) as client,
    ):
        seen = record_flags(client, "n")
        assert client.wait_ready(10)
        half = FAST // 2
        for number in range(1, half + 1):
            server.connections[0].event(b'{"n": %d}' % number)
        server.connections[0].chunk(b"".join(b'data: {"n": %d}\n\n' % number for number in range(half + 1, FAST + 1)))
        wait_until(lambda: len(seen) > FAST, 20, "the last change")
        status = client.status()

        assert FAST == client.get_int("n")
        assert list(range(FAST + 1)) == seen
        assert (FAST + 1, 1, 0) == (status.events, status.connects, status.errors)
        assert 1 == len(server.connections)


@wires
def test_spaced_changes(
    framing: Framing, secure: bool, ca: trustme.CA, ca_file: str, record_property: Callable[[str, object], None]
) -> None:
    """Two hundred changes, 5 ms apart, arrive over one connection, each within a few milliseconds of its sending."""

    def script(connection: Connection, index: int) -> None:
        connection.head(framing=framing)
        connection.event(b'{"n": 0}')
        connection.hang()

    delays: list[float] = []

    def sink(run: Run, previous: FlagSnapshot, current: FlagSnapshot) -> None:
        delays.append(time.monotonic() - current.flags.get("sent", math.inf))

    with (
        ScriptedServer(script, tls=ca if secure else None) as server,
        open_client(server.base_url, ca_file=ca_file) as client,
    ):
        seen = record_flags(client, "n")
        assert client.wait_ready(10)
        client._store.sinks.append(sink)
        for number in range(1, SPACED + 1):
            time.sleep(SPACING)
            server.connections[0].flags({"n": number, "sent": time.monotonic()})
        wait_until(lambda: len(delays) == SPACED, 20, "the last change")
        status = client.status()

        assert SPACED == client.get_int("n")
        assert list(range(SPACED + 1)) == seen
        assert (SPACED + 1, 1, 0) == (status.events, status.connects, status.errors)
        assert 1 == len(server.connections)
    median, worst = statistics.median(delays) * 1000, max(delays) * 1000
    record_property("delay_ms_median_worst", (round(median, 2), round(worst, 2)))
    print(f"delay of {SPACED} spaced changes: {median:.2f} ms in the median, {worst:.2f} ms at worst")
    assert max(delays) < WORST_DELAY
