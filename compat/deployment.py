"""
Deployments as processes: started, asked, stopped by their ids.

A new kind of deployment is a subclass of `Deployment` that knows how to bring a question to a worker
(`HttpDeployment` does it for everything that speaks HTTP), and one `Variant` per row of the table::

    def celery(name: str, *options: str, **facts: Any) -> Variant:
        return Variant(name, CELERY, lambda place: CeleryDeployment(place, options), Facts(**facts))

    VARIANTS = [celery("Celery prefork", flushes_at_end=False), celery("Celery gevent", "-P", "gevent", green=True)]

    @pytest.mark.parametrize(("variant", "promise"), cells(VARIANTS))
    def test_promise(rig: Rig, promise: Promise, keep: Keep) -> None:
        keep(rig, promise)

That is all of a test file: `compat.promises` has the checks, `compat.rig` brings flag server and deployment together,
`compat/conftest.py` has the fixtures and writes the table.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urlencode

from compat.environments import ROOT, Environment, Family
from compat.processes import MARK, end, is_alive, marked

__all__ = ["Answer", "Deployment", "Facts", "HttpDeployment", "NoAnswer", "Place", "Variant"]

Answer: TypeAlias = dict[str, Any]
START_TIMEOUT = 60.0
STOP_TIMEOUT = 30.0
WEAR_OUT_TIMEOUT = 60.0


class NoAnswer(Exception):
    """Nobody answered this time: a worker that just ends, for example. Worth another try."""


@dataclass(frozen=True)
class Place:
    """
    Where a deployment runs.

    Attributes:
        environment: Its packages.
        directory: Its own, for logs and the like.
        variables: For its environment.
        working_directory: Where its command is given.
    """

    environment: Environment
    directory: Path
    variables: Mapping[str, str]
    working_directory: Path = ROOT


@dataclass(frozen=True, kw_only=True)
class Facts:
    """
    What is expected of a deployment.

    Attributes:
        client: How the application makes its client: `lazy`, or `preload` for `preload=True`.
        workers: How many processes answer.
        other_streams: How many other processes have read, and so hold a stream: a master that started one, for example.
        respawns: Whether a killed worker is replaced.
        green: Whether requests run on greenlets, beside the client's own.
        children: The ways in which a worker is asked to make children, see `compat.children`.
        renews: Whether `Deployment.renew` can replace all workers.
        flushes_at_end: Whether workers end in a way that lets Python save what is not saved yet (not by `os._exit`).
        shortfalls: Promises that are not kept, by name, and why.
    """

    client: str = "lazy"
    workers: int = 2
    other_streams: int = 0
    respawns: bool = True
    green: bool = False
    children: tuple[str, ...] = ("fork",)
    renews: bool = False
    flushes_at_end: bool = True
    shortfalls: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Variant:
    """
    One row of the table.

    Attributes:
        name: The row's name.
        family: Where its packages come from.
        make: Makes the deployment, not yet started.
        facts: What is expected of it.
        only: Names of promises, if not all that apply.
    """

    name: str
    family: Family
    make: Callable[[Place], Deployment]
    facts: Facts = field(default_factory=Facts)
    only: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.name


class Deployment:
    """
    A server and its workers.

    Args:
        place: Where it runs.
        command: What starts it; it logs to stdout or stderr.

    Attributes:
        log: Its output.
    """

    def __init__(self, place: Place, command: Sequence[str]) -> None:
        self.place = place
        self.log = place.directory / "deployment.log"
        self._command = list(command)
        self._mark = uuid.uuid4().hex
        self._process: subprocess.Popen[bytes] | None = None

    # --- life

    @property
    def pid(self) -> int:
        """Of the process that was started: usually the master."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it, and wait until `is_ready`."""
        variables = {**os.environ, **self.place.variables, MARK: self._mark}
        with open(self.log, "wb") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=self.place.working_directory,
                env=variables,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + START_TIMEOUT
        while not self.is_ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"it did not start: {self.text_of_log()[-3000:]}")
            time.sleep(0.02)

    def is_ready(self) -> bool:
        """Whether it takes questions."""
        raise NotImplementedError

    def stop(self) -> float:
        """End it the way its operator would; the seconds until its first process was gone."""
        assert self._process is not None
        started = time.monotonic()
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it did not stop within {STOP_TIMEOUT:g} seconds") from None
        return time.monotonic() - started

    def kill(self) -> None:
        """End whatever is left of it. Idempotent."""
        end(self.processes())
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def processes(self) -> set[int]:
        """All its living processes."""
        return marked(self._mark)

    def left_behind(self, patience: float = 5.0) -> set[int]:
        """
        Its processes that stay although the first has ended.

        Those that notice it by a closed pipe, as the resource tracker of multiprocessing, are gone a moment later.
        """
        deadline = time.monotonic() + patience
        while (left := self.processes()) and time.monotonic() < deadline:
            time.sleep(0.05)
        return left

    def renew(self) -> None:
        """Make it replace all its workers without an end of service."""
        raise NotImplementedError

    def text_of_log(self) -> str:
        return self.log.read_text("utf-8", errors="replace")

    # --- questions

    def ask_once(self, question: str, arguments: Mapping[str, object], timeout: float) -> Answer:
        """
        Bring a question to any worker.

        Raises:
            NoAnswer: Nobody answered.
        """
        raise NotImplementedError

    def ask(self, question: str, timeout: float = 30.0, **arguments: object) -> Answer:
        """The answer of any worker; asks again if nobody answers."""
        deadline = time.monotonic() + timeout
        while True:
            try:
                return self.ask_once(question, arguments, timeout)
            except NoAnswer as error:
                if time.monotonic() > deadline:
                    raise AssertionError(f"no answer to {question}: {error}; {self.text_of_log()[-2000:]}") from error
                time.sleep(0.02)

    def ask_every(
        self,
        workers: int,
        question: str = "flags",
        accept: Callable[[Answer], object] = lambda answer: True,
        timeout: float = 30.0,
        **arguments: Any,
    ) -> dict[int, Answer]:
        """
        The newest answer of every worker, by process id.

        Asks several at a time, so that no worker takes all questions, until so many living workers have given an
        answer that is accepted.
        """
        answers: dict[int, Answer] = {}
        deadline = time.monotonic() + timeout
        with ThreadPoolExecutor(2 * workers) as pool:
            while True:
                asked = [pool.submit(self.ask, question, timeout, **arguments) for _ in range(2 * workers)]
                for given in (future.result() for future in asked):
                    answers[given["pid"]] = given
                answers = {pid: given for pid, given in answers.items() if is_alive(pid)}
                if len(answers) == workers and all(map(accept, answers.values())):
                    return answers
                if time.monotonic() > deadline:
                    raise AssertionError(
                        f"{workers} workers did not answer {question} as expected: {answers}; "
                        f"{self.text_of_log()[-2000:]}"
                    )
                time.sleep(0.01)

    def wear_out(self, workers: int) -> None:
        """Ask until all these workers are gone: for servers that replace a worker after so many requests."""
        worn = set(self.ask_every(workers))
        deadline = time.monotonic() + WEAR_OUT_TIMEOUT
        with ThreadPoolExecutor(2 * workers) as pool:
            while any(map(is_alive, worn)):
                assert time.monotonic() < deadline, f"{worn} were not replaced; {self.text_of_log()[-2000:]}"
                # Several at a time: with one at a time, one worker may get them all.
                list(pool.map(self.ask, ["flags"] * 2 * workers))


class HttpDeployment(Deployment):
    """
    Answers over HTTP on a port of its own choice, which it says in its log.

    The application serves `GET /<question>?<arguments>`, see `compat.questions`.
    """

    address = re.compile(r"http://127\.0\.0\.1:([1-9][0-9]*)")
    """Finds ports in the log; the last one counts."""

    _port = 0

    def is_ready(self) -> bool:
        if not self.has_port():
            return False
        try:
            self.ask_once("flags", {}, 5.0)
        except NoAnswer:
            return False
        return True

    def has_port(self) -> bool:
        """Whether the log has said where it listens."""
        found = self.address.findall(self.text_of_log())
        self._port = int(found[-1]) if found else 0
        return bool(found)

    def ask_once(self, question: str, arguments: Mapping[str, object], timeout: float) -> Answer:
        answer: Answer = json.loads(self.get(f"/{question}?{urlencode(arguments)}", timeout))
        return answer

    def get(self, path: str, timeout: float) -> bytes:
        """
        The body of an answer with status 200.

        Raises:
            NoAnswer: There was none.
        """
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=timeout)
        try:
            connection.request("GET", path, headers={"Connection": "close"})
            response = connection.getresponse()
            body = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise NoAnswer(repr(error)) from error
        finally:
            connection.close()
        if response.status != 200:
            raise NoAnswer(f"{response.status} {body[:500]!r}")
        return body
