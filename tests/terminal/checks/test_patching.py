"""What is patched, seen in interpreters of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.scripts import ROOT

LOOK = """
import json
from soasap._terminal.checks.patching import check_patching
found = check_patching()
print(json.dumps([found.verdict, found.words, found.trouble, dict(found.facts)]))
"""


def look_after(first: str) -> list[Any]:
    """What the check says in an interpreter that begins with these lines."""
    answer = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", f"{first}\n{LOOK}"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    found: list[Any] = json.loads(answer.stdout)
    return found


@pytest.mark.parametrize(
    ("first", "backend"),
    [
        ("", "threads"),
        ("import gevent.monkey, eventlet", "threads"),
        ("import gevent.monkey; gevent.monkey.patch_all()", "gevent"),
        ("import gevent.monkey; gevent.monkey.patch_all(thread=False)", "threads"),
        ("import eventlet; eventlet.monkey_patch()", "eventlet"),
    ],
)
def test_the_backend_that_auto_takes(first: str, backend: str) -> None:
    """What counts is what is patched, not what is imported."""
    verdict, words, _, facts = look_after(first)

    assert ("ok", backend) == (verdict, facts["backend"])
    assert words.endswith(f'"auto" takes {backend}')


@pytest.mark.parametrize("library", ["gevent", "eventlet"])
def test_patched_late(library: str) -> None:
    """A patch after `import urllib3` is a warning: the application's own HTTPS is broken by it."""
    patch = {
        "gevent": "import urllib3, gevent.monkey; gevent.monkey.patch_all()",
        "eventlet": "import urllib3, eventlet; eventlet.monkey_patch()",
    }[library]
    verdict, words, trouble, facts = look_after(patch)

    assert ("warning", "Monkey-patched too late", library) == (verdict, trouble, facts["backend"])
    assert "urllib3 was imported before ssl was monkey-patched" in words


def test_gunicorns_master() -> None:
    """Where Gunicorn is about to patch its workers, nothing starts, and that is said."""
    verdict, words, trouble, _ = look_after("import gunicorn.workers.ggevent")

    assert ("warning", "Nothing runs in the master process") == (verdict, trouble)
    assert "Gunicorn is about to patch its workers with gevent" in words
