"""How long a change took, where somebody can tell."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from soasap._devserver.process import ServerProcess
from soasap._terminal.delays import Delays
from tests.clients import API_KEY, open_client
from tests.flagserver import Connection, ScriptedServer


def saying(status: int, body: object, **headers: str) -> ScriptedServer:
    def script(connection: Connection, index: int) -> None:
        connection.answer(status, json.dumps(body).encode(), headers=headers)

    return ScriptedServer(script)


def test_our_own_server_tells(tmp_path: Path) -> None:
    """`soasap serve` tells when it wrote."""
    path = tmp_path / "flags.json"
    path.write_text('{"a": 1}')
    with ServerProcess(str(path), api_key=API_KEY) as server, open_client(server.url) as client:
        assert client.wait_ready(30)
        seen_at = time.time()
        delay = Delays(server.url, API_KEY).of(seen_at)

    assert delay is not None
    assert 0 <= delay < 30


def test_a_later_write_hides_the_one_that_was_seen() -> None:
    """Once the server has written again, how long the earlier change took is not known."""
    with saying(200, [{"last_sent": 10.0}, {"last_sent": 0}, {"last_sent": 12.5}]) as server:
        delays = Delays(server.base_url, API_KEY)

        assert (0.5, None) == (delays.of(13.0), delays.of(11.0))


@pytest.mark.parametrize(("status", "body"), [(404, None), (401, None), (200, "else"), (200, [{}])])
def test_who_cannot_tell_is_not_asked_again(status: int, body: object) -> None:
    """A service that does not know when it wrote is asked once."""
    with saying(status, body) as server:
        delays = Delays(server.base_url, API_KEY)

        assert [None, None] == [delays.of(1.0), delays.of(2.0)]
        assert 1 == len(server.requests)


def test_the_key_does_not_follow_a_redirect() -> None:
    """A redirect is no answer: the key goes nowhere else."""
    with saying(200, []) as other, saying(302, None, location=f"{other.base_url}/x") as server:
        assert Delays(server.base_url, API_KEY).of(1.0) is None
        assert [] == other.requests


def test_other_machines_are_not_asked() -> None:
    """Another machine's clock is not ours: nobody is asked."""
    started = time.monotonic()

    assert Delays("http://192.0.2.1", API_KEY).of(1.0) is None
    assert time.monotonic() - started < 0.5
