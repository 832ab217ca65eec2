"""The programs in `examples/` run as their README says, and follow the flag file."""

from __future__ import annotations

import ast
import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.request import urlopen

import pytest

from compat import families
from compat.deployment import Deployment, HttpDeployment, NoAnswer, Place
from compat.environments import ROOT, environment
from compat.waiting import eventually
from soasap._devserver.process import ServerProcess
from tests.redis_server import RedisServer

EXAMPLES = ROOT / "examples"
README = EXAMPLES / "README.md"
SERVERS = families.servers()

COMMANDS = {
    "gunicorn app:app": "--bind 127.0.0.1:0",
    "gunicorn --preload app:app": "--bind 127.0.0.1:0",
    "flask --app flask_app run": "--port 0",
    "uvicorn asgi_app:app": "--port 0",
    "uvicorn fastapi_app:app": "--port 0",
    "gunicorn shop.wsgi": "--bind 127.0.0.1:0",
    "python script.py": "",
    "python container_app.py": "",
    "celery --app celery_worker worker": "--loglevel INFO",
}
"""The README's commands, and what makes them take a free port, or say that they are ready."""

ENDS_ABRUPTLY = {"flask --app flask_app run"}
"""Flask's server for development ends by the signal, and the README's other commands save the last flags."""

WITHOUT_DISK = {"python container_app.py"}
"""Keeps nothing."""


class WebExample(HttpDeployment):
    """An example that answers over HTTP."""

    def text(self) -> str:
        try:
            return self.get("/", 10).decode()
        except NoAnswer:
            return ""

    def is_ready(self) -> bool:
        return self.has_port() and self.text() != ""


class GunicornExample(WebExample):
    """
    The example for Gunicorn: ready when both workers are.

    A worker that gets SIGTERM before it handles signals (Gunicorn 27: before gevent has patched it) never ends by
    itself, whatever the application: stopped when the first of two workers had answered, a server without soasap took
    its whole grace 24 times of 25.
    """

    def is_ready(self) -> bool:
        if not super().is_ready():
            return False
        with urlopen(f"{self.place.variables['SOASAP_BASE_URL']}/api/v1/streams", timeout=10) as response:
            return len(json.load(response)) == 2


class CeleryExample(Deployment):
    """The example for Celery, asked by the README's own line."""

    def is_ready(self) -> bool:
        return " ready." in self.text_of_log()

    def text(self) -> str:
        line = re.search(r"^ +cd examples && (python -c .*)$", README.read_text("utf-8"), re.MULTILINE)
        assert line is not None
        done = subprocess.run(
            [self.place.environment.program("python"), *shlex.split(line[1])[1:]],
            cwd=EXAMPLES,
            env={**os.environ, **self.place.variables},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.removesuffix("\n")


class ScriptExample(Deployment):
    """The plain program: what it said first, with what it said of changes since."""

    def is_ready(self) -> bool:
        return " checkout.\n" in self.text_of_log()

    def text(self) -> str:
        first, *changes = self.text_of_log().splitlines()
        said = re.fullmatch(r"(.+), this is the (.+) checkout\.", first)
        assert said is not None, first
        flags: dict[str, object] = {"greeting": said[1], "new-checkout": said[2] == "new"}
        for change in changes:
            key, _, values = change.partition(": ")
            flags[key] = ast.literal_eval(values.partition(" -> ")[2])
        return f"{flags['greeting']}, this is the {'new' if flags['new-checkout'] else 'old'} checkout.\n"


KINDS: dict[str, type[WebExample] | type[CeleryExample] | type[ScriptExample]] = {
    "gunicorn app:app": GunicornExample,
    "gunicorn --preload app:app": GunicornExample,
    "celery --app celery_worker worker": CeleryExample,
    "python script.py": ScriptExample,
}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    """Serves a copy of the examples' flags."""
    shutil.copy(EXAMPLES / "flags.json", tmp_path)
    with ServerProcess(str(tmp_path / "flags.json"), ready_timeout=60) as server:
        yield server


@pytest.fixture
def place(command: str, server: ServerProcess, tmp_path: Path) -> Iterator[Place]:
    """Where the command is given, with what the README wants exported, and a Redis server if it takes one."""
    # A home of its own, for what Gunicorn keeps there.
    homes = {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path)}
    variables = {"SOASAP_API_KEY": "any", "SOASAP_BASE_URL": server.url, **homes}
    variables["PORT"] = "0"  # any that is free, for what takes it from there
    place = Place(environment(SERVERS), tmp_path, variables, commands()[command])
    if not command.startswith("celery"):
        yield place
        return
    redis = RedisServer(tmp_path)
    try:
        yield replace(place, variables={**variables, "REDIS_URL": redis.url})
    finally:
        redis.close()


def commands() -> dict[str, Path]:
    """The README's commands, and the directories where they are to be given."""
    quoted = re.findall(
        r"`(?:cd (\S+) && )?((?:gunicorn|flask|uvicorn|celery|python) [^`]+)`", README.read_text("utf-8")
    )
    found: dict[str, Path] = {}
    directory = ROOT
    for place, command in quoted:
        directory = ROOT / place if place else directory
        found[command] = directory
    return found


def test_readme_has_these_commands() -> None:
    """The commands of the README are the commands that are run here."""
    assert set(COMMANDS) == set(commands())


@pytest.mark.parametrize("command", COMMANDS)
def test_example_follows_the_flag_file(command: str, place: Place) -> None:
    """The example says what the flags say, and what they say when they change; the last ones are on disk at its end."""
    program, *options = shlex.split(f"{command} {COMMANDS[command]}")
    example = KINDS.get(command, WebExample)(place, [place.environment.program(program), *options])
    flags = place.directory / "flags.json"
    try:
        example.start()
        eventually(lambda: example.text() == "Hello, this is the new checkout.\n", "the flags of the file")

        flags.write_text('{"new-checkout": false, "greeting": "Bye"}')
        eventually(lambda: example.text() == "Bye, this is the old checkout.\n", "the changed flags")
        flags.write_text('{"new-checkout": false, "greeting": "Goodbye"}')
        eventually(lambda: example.text() == "Goodbye, this is the old checkout.\n", "the flags changed once more")
        example.stop()

        assert set() == example.processes()
        saved = [json.loads(path.read_bytes())["greeting"] for path in place.directory.glob("soasap/cache/*.json")]
        assert len(saved) == (0 if command in WITHOUT_DISK else 1)
        assert saved == ["Goodbye"] or command in ENDS_ABRUPTLY | WITHOUT_DISK
    finally:
        example.kill()
