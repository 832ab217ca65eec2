"""`soasap demo` as a newcomer runs it: to its end, in a terminal and without, kept open, interrupted, failing."""

from __future__ import annotations

import os
import pty
import re
import signal
from pathlib import Path

import pytest

from tests.devserver.demo_process import demo, read_all, without_colours
from tests.devserver.flag_files import replace_flags, write_flags

SUMMARY = re.compile(
    r"^soasap demo: ok: 8 changes read [\d.]+ ms \(median\) and [\d.]+ ms \(slowest\) after the server's write, "
    r"warm start from disk in [\d.]+ ms, recovery [\d.]+ s after the server's return$"
)


def test_the_story_holds(tmp_path: Path) -> None:
    """The demo ends by itself with status 0 and one summary line, and leaves nothing behind."""
    with demo(tmp_path) as running:
        status = running.process.wait(60)
    lines = running.lines()

    assert 0 == status, lines
    assert SUMMARY.match(lines[-1])
    assert 8 == sum("after the server's write" in line for line in lines[:-1])
    assert 1 == sum("all 5 flags from disk" in line for line in lines)
    assert [] == running.leftovers()


def test_the_table_in_a_terminal(tmp_path: Path) -> None:
    """In a terminal the changes are a table, and the summary is the same."""
    ours, theirs = pty.openpty()
    with (
        open(ours, "rb", buffering=0) as terminal,
        demo(tmp_path, environment={"TERM": "xterm", "COLUMNS": "100"}, stdout=theirs) as running,
    ):
        os.close(theirs)
        shown = read_all(terminal)
        status = running.process.wait(60)
    text = without_colours(shown)

    assert 0 == status, text
    assert "ms from write to read" in text
    assert any(SUMMARY.match(line) for line in text.splitlines())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_keep_stays_and_shows_edits(tmp_path: Path, number: signal.Signals) -> None:
    """With --keep the demo names the file to edit, shows edits, and ends with status 0 when interrupted."""
    with demo(tmp_path, "--keep") as running:
        path = Path(running.wait_line("Edit ").removeprefix("Edit ").partition(" and see it here")[0])
        summary = running.wait_line("soasap demo: ok")
        write_flags(path, {"banner": "Edited", "new": 7})
        added = running.wait_line("new: ")
        removed = running.wait_line("-> null, ")
        path.write_text("{")
        running.wait_line(f"soasap serve: {path}:1:2: ")
        replace_flags(path, {"banner": "Edited again", "new": [1]})
        running.wait_line('banner: "Edited" -> "Edited again", ')
        changed = running.wait_line("new: 7 -> ")
        running.process.send_signal(number)
        status = running.process.wait(60)

    assert 0 == status
    assert SUMMARY.match(summary)
    assert "new: null -> 7, " in added
    assert removed.split(":")[0].strip() in {"new-checkout", "max-upload-mb", "sampling", "limits"}
    assert "new: 7 -> [1], " in changed
    assert [] == running.leftovers()


def test_an_interrupted_story_leaves_nothing(tmp_path: Path) -> None:
    """SIGTERM in the middle ends the demo with an error status, and its server and files are gone."""
    with demo(tmp_path) as running:
        running.wait_line("banner: ")
        running.process.terminate()
        status = running.process.wait(60)

    assert 1 == status
    assert [] == running.leftovers()


def test_a_story_that_does_not_hold(tmp_path: Path) -> None:
    """What did not hold is the summary, with the reason, and the status is 1."""
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "watchfiles.py").write_text("raise ModuleNotFoundError('gone', name='watchfiles')\n")
    with demo(tmp_path, environment={"PYTHONPATH": str(broken)}) as running:
        status = running.process.wait(60)

    assert 1 == status
    assert running.lines()[-1].startswith(
        "soasap demo: FAILED: soasap serve did not start (exit status 2): soasap: the terminal commands need"
    )
    assert [] == running.leftovers()
