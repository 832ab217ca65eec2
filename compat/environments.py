"""
Virtual environments for servers that the project itself does not depend on.

Each is built once and kept for a day in the system's temporary directory. With CI=true an environment that cannot be
built is a failure; elsewhere its tests are skipped.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

__all__ = ["ROOT", "Environment", "Family", "environment", "ready_environment"]

ROOT = Path(__file__).resolve().parent.parent
MAX_AGE = 24 * 3600.0
BUILD_TIMEOUT = 600.0


@dataclass(frozen=True)
class Family:
    """
    Deployments that share an environment.

    Attributes:
        name: Part of its directory.
        requirements: What pip installs besides the project itself.
        shown: Packages whose versions the table gives.
        project: Whether the project itself is installed too; not beside its own earlier release.
    """

    name: str
    requirements: tuple[str, ...]
    shown: tuple[str, ...]
    project: bool = True


@dataclass(frozen=True)
class Environment:
    """
    A directory with an interpreter and packages.

    Attributes:
        directory: Its root.
        versions: Of Python and of the packages to show.
    """

    directory: Path
    versions: str

    def program(self, name: str) -> str:
        """The path of an installed program, `python` for example."""
        return str(self.directory / "bin" / name)


@cache
def environment(family: Family) -> Environment:
    """The environment of a family, for a test; the test ends here if it cannot be built."""
    try:
        return ready_environment(family)
    except (OSError, subprocess.SubprocessError) as error:
        reason = f"no environment for {family.name}: {error} {getattr(error, 'stdout', '') or ''}"
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)


def ready_environment(family: Family) -> Environment:
    """The environment of a family, built now unless a fresh one is there; `OSError` or `SubprocessError` otherwise."""
    directory = _directory(family)
    with _locked(directory.with_suffix(".lock")):
        marker = directory / "built.json"
        if not marker.exists() or time.time() - marker.stat().st_mtime > MAX_AGE:
            _build(directory, family)
            marker.write_text(json.dumps({"checkout": str(ROOT)}), "utf-8")
    return Environment(directory, _versions(directory, family))


def _directory(family: Family) -> Path:
    parts = [family.name, *family.requirements, sys.version, str(ROOT)]
    name = f"{family.name}-{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:12]}"
    home = Path(tempfile.gettempdir()) / f"soasap-compat-{os.getuid()}"
    home.mkdir(mode=0o700, exist_ok=True)
    if home.stat().st_uid != os.getuid():
        raise OSError(f"{home} belongs to somebody else")
    _forget_old(home)
    return home / name


def _forget_old(home: Path) -> None:
    """Environments of checkouts that are gone are of no use to anybody."""
    for marker in home.glob("*/built.json"):
        try:
            if not Path(json.loads(marker.read_text("utf-8"))["checkout"]).exists():
                shutil.rmtree(marker.parent)
        except (OSError, ValueError, KeyError):
            pass  # another run was faster


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with open(path, "w", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _build(directory: Path, family: Family) -> None:
    shutil.rmtree(directory, ignore_errors=True)
    # Not `venv.create`: inside another virtual environment it would copy that one's idea of itself.
    _run([sys.executable, "-m", "venv", str(directory)])
    pip = [str(directory / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _run([*pip, *family.requirements, *(["--editable", str(ROOT)] if family.project else [])])


def _versions(directory: Path, family: Family) -> str:
    program = (
        "import sys, importlib.metadata as m; "
        "print(', '.join(['Python %d.%d.%d' % sys.version_info[:3]] + [f'{n} {m.version(n)}' for n in sys.argv[1:]]))"
    )
    return _run([str(directory / "bin" / "python"), "-c", program, *family.shown]).strip()


def _run(command: list[str]) -> str:
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=BUILD_TIMEOUT, check=True
    )
    return done.stdout
