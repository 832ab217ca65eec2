"""Gunicorn's gevent workers with an application that was loaded before the fork and before the patch."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
import trustme

from tests.addresses import free_port
from tests.clients import API_KEY
from tests.flagserver import Connection, ScriptedServer, hold_open
from tests.programs import Daemon
from tests.redis_cache.entries import PATIENCE, calls, entry, payload
from tests.redis_server import RedisServer
from tests.scripts import ROOT
from tests.waiting import wait_until

WORKERS = 2


def greet(connection: Connection, index: int) -> None:
    """A whole answer of another service."""
    connection.answer(200, b"hello")


@pytest.mark.slow
@pytest.mark.parametrize("preload", [True, False])
def test_workers_stream_and_save(
    preload: bool,
    server: RedisServer,
    tmp_path: Path,
    ca: trustme.CA,
    ca_file: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Both workers load, stream and save, their own HTTPS requests work, and the master has imported nothing early."""
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "--chdir", str(ROOT), "--bind", f"127.0.0.1:{port}"]
    command += ["--worker-class", "gevent", "--workers", str(WORKERS), "--timeout", "120"]
    command += ["--preload"] * preload
    with ScriptedServer(hold_open(b'{"n": 7}')) as service, ScriptedServer(greet, tls=ca) as other:
        for name, value in {
            "FLAGS_KEY": API_KEY,
            "FLAGS_URL": service.base_url,
            "FLAGS_CACHE": server.url,
            "FLAGS_AUTHORITY": ca_file,
            "OTHER_URL": other.base_url,
        }.items():
            monkeypatch.setenv(name, value)
        gunicorn = Daemon([*command, "tests.redis_cache.gunicorn_app:app"], port, tmp_path / "gunicorn.log")
        gunicorn.start()
        told: dict[int, dict[str, Any]] = {}

        def ask() -> bool:
            with urlopen(f"http://127.0.0.1:{port}/", timeout=PATIENCE) as answer:
                one = json.load(answer)
            told[one["pid"]] = one
            return len(told) == WORKERS

        try:
            wait_until(ask, 60, "an answer from each worker")
            wait_until(lambda: payload(server, entry(service.base_url)), 20, "the first save")
            loaded, asked = calls(server, "hstrlen"), calls(server, "hget")
            for connection in service.connections:
                connection.event(b'{"n": 8}')
            wait_until(lambda: asked + WORKERS <= calls(server, "hget"), 20, "a save of each worker")
        finally:
            gunicorn.stop()

        for one in told.values():
            assert (True, 7, "gevent", 0) == (one["live"], one["n"], one["backend"], one["errors"])
            assert "hello" == one["https"]
            assert not preload or [] == one["imported early"]
        assert WORKERS == loaded == len(service.connections)
        assert b'{"n": 8}' == payload(server, entry(service.base_url))
        assert "Error" not in gunicorn.said()
