"""Terminal commands as processes: started with a key in the environment, read, interrupted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.waiting import wait_until

__all__ = ["KEY", "Diagnosis", "Running", "diagnose", "environment", "run_soasap", "running"]

KEY = "sk-5b1e-not-to-be-seen"

SOASAP = (sys.executable, "-m", "soasap")

PATIENCE = 60.0
"""Seconds, far above what any of them needs."""


def environment(base_url: str | None, key: str | None = KEY, **more: str) -> dict[str, str]:
    """This process's environment with a key and an address in it, or without."""
    given = {name: value for name, value in os.environ.items() if not name.startswith("SOASAP_")}
    if base_url is not None:
        given["SOASAP_BASE_URL"] = base_url
    if key is not None:
        given["SOASAP_API_KEY"] = key
    return {**given, **more}


def run_soasap(
    *arguments: str, env: Mapping[str, str], program: Sequence[str] = SOASAP, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """A command to its end."""
    return subprocess.run(
        [*program, *arguments], env=env, cwd=cwd, capture_output=True, text=True, timeout=PATIENCE, check=False
    )


class Diagnosis:
    """
    What `soasap doctor --json` said.

    Attributes:
        status: Its exit status.
        answer: The whole of it.
        findings: By name.
        verdicts: By name.
        text: As it was printed, stderr included.
    """

    def __init__(self, ended: subprocess.CompletedProcess[str]) -> None:
        self.status = ended.returncode
        self.text = ended.stdout + ended.stderr
        self.answer: dict[str, Any] = json.loads(ended.stdout)
        self.findings: dict[str, dict[str, Any]] = {each["name"]: each for each in self.answer["findings"]}
        self.verdicts = {name: each["verdict"] for name, each in self.findings.items()}

    def not_fine(self) -> dict[str, str]:
        """The verdicts that are not ok."""
        return {name: verdict for name, verdict in self.verdicts.items() if verdict != "ok"}


def diagnose(
    *arguments: str,
    env: Mapping[str, str],
    program: Sequence[str] = SOASAP,
    cwd: Path | None = None,
) -> Diagnosis:
    """Run the doctor and read what it says."""
    return Diagnosis(run_soasap("doctor", "--json", *arguments, env=env, program=program, cwd=cwd))


class Running:
    """A command that stays; what it prints goes to a file, as it comes."""

    def __init__(self, arguments: Sequence[str], env: Mapping[str, str], directory: Path, stdout: int | None) -> None:
        self._said = directory / "said"
        with self._said.open("wb") as said:
            self.process = subprocess.Popen(
                [*SOASAP, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=said if stdout is None else stdout,
                stderr=said,
                env=env,
            )

    def said(self) -> str:
        """Everything so far."""
        return self._said.read_text()

    def wait_said(self, part: str) -> str:
        """Wait for a line with this part in it."""
        wait_until(lambda: self._lines(part) or self.process.poll() is not None, PATIENCE, f"{part!r} in the output")
        lines = self._lines(part)
        assert lines, f"it ended with {self.process.returncode} and never said {part!r}: {self.said()}"
        return lines[0].rstrip("\n")

    def _lines(self, part: str) -> list[str]:
        # Without an unfinished line: it would be found and then read in part.
        return [line for line in self.said().splitlines(keepends=True) if part in line and line.endswith("\n")]


@contextmanager
def running(*arguments: str, env: Mapping[str, str], directory: Path, stdout: int | None = None) -> Iterator[Running]:
    """Run a command that stays, and end it."""
    command = Running(arguments, env, directory, stdout)
    try:
        yield command
    finally:
        if command.process.poll() is None:
            command.process.kill()
        command.process.wait(PATIENCE)
