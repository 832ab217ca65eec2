"""The wheel: what it contains, what it asks for, and what the project file promises."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.Path:
    """The root folder of a wheel built from this checkout, without fetching anything."""
    out = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)]
    finished = subprocess.run(build, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    [path] = out.glob("*.whl")
    return zipfile.Path(path)


@pytest.fixture(scope="session")
def metadata(wheel: zipfile.Path) -> Message:
    """The METADATA file of the wheel."""
    [folder] = [entry for entry in wheel.iterdir() if entry.name.endswith(".dist-info")]
    return message_from_bytes((folder / "METADATA").read_bytes())


def test_runtime_needs_two_packages(metadata: Message) -> None:
    """Without an extra only urllib3 and orjson come along, from the first releases without known advisories."""
    requirements = metadata.get_all("Requires-Dist", [])

    assert {"urllib3>=2.7.0", "orjson>=3.11.6"} == {entry for entry in requirements if "extra ==" not in entry}


def test_lowest_versions_are_tested(metadata: Message) -> None:
    """The suite on the oldest Python has the oldest release of each package that a user may have."""
    floors = {re.sub(r"; .*", "", entry) for entry in metadata.get_all("Requires-Dist", []) if "'dev'" not in entry}
    packages = ("urllib3", "orjson", "gevent", "eventlet", "openfeature-sdk", "redis", "prometheus-client")
    [pins] = re.findall(r"^deps = \[(.*)\]$", (ROOT / "pyproject.toml").read_text("utf-8"), re.MULTILINE)

    assert {entry.replace(">=", "==") for entry in floors if entry.startswith(packages)} == set(
        re.findall(r'"([^"]+)"', pins)
    )


def test_extras(metadata: Message) -> None:
    """The extras are the server, one per green library, OpenFeature, Redis, the relay, and what developers need."""
    assert {"server", "gevent", "eventlet", "openfeature", "redis", "relay", "dev"} == set(
        metadata.get_all("Provides-Extra", [])
    )


def test_name_version_licence_and_python(metadata: Message) -> None:
    """The metadata says 2.0.0 or later, MIT, Python 3.10 and up."""
    assert "soasap" == metadata["Name"]
    assert int(metadata["Version"].partition(".")[0]) >= 2
    assert "MIT" == metadata["License-Expression"]
    assert ">=3.10" == metadata["Requires-Python"]


def test_wheel_is_typed_and_complete(wheel: zipfile.Path) -> None:
    """Every module of the checkout, the page and `py.typed` are in the wheel; tests and tools are not."""
    package = ROOT / "soasap"
    page = [path for path in (package / "_devserver" / "page").iterdir() if path.is_file()]
    expected = {path.relative_to(ROOT).as_posix() for path in [*package.rglob("*.py"), *page]} | {"soasap/py.typed"}
    packed = {name for name in wheel.root.namelist() if ".dist-info/" not in name}

    assert {".html", ".css", ".js", ".svg"} == {path.suffix for path in page}
    assert set() == expected - packed
    assert {"soasap"} == {name.partition("/")[0] for name in packed}


def test_command_is_installed(wheel: zipfile.Path) -> None:
    """The wheel brings the command `soasap`."""
    [folder] = [entry for entry in wheel.iterdir() if entry.name.endswith(".dist-info")]

    assert "soasap = soasap.cli:main" in (folder / "entry_points.txt").read_text()


def test_pytest_plugin_is_found(wheel: zipfile.Path) -> None:
    """The wheel tells pytest of its plugin."""
    [folder] = [entry for entry in wheel.iterdir() if entry.name.endswith(".dist-info")]

    assert "[pytest11]\nsoasap = soasap.pytest_plugin\n" in (folder / "entry_points.txt").read_text()
