"""What an event may carry beside what `tests/test_payloads.py` shows: odd keys and values, bursts, a busy stream."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path
from typing import Any

import pytest

from soasap import SoasapClientImpl, SoasapErrorContext
from tests.clients import cache_file, open_client, record_flags
from tests.faults.weather import BEFORE
from tests.flagserver import Connection, ScriptedServer, hold_open
from tests.waiting import wait_until

KEYS: dict[str, tuple[bytes, dict[str, Any]]] = {
    "twice": (b'{"a": 1, "a": 2}', {"a": 2}),
    "empty": (b'{"": 1}', {"": 1}),
    "dunder": (b'{"__class__": 1, "__init__": {"__dict__": 2}}', {"__class__": 1, "__init__": {"__dict__": 2}}),
    "prototype": (b'{"__proto__": {"a": 1}}', {"__proto__": {"a": 1}}),
    "NUL": (b'{"a\\u0000b": "c\\u0000"}', {"a\0b": "c\0"}),
    "megabyte": (b'{"%b": 1}' % (b"k" * 1_000_000), {"k" * 1_000_000: 1}),
    "not ASCII": ('{"größe": "größer \U0001f600"}'.encode(), {"größe": "größer \U0001f600"}),
    "like a path": (b'{"../../etc/passwd": true}', {"../../etc/passwd": True}),
    "like an event": (b'{"data: x\\n\\n": true}', {"data: x\n\n": True}),
    "large integers": (b'{"a": 18446744073709551615, "b": -9223372036854775808}', {"a": 2**64 - 1, "b": -(2**63)}),
    "beyond 64 bits": (b'{"a": 123456789012345678901234567890}', {"a": 1.2345678901234568e29}),
    "nothing": (b"{}", {}),
}


def ask_everything(client: SoasapClientImpl, key: Any) -> tuple[object, ...]:
    """Each getter once; none may raise, whatever the flag is."""
    return (
        client.get_bool(key),
        client.get_flag(key),
        client.get_number(key),
        client.get_int(key),
        client.get_string(key),
        client.get_json(key),
    )


@pytest.mark.parametrize(("payload", "flags"), KEYS.values(), ids=KEYS)
def test_odd_keys_and_values(payload: bytes, flags: dict[str, Any]) -> None:
    """Odd keys and values are flags like others: no getter raises, then or later, and the values are exact."""
    errors: list[SoasapErrorContext] = []
    with (
        ScriptedServer(hold_open(BEFORE)) as server,
        open_client(server.base_url, on_error=errors.append) as client,
    ):
        assert client.wait_ready(10)
        server.connections[0].event(payload)
        wait_until(lambda: 0 == client.get_int("n"), message="the odd event")
        for key, value in flags.items():
            got = ask_everything(client, key)
            if isinstance(value, bool):
                assert value is got[0]
            elif isinstance(value, int):
                assert value == got[3]
            elif isinstance(value, float):
                assert math.isclose(value, client.get_number(key))
            else:
                assert value in got
        absent: Any
        for absent in ("absent", None, [], {}, 1, math.nan, b"n", "\0", "n" * 1000):
            assert (False, False, 0, 0, "", None) == ask_everything(client, absent)
        server.connections[0].event(b'{"n": 2}')
        wait_until(lambda: 2 == client.get_int("n"), message="the next event")

    assert [] == errors


def test_burst(tmp_path: Path) -> None:
    """Of two thousand events in one piece the last one wins, in memory and on disk, and none is passed over."""
    with ScriptedServer(hold_open(BEFORE)) as server:
        with open_client(server.base_url, cache="disk", cache_directory=str(tmp_path / "cache")) as client:
            seen = record_flags(client, "n")
            assert client.wait_ready(10)
            server.connections[0].chunk(b"".join(b'data: {"n": %d}\n\n' % n for n in range(2, 2002)))
            wait_until(lambda: 2001 == client.get_int("n"), message="the last event")

        assert list(range(1, 2002)) == seen
        assert b'{"n": 2001}' == cache_file(tmp_path / "cache", server.base_url).read_bytes()


PACE = 200
SECONDS = 6.0


def test_busy_stream(tmp_path: Path) -> None:
    """At 200 changes a second the order is kept, none is passed over, and the disk is written every 2.5 s at most."""

    def script(connection: Connection, index: int) -> None:
        connection.head()
        began = time.monotonic()
        for n in range(int(PACE * SECONDS)):
            connection.event(b'{"n": %d}' % n)
            time.sleep(max(0.0, began + (n + 1) / PACE - time.monotonic()))
        connection.hang()

    last = int(PACE * SECONDS) - 1
    with ScriptedServer(script) as server:
        path = cache_file(tmp_path / "cache", server.base_url)
        files: list[int] = []
        with open_client(server.base_url, cache="disk", cache_directory=str(tmp_path / "cache")) as client:
            seen = record_flags(client, "n")
            client.get_int("n")
            began = time.monotonic()
            while not (seen and seen[-1] == last):
                assert time.monotonic() - began < 60, f"the last change, not {seen[-1:]}"
                if path.exists():
                    status = path.stat()
                    if status.st_mtime_ns not in files:
                        files.append(status.st_mtime_ns)
                time.sleep(0.002)
            took = time.monotonic() - began
            status_at_the_end = client.status()

        assert list(range(last + 1)) == seen
        assert (1, 0) == (status_at_the_end.connects, status_at_the_end.errors)
        assert 2 <= len(files) <= 1 + took / 2.5
        assert {"n": last} == json.loads(path.read_bytes())
