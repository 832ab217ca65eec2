"""Rounds, sizes, and the processes in which things are measured."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

__all__ = ["ROOT", "Child", "Harness"]

T = TypeVar("T")

ROOT = Path(__file__).resolve().parents[2]
CHILD = Path(__file__).with_name("child.py")


@dataclass(frozen=True)
class Harness:
    """
    How a subject is to be measured.

    Attributes:
        rounds: How often each contender has its turn.
        quick: Small sizes, and ours alone: to see that everything works.
        peers: The interpreter of the environment with release 1.0.3 and the peers; empty if there is none.
        gunicorn: The same for the environment with Gunicorn.
    """

    rounds: int
    quick: bool = False
    peers: str = ""
    gunicorn: str = ""
    ours: str = field(default=sys.executable)

    def alternate(self, contenders: Mapping[str, Callable[[], T]]) -> dict[str, list[T]]:
        """What each contender gives, once a round; every other round the other way round."""
        found: dict[str, list[T]] = {name: [] for name in contenders}
        for turn in range(self.rounds):
            for name in list(contenders)[:: 1 if turn % 2 == 0 else -1]:
                found[name].append(contenders[name]())
        return found

    def ask(self, module: str, *, python: str = "", **request: Any) -> Any:
        """The answer of `tests.benchmarks.<module>.main(**request)`, run in a process of its own."""
        with self.started(module, python=python, **request) as child:
            return child.answer()

    @contextmanager
    def started(self, module: str, *, python: str = "", **request: Any) -> Iterator[Child]:
        """The same as a running process, which the caller may talk with; killed at the end if it still runs."""
        with tempfile.TemporaryDirectory(prefix="soasap-benchmark-") as home:
            command = [python or self.ours, "-I", str(CHILD), f"tests.benchmarks.{module}", json.dumps(request)]
            variables = {"PATH": os.environ["PATH"], "HOME": home, "XDG_DATA_HOME": home, "NO_PROXY": "*"}
            process = subprocess.Popen(
                command, cwd=home, env=variables, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
            try:
                yield Child(process)
            finally:
                process.kill()
                process.communicate()


class Child:
    """A measured process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.pid = process.pid

    def line(self) -> str:
        """The next line it prints. AssertionError if it ends instead."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"{self._process.args!r} ended with status {self._process.wait()}"
        return line.rstrip("\n")

    def say(self, line: str) -> None:
        """Write a line to its stdin."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def answer(self) -> Any:
        """What its `main` returned. AssertionError if it failed."""
        assert self._process.stdout is not None
        lines = self._process.stdout.read().splitlines()
        assert self._process.wait() == 0, f"{self._process.args!r} failed"
        return json.loads(lines[-1])
