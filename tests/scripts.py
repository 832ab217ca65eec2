"""Small programs in interpreters of their own: for exits, signals and forks, which are nothing for a test process."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

from tests.green import preamble

ROOT = Path(__file__).parent.parent

PATIENCE = 60.0
"""Seconds, far above what any of them needs."""


def start_script(source: str, *arguments: object) -> subprocess.Popen[str]:
    """
    Start a program; it finds the arguments, as text, in `sys.argv[1:]`. It is monkey-patched if this process is.

    Warnings are errors there, but for the one of Python 3.12 and later about a fork in a process with threads: our
    threads are prepared for it.
    """
    return subprocess.Popen(
        [
            sys.executable,
            "-W",
            "error",
            "-W",
            "ignore:This process",
            "-c",
            preamble() + textwrap.dedent(source),
            *map(str, arguments),
        ],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run_script(source: str, *arguments: object, returncode: int = 0) -> str:
    """What a program printed. AssertionError, with its last words, if it ended otherwise than expected."""
    with start_script(source, *arguments) as process:
        try:
            output, errors = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            raise AssertionError(f"the program did not end: {process.communicate()}") from None
    assert returncode == process.returncode, f"ended with {process.returncode}: {errors}"
    assert "Traceback" not in errors, errors
    return output
