"""The house stands as planned: who knows whom, what is imported where, and what must not exist at import."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.architecture import complaints, imports, rings

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "soasap"

TOP_LEVEL = {
    *("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md"),
    *("soasap", "tests", "compat", "examples"),
    *("build", "dist", "htmlcov", "node_modules", "__pycache__"),  # made by tools, kept out by .gitignore
}


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


SOURCES = {module_name(path): path.read_text("utf-8") for path in sorted(PACKAGE.rglob("*.py"))}


@pytest.mark.parametrize("module", SOURCES)
def test_module_keeps_the_plan(module: str) -> None:
    """Each module imports only what its room may know, and makes no primitive when it is imported."""
    assert [] == complaints(module, SOURCES[module])


def test_no_modules_import_each_other_in_a_ring() -> None:
    """The modules can be put in an order in which each imports only earlier ones."""
    assert [] == rings(SOURCES)


def test_top_level_is_fixed() -> None:
    """Nothing lies beside the four folders and the four files but dot-files."""
    found = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")}

    assert set() == found - TOP_LEVEL


def test_no_folder_of_compat_hides_a_package() -> None:
    """No folder under compat/ is named like a package that is imported there."""
    folders = {path.name for path in (ROOT / "compat").rglob("*") if path.is_dir()}
    imported = {
        entry.module.partition(".")[0]
        for path in (ROOT / "compat").rglob("*.py")
        for entry in imports(module_name(path), ast.parse(path.read_text("utf-8")))
    }

    assert set() == folders & imported


ALL = '"""Doc."""\n__all__ = ["x"]\n'


@pytest.mark.parametrize(
    ("module", "source", "complaint"),
    [
        ("soasap.types", "__all__ = []", "soasap.types has no docstring"),
        ("soasap.testing.fake", '"""Doc."""', "soasap.testing.fake is public and has no __all__"),
        ("soasap._sansio.sse", "import soasap._io.transport", "_sansio does not know _io"),
        ("soasap._io.transport", "from soasap.concurrency import fork", "_io does not know concurrency"),
        ("soasap.concurrency.auto", "from soasap._sansio.sse import SseDecoder", "does not know _sansio"),
        ("soasap._sansio.sse", "from soasap import SoasapError", "_sansio does not know soasap"),
        ("soasap._runtime.store", "from soasap._io import cache_file", "_runtime does not know _io"),
        ("soasap._runtime.store", "from soasap._compose import compose", "_runtime does not know _compose"),
        (
            "soasap.client",
            "if TYPE_CHECKING:\n    import soasap.create_client",
            "client does not know create_client",
        ),
        ("soasap.types", "import soasap.testing", "types does not know testing"),
        ("soasap._compose", "from soasap.cli import main", "_compose does not know cli"),
        ("soasap", "import soasap.openfeature", "soasap does not know openfeature"),
        ("soasap.client", "import soasap.utils", "one of them is in no layer"),
        ("soasap.client", "from . import types", "relatively"),
        ("soasap._sansio.sse", "import time", "which _sansio does without"),
        ("soasap._sansio.sse", "import os.path", "which _sansio does without"),
        ("soasap._sansio.sse", "from urllib.request import urlopen", "which _sansio does without"),
        ("soasap._runtime.store", "import threading", "which _runtime does without"),
        (
            "soasap._runtime.store",
            "try:\n    import x\nexcept ImportError:\n    import urllib3.util",
            "does without",
        ),
        ("soasap._io.transport", "import gevent.socket", "which only an extra brings"),
        ("soasap.concurrency.auto", "import eventlet", "which only an extra brings"),
        ("soasap.client", "import rich", "which only an extra brings"),
        ("soasap._compose", "import soasap.concurrency.gevent", "whoever found it patched"),
        (
            "soasap.concurrency.auto",
            "from soasap.concurrency.eventlet import EventletBackend",
            "whoever found",
        ),
        ("soasap.client", "def f():\n    import json", "inside a function"),
        (
            "soasap.client",
            "class C:\n    def f(self):\n        if x:\n            import json",
            "inside a function",
        ),
        ("soasap._io.transport", "from time import monotonic", "takes names out of time"),
        ("soasap.concurrency.threads", "from threading import Lock as L", "takes names out of threading"),
        ("soasap.concurrency.fork", "import threading\nGATE = threading.Lock()", "makes a Lock at import"),
        ("soasap.client", "class C:\n    event = Event()", "makes a Event at import"),
        ("soasap.client", "def f(queue=queue.Queue()): ...", "makes a Queue at import"),
        ("soasap._io.transport", "C = {'c': ssl.create_default_context()}", "makes a create_default_context"),
    ],
)
def test_checker_finds(module: str, source: str, complaint: str) -> None:
    """Each rule complains about a module that breaks it, once."""
    outlined = source if complaint.startswith("soasap.t") else ALL + source

    found = complaints(module, outlined)

    assert [True] == [complaint in sentence for sentence in found], found


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("soasap._sansio.sse", "import re\nimport orjson\nfrom soasap.exceptions import SoasapError"),
        ("soasap._runtime.store", "from soasap._sansio.snapshot import EMPTY\nfrom soasap import protocols"),
        ("soasap._runtime.reporter", "from soasap._runtime.store import SnapshotStore\nimport time"),
        ("soasap.types", "if TYPE_CHECKING:\n    from ssl import SSLContext\n    import soasap.protocols"),
        ("soasap._compose", "def f():\n    from soasap._io.transport import T\n    import urllib3"),
        ("soasap.concurrency.auto", "def f():\n    from soasap.concurrency.gevent import GeventBackend"),
        ("soasap.concurrency.gevent", "import gevent\nimport threading"),
        (
            "soasap.client",
            "import threading\nclass C:\n    def __init__(self):\n        self.e = threading.Event()",
        ),
        ("soasap.cli", "import click\nimport soasap._devserver\ndef f():\n    import rich"),
    ],
)
def test_checker_lets_pass(module: str, source: str) -> None:
    """What the plan allows brings no complaint."""
    assert [] == complaints(module, ALL + source)


def test_checker_finds_rings() -> None:
    """A ring of imports is found, late ones included; an import for types only makes none."""
    ring = {"soasap.a": "import soasap.b", "soasap.b": "def f():\n    import soasap.a"}
    line = {"soasap.a": "import soasap.b", "soasap.b": "if TYPE_CHECKING:\n    import soasap.a"}

    assert {"soasap.a", "soasap.b"} == set(rings(ring))
    assert [] == rings(line)
