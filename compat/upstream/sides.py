"""
Runs one program with the released soasap and with ours, against a server that says the same to both.

A program sees `base_url` and `directory` (empty, for the cache) and what `PROLOGUE` defines; it uses only what release
1.0.3 has, and ends with `tell(...)`, the facts that are compared.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from compat.environments import Family, environment
from compat.upstream.record import RELEASE
from tests.flagserver import Script, ScriptedServer

__all__ = ["Side", "Situation", "facts", "python_of"]

Side: TypeAlias = Literal["theirs", "ours"]

PATIENCE = 120.0

RELEASED = Family("released", (f"soasap=={RELEASE}",), ("soasap",), project=False)

PROLOGUE = """
import hashlib, json, os, stat, sys, threading, time
import soasap
from soasap import create_soasap_client

base_url, directory = sys.argv[1:]
errors = []


def make(key="the-key", **options):
    options = {"api_key": key, "base_url": base_url, "cache_directory": directory, "on_error": errors.append, **options}
    return create_soasap_client(**options)


def within(seconds, condition):
    '''Whether a condition holds within so many seconds.'''
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True


def took(function):
    '''Seconds.'''
    began = time.monotonic()
    function()
    return time.monotonic() - began


def old_file(key="the-key"):
    '''Where release 1.0.3 keeps the flags of a key; ours reads it where it has no file of its own.'''
    os.makedirs(directory, exist_ok=True)
    return os.path.join(directory, f"soasap_cache_{hashlib.sha256(key.encode()).hexdigest()[:8]}.json")


def put(content, key="the-key"):
    with open(old_file(key), "wb") as file:
        file.write(content)


def kinds():
    return [[error.source.value, error.is_transient] for error in errors]


def tell(*facts):
    print(json.dumps(facts), flush=True)
"""


@dataclass(frozen=True)
class Situation:
    """
    One row of the table.

    Attributes:
        name: What happens.
        server: What each connection hears.
        program: What the application does and looks at.
        theirs: The facts that release 1.0.3 shows.
        ours: The facts that ours shows.
        why: Why ours is better, or why both are the same.
    """

    name: str
    server: Script
    program: str
    theirs: list[Any]
    ours: list[Any]
    why: str


def python_of(side: Side) -> str:
    """The interpreter that has this side's soasap."""
    return sys.executable if side == "ours" else environment(RELEASED).program("python")


def facts(situation: Situation, python: str) -> list[Any]:
    """What the program tells when this interpreter runs it."""
    with ScriptedServer(situation.server) as server, tempfile.TemporaryDirectory() as folder:
        # -I: neither the checkout nor PYTHONPATH get in the way; the proxies of whoever runs this neither.
        program = PROLOGUE + textwrap.dedent(situation.program)
        command = [python, "-I", "-c", program, server.base_url, str(Path(folder, "cache"))]
        done = subprocess.run(
            command,
            cwd=folder,
            env={"HOME": folder, "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    assert done.stdout, f"ended with {done.returncode} and told nothing: {done.stderr}"
    found: list[Any] = json.loads(done.stdout.splitlines()[-1])
    return found
