"""`soasap watch` as people run it: in a pipe, in a terminal, through an outage, interrupted."""

from __future__ import annotations

import os
import pty
import re
import signal
import threading
from pathlib import Path

import pytest

from soasap._devserver.process import ServerProcess
from tests.addresses import free_port
from tests.devserver.demo_process import without_colours
from tests.devserver.flag_files import replace_flags
from tests.flagserver import ScriptedServer, hold_open
from tests.terminal.processes import KEY, environment, run_soasap, running
from tests.waiting import wait_until


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "flags.json"
    replace_flags(path, {"theme": "dark", "on": True, "limit": 3})
    return path


def test_changes_are_lines(path: Path, tmp_path: Path) -> None:
    """In a pipe the first flags and then each change are lines, with what the server's write took to arrive."""
    with (
        ServerProcess(str(path), api_key=KEY) as server,
        running("watch", env=environment(server.url), directory=tmp_path) as watch,
    ):
        watch.wait_said("theme: ")
        said = watch.said()
        replace_flags(path, {"theme": "light", "limit": 3, "new": [1]})
        added = watch.wait_said("new: ")
        changed = watch.wait_said('theme: "dark" -> ')
        removed = watch.wait_said("on: true -> ")
        watch.process.send_signal(signal.SIGINT)
        status = watch.process.wait(30)

    assert re.fullmatch(rf'\d\d:\d\d:\d\d live {server.url} \(threads\)\nlimit: 3\non: true\ntheme: "dark"\n', said)
    assert re.fullmatch(r"\d\d:\d\d:\d\d new: \(none\) -> \[1\], [\d.]+ ms after the server's write", added)
    assert ' theme: "dark" -> "light", ' in changed
    assert " on: true -> (none), " in removed
    assert "limit: 3 ->" not in watch.said()
    assert 0 == status, watch.said()


def test_flags_can_be_named(path: Path, tmp_path: Path) -> None:
    """With names or patterns only those flags are shown."""
    with (
        ServerProcess(str(path)) as server,
        running("watch", "th*", "limit", env=environment(server.url), directory=tmp_path) as watch,
    ):
        watch.wait_said("theme: ")
        replace_flags(path, {"theme": "dark", "on": False, "limit": 4})
        watch.wait_said("limit: 3 -> 4")

    assert not re.search(r"\bon: ", watch.said())


def test_an_outage_is_said_and_survived(path: Path, tmp_path: Path) -> None:
    """When the server goes it says `stale` and why; when it is back, `live`, and what changed meanwhile."""
    with ServerProcess(str(path)) as server:
        port = server.port
        with running("watch", env=environment(server.url), directory=tmp_path) as watch:
            watch.wait_said("theme: ")
            server.kill()
            stale = watch.wait_said(" stale ")
            replace_flags(path, {"theme": "light"})
            with ServerProcess(str(path), port=port):
                watch.wait_said('theme: "dark" -> "light"')
                wait_until(lambda: 2 == watch.said().count(" live "), 60, "live again")
            watch.process.terminate()
            status = watch.process.wait(30)

    assert f"stale http://127.0.0.1:{port} (threads)" in stale
    assert 0 == status, watch.said()


def test_nobody_answers(tmp_path: Path) -> None:
    """Without a service it says so, with the reason, and goes on looking for it."""
    port = free_port()
    env = environment(f"http://127.0.0.1:{port}")
    with running("watch", env=env, directory=tmp_path) as watch:
        watch.wait_said("Connection refused")
        with ScriptedServer(hold_open(b'{"a": 1}'), port=port):
            watch.wait_said("a: 1")

    assert KEY not in watch.said()


def test_the_table_in_a_terminal(path: Path, tmp_path: Path) -> None:
    """In a terminal it is a table of flags and one of changes, and Ctrl-C gives the cursor back."""
    ours, theirs = pty.openpty()
    shown: list[bytes] = []
    with ServerProcess(str(path), api_key=KEY) as server, open(ours, "rb", buffering=0) as terminal:
        env = environment(server.url, TERM="xterm", COLUMNS="100", LINES="40")
        with running("watch", env=env, directory=tmp_path, stdout=theirs) as watch:
            os.close(theirs)

            def read() -> None:
                try:
                    while piece := terminal.read(65536):
                        shown.append(piece)
                except OSError:
                    pass  # how Linux says that nobody has the other side open

            reader = threading.Thread(target=read)
            reader.start()
            try:
                wait_until(lambda: b"theme" in b"".join(shown), 60, "the table")
                replace_flags(path, {"theme": "[red]light[/red]", "on": True, "limit": 3})
                wait_until(lambda: b"last changes" in b"".join(shown), 60, "the table of changes")
                watch.process.send_signal(signal.SIGINT)
                status = watch.process.wait(30)
            finally:
                watch.process.kill()
                reader.join(30)
    text = without_colours(b"".join(shown))

    assert 0 == status, text
    assert f"live {server.url} (threads)" in text
    assert re.search(r"theme +│ a string +│ \"dark\"", text)
    assert '"[red]light[/red]"' in text
    assert re.search(r"│ +\d+\.\d │", text), "milliseconds from write"
    assert b"".join(shown).rindex(b"\x1b[?25h") > b"".join(shown).rindex(b"\x1b[?25l")


def test_an_encoding_that_lacks_characters(tmp_path: Path) -> None:
    """Where stdout cannot write a flag's characters they are escaped, and it goes on."""
    with ScriptedServer(hold_open('{"arrow": "→"}'.encode())) as server:
        env = environment(server.base_url, PYTHONIOENCODING="latin-1")
        with running("watch", env=env, directory=tmp_path) as watch:
            assert r'arrow: "\u2192"' == watch.wait_said("arrow")


def test_no_key() -> None:
    """Without a key it is one sentence and status 2."""
    answer = run_soasap("watch", env=environment(None, None))

    assert (2, "") == (answer.returncode, answer.stdout)
    assert answer.stderr.startswith("Error: SOASAP_API_KEY is not set")
