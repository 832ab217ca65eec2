"""Gunicorn as its parent sees it: started, stopped, and one that does not stop."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from soasap._devserver.gunicorn_process import GunicornProcess, WorkerConnection

APPLICATION = """
import json, os
from urllib.parse import parse_qs

def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({"pid": os.getpid(), "asked": parse_qs(environ["QUERY_STRING"])}).encode()]
"""

DEAF = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("Listening at: http://127.0.0.1:1 (1)", flush=True)
time.sleep(600)
"""


def start(tmp_path: Path, **environment: str) -> GunicornProcess:
    (tmp_path / "application.py").write_text(APPLICATION)
    return GunicornProcess(
        "application:app",
        directory=tmp_path,
        environment={"PYTHONPATH": str(tmp_path), **environment},
        ready_timeout=30.0,
    )


def test_two_connections_are_two_workers(tmp_path: Path) -> None:
    """With one connection open, the next one goes to the other worker; both stay for further questions."""
    with start(tmp_path) as gunicorn:
        workers = [WorkerConnection(gunicorn.port) for _ in range(2)]
        rounds = []
        for number in range(3):
            for worker in workers:
                worker.ask("limits", {"n": number})
            answers = [worker.answer(30.0) for worker in workers]
            rounds.append([answer["pid"] for answer in answers])

            assert [{"flag": ["limits"], "value": [f'{{"n": {number}}}']}] * 2 == [each["asked"] for each in answers]
        for worker in workers:
            worker.close()

    assert [rounds[0]] * 3 == rounds
    assert 3 == len({*rounds[0], gunicorn.pid})


def test_options_of_the_environment_do_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the user's environment tells Gunicorn does not reach this one."""
    monkeypatch.setenv("GUNICORN_CMD_ARGS", "--bind unix:/nowhere/socket")
    with start(tmp_path) as gunicorn:
        assert gunicorn.port > 0


def test_the_context_stops(tmp_path: Path) -> None:
    """After the `with` block the process is gone; stopping again is harmless."""
    with start(tmp_path) as gunicorn:
        os.kill(gunicorn.pid, 0)
    gunicorn.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(gunicorn.pid, 0)


def test_one_that_cannot_load_the_application(tmp_path: Path) -> None:
    """A Gunicorn that ends at once is a `RuntimeError` with what it said last."""
    with pytest.raises(RuntimeError, match=r"did not start \(exit status 1\): ModuleNotFoundError: .* 'missing'$"):
        GunicornProcess("missing:app", directory=tmp_path, environment={}, ready_timeout=30.0)


def test_one_that_does_not_stop_is_killed(tmp_path: Path) -> None:
    """A process that ignores SIGTERM is killed after the timeout."""
    package = tmp_path / "gunicorn"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(DEAF)
    with start(tmp_path) as gunicorn:
        gunicorn.stop(timeout=0.1)
        with pytest.raises(ProcessLookupError):
            os.kill(gunicorn.pid, 0)
