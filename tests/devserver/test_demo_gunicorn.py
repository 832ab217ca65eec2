"""`soasap demo --gunicorn`, with a real Gunicorn: to its end, in a terminal, interrupted, failing."""

from __future__ import annotations

import os
import pty
import re
import signal
from pathlib import Path

from tests.devserver.demo_process import demo, read_all, without_colours
from tests.test_cli import run

SUMMARY = re.compile(
    r"^soasap demo: ok: 8 changes read by 2 gunicorn workers, [\d.]+ ms \(median\) and [\d.]+ ms \(slowest\) "
    r"after the server's write$"
)
ROW = re.compile(r"^  \S+: .+ -> .+, [\d.]+ ms \(worker (\d+)\), [\d.]+ ms \(worker (\d+)\) after the server's write$")


def test_the_story_holds(tmp_path: Path) -> None:
    """Both workers read each change; the demo ends by itself with status 0 and one summary line, and leaves nothing."""
    with demo(tmp_path, "--gunicorn") as running:
        status = running.process.wait(60)
    lines = running.lines()
    rows = [found.groups() for line in lines if (found := ROW.match(line))]

    assert 0 == status, lines
    assert SUMMARY.match(lines[-1])
    assert [] == [line for line in lines[:-1] if line.startswith("soasap demo:")]
    assert 8 == len(rows)
    assert 1 == len(set(rows))
    assert 2 == len(set(rows[0]))
    assert [] == running.leftovers()
    assert [] == list(Path(os.environ["HOME"]).iterdir())


def test_the_table_in_a_terminal(tmp_path: Path) -> None:
    """In a terminal each worker has a column."""
    ours, theirs = pty.openpty()
    with (
        open(ours, "rb", buffering=0) as terminal,
        demo(tmp_path, "--gunicorn", environment={"TERM": "xterm", "COLUMNS": "140"}, stdout=theirs) as running,
    ):
        os.close(theirs)
        shown = read_all(terminal)
        status = running.process.wait(60)
    text = without_colours(shown)

    assert 0 == status, text
    assert 2 == len(set(re.findall(r"ms to worker \d+", text)))
    assert any(SUMMARY.match(line) for line in text.splitlines())


def test_an_interrupted_story_leaves_nothing(tmp_path: Path) -> None:
    """SIGTERM in the middle ends the demo with an error status; Gunicorn, its workers, server and files are gone."""
    with demo(tmp_path, "--gunicorn") as running:
        running.wait_line("banner: ")
        running.process.terminate()
        status = running.process.wait(60)

    assert 1 == status
    assert [] == running.leftovers()


def test_a_worker_that_dies(tmp_path: Path) -> None:
    """A worker that is killed is no part of the story: that is the summary, and the status is 1."""
    with demo(tmp_path, "--gunicorn") as running:
        row = ROW.match(running.wait_line("new-checkout: "))
        assert row is not None
        os.kill(int(row[2]), signal.SIGKILL)
        status = running.process.wait(60)

    assert 1 == status
    assert re.match(
        r"soasap demo: FAILED: (the change of banner was not read in both workers|a worker cannot be asked): ",
        running.lines()[-1],
    )
    assert [] == running.leftovers()


def test_a_gunicorn_that_does_not_start(tmp_path: Path) -> None:
    """What Gunicorn said when it could not start is in the summary, and the status is 1."""
    package = tmp_path / "broken" / "gunicorn"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text("raise SystemExit('not today')\n")
    with demo(tmp_path, "--gunicorn", environment={"PYTHONPATH": str(package.parent)}) as running:
        status = running.process.wait(60)

    assert 1 == status
    assert "soasap demo: FAILED: gunicorn did not start (exit status 1): not today" == running.lines()[-1]
    assert [] == running.leftovers()


def test_options_that_exclude_each_other() -> None:
    """The story of the workers has no --keep."""
    answer = run("-m", "soasap", "demo", "--gunicorn", "--keep")

    assert (2, "") == (answer.returncode, answer.stdout)
    assert "--keep does not go with --gunicorn" in answer.stderr
