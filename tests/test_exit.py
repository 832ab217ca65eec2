"""The end of a process that never closed its client: prompt, and the file is whole."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.clients import API_KEY, cache_file
from tests.flagserver import Connection, Script, ScriptedServer, hold_open
from tests.scripts import PATIENCE, run_script, start_script

PROMPT = 4.0
"""Seconds, a busy machine's start of nothing included; a tenth is usual, and 1 allowed for a slow disk."""

PROLOGUE = f"""
import os, signal, sys, threading, time
from soasap import create_soasap_client
base_url, directory = sys.argv[1:]
client = create_soasap_client(api_key={API_KEY!r}, base_url=base_url, cache_directory=directory, on_error=print)
def wait_for(n):
    while client.get_int("n", -1) != n:
        time.sleep(0.002)
"""

Record = Callable[[str, object], None]


def end_of(
    process: subprocess.Popen[str], record_property: Record, *, returncode: int = 0, terminate: bool = False
) -> None:
    """Let a program end, by a signal if asked to, after it has said "bye"; fails if that takes its time."""
    assert process.stdout is not None
    assert process.stderr is not None
    with process:
        assert "bye\n" in process.stdout
        started = time.monotonic()
        if terminate:
            process.terminate()
        code = process.wait(PATIENCE)
        taken = time.monotonic() - started
        errors = process.stderr.read()
    assert returncode == code, errors
    assert "Traceback" not in errors
    record_property("exit_ms", round(taken * 1000))
    print(f"the process ended {taken * 1000:.0f} ms after its last line")
    assert taken < PROMPT


def silent(connection: Connection, index: int) -> None:
    connection.hang()


@pytest.mark.parametrize("script", [hold_open(b'{"n": 0}'), silent], ids=["idle stream", "silent server"])
def test_exit_is_prompt(script: Script, tmp_path: Path, record_property: Record) -> None:
    """A process ends promptly whatever the client waits for."""
    with ScriptedServer(script) as server:
        process = start_script(
            PROLOGUE + "client.wait_ready(0.5)\nprint('bye', flush=True)", server.base_url, tmp_path / "cache"
        )
        end_of(process, record_property)


def test_exit_flushes(tmp_path: Path, record_property: Record) -> None:
    """A snapshot that was not due yet is in the file when the process has ended, alone and whole."""
    with ScriptedServer(hold_open(*[b'{"n": %d}' % number for number in range(20)])) as server:
        process = start_script(PROLOGUE + "wait_for(19)\nprint('bye', flush=True)", server.base_url, tmp_path / "cache")
        end_of(process, record_property)

        assert [cache_file(tmp_path / "cache", server.base_url)] == list((tmp_path / "cache").iterdir())
        assert b'{"n": 19}' == cache_file(tmp_path / "cache", server.base_url).read_bytes()


def test_exit_with_a_disk_that_hangs(tmp_path: Path, record_property: Record) -> None:
    """A disk that does not come back costs the end of a process a second at most."""
    with ScriptedServer(hold_open(b'{"n": 1}')) as server:
        process = start_script(
            PROLOGUE
            + """
class Cache:
    def load(self): return None
    def save(self, payload): saving.set(); time.sleep(60)
saving = threading.Event()
client = create_soasap_client(api_key="k", base_url=base_url, cache=Cache())
client.wait_ready()
saving.wait()
print('bye', flush=True)
""",
            server.base_url,
            tmp_path / "cache",
        )
        end_of(process, record_property)


def test_exit_with_a_callback_that_hangs(tmp_path: Path, record_property: Record) -> None:
    """A handler of the application that does not come back keeps no process alive."""
    with ScriptedServer(hold_open(b"not json", b'{"n": 1}')) as server:
        process = start_script(
            PROLOGUE
            + """
def hang(context): entered.set(); time.sleep(60)
entered = threading.Event()
client = create_soasap_client(api_key="k", base_url=base_url, cache=None, on_error=hang, preload=True)
entered.wait()
print('bye', flush=True)
""",
            server.base_url,
            tmp_path / "cache",
        )
        end_of(process, record_property)


def test_exit_by_an_exception(tmp_path: Path) -> None:
    """An error of the application ends the process as ever, and the file is flushed."""
    with ScriptedServer(hold_open(b'{"n": 0}', b'{"n": 1}')) as server:
        with start_script(PROLOGUE + "wait_for(1)\n1 / 0", server.base_url, tmp_path / "cache") as process:
            _, errors = process.communicate(timeout=PATIENCE)

        assert (1, True) == (process.returncode, "ZeroDivisionError" in errors)
        assert b'{"n": 1}' == cache_file(tmp_path / "cache", server.base_url).read_bytes()


def test_terminated(tmp_path: Path, record_property: Record) -> None:
    """SIGTERM ends a process that does not handle it at once, and its file is whole."""

    def script(connection: Connection, index: int) -> None:
        connection.head()
        for number in range(1_000_000):
            connection.flags({"n": number, "filler": "x" * 100_000})
            time.sleep(0.002)

    with ScriptedServer(script) as server:
        path = cache_file(tmp_path / "cache", server.base_url)
        program = f"client.get_int('n')\nwhile not os.path.exists({str(path)!r}): time.sleep(0.002)\n"
        process = start_script(
            PROLOGUE + program + "print('bye', flush=True)\ntime.sleep(60)", server.base_url, tmp_path / "cache"
        )
        end_of(process, record_property, returncode=-signal.SIGTERM, terminate=True)

        assert 100_000 == len(json.loads(path.read_bytes())["filler"])


IN_A_HANDLER = """
def handler(number, frame):
    started = time.perf_counter()
    client.close()
    print(time.perf_counter() - started, flush=True)
signal.signal(signal.SIGTERM, handler)
threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGTERM)).start()
"""

WHILE: dict[str, tuple[Script, str]] = {
    "sleeping": (hold_open(b'{"n": 0}'), "client.wait_ready()\ntime.sleep(0.6)"),
    "waiting for readiness": (silent, "assert client.wait_ready() is False"),
    "reading": (
        hold_open(b'{"n": 0}'),
        "end = time.monotonic() + 0.6\nwhile time.monotonic() < end: client.get_int('n'), client.status()",
    ),
    "closing": (
        hold_open(b'{"n": 0}'),
        "time.sleep(0.25)\nend = time.monotonic() + 0.4\nwhile time.monotonic() < end: client.close()",
    ),
}


@pytest.mark.parametrize(("script", "meanwhile"), WHILE.values(), ids=WHILE)
def test_close_in_a_signal_handler(script: Script, meanwhile: str, tmp_path: Path, record_property: Record) -> None:
    """A signal handler may close, whatever line of the client it interrupts."""
    with ScriptedServer(script) as server:
        output = run_script(
            PROLOGUE + "client.get_int('n')\n" + IN_A_HANDLER + meanwhile, server.base_url, tmp_path / "cache"
        )
    taken = float(output.splitlines()[0])
    record_property("close_ms", round(taken * 1000, 2))
    print(f"close() took {taken * 1000:.2f} ms")

    assert taken < 1.0


def test_interrupt_while_waiting(tmp_path: Path) -> None:
    """Ctrl-C gets through to a caller that waits for readiness."""
    with ScriptedServer(silent) as server:
        output = run_script(
            PROLOGUE
            + """
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs inherit that it is ignored
threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
try:
    client.wait_ready()
except KeyboardInterrupt:
    print("interrupted")
""",
            server.base_url,
            tmp_path / "cache",
        )

    assert "interrupted\n" == output
