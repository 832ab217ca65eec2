"""The front door: what `import soasap` offers, and what it does not load."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from importlib.metadata import version

import pytest

import soasap

RELEASE_1_0_3 = {
    "soasap.client": {"SoasapClientImpl"},
    "soasap.create_client": {"create_soasap_client"},
    "soasap.types": {
        "SoasapClient",
        "SoasapClientOptions",
        "SoasapErrorContext",
        "SoasapErrorHandler",
        "SoasapErrorSource",
        "create_error_context",
    },
}
"""Where release 1.0.3 defines its public names; the front door repeats all of them."""

HEAVY = {
    "urllib3",
    "ssl",
    "orjson",
    "logging",
    "gevent",
    "greenlet",
    "eventlet",
    "click",
    "rich",
    "watchfiles",
    "openfeature",
    "pytest",
    "redis",
}


def test_front_door_is_complete_and_sorted() -> None:
    """`soasap.__all__` is sorted, without doubles, and every name in it exists."""
    assert sorted(set(soasap.__all__)) == soasap.__all__
    assert [] == [name for name in soasap.__all__ if not hasattr(soasap, name)]
    assert set().union(*RELEASE_1_0_3.values()) <= set(soasap.__all__)


def test_front_door_hides_nothing() -> None:
    """Each public class, function and alias that the front door imports is in its `__all__`."""
    modules = {name for name in vars(soasap) if f"soasap.{name}" in sys.modules}
    # pytest adds names like "@pytest_ar" to packages that bring a plugin.
    public = {name for name in vars(soasap) if not name.startswith(("_", "@"))} - modules - {"annotations"}

    assert set() == public - set(soasap.__all__)


@pytest.mark.parametrize("name", RELEASE_1_0_3)
def test_modules_of_release_1_0_3_stay(name: str) -> None:
    """The three modules that 1.0.3 has can be imported and define what they defined."""
    module = importlib.import_module(name)

    assert set() == {public for public in RELEASE_1_0_3[name] if not hasattr(module, public)}
    assert RELEASE_1_0_3[name] <= set(module.__all__)
    for public in RELEASE_1_0_3[name]:
        assert getattr(soasap, public) is getattr(module, public)


def test_import_is_cheap() -> None:
    """`import soasap` in a fresh process loads neither network, TLS, JSON nor logging, and nothing optional."""
    program = "import soasap, sys, json; print(json.dumps(sorted(sys.modules)))"
    # -S keeps what site-packages' own start-up files import out of the picture; -I keeps the environment out.
    paths = [path for path in sys.path if path]
    program = f"import sys; sys.path[:0] = {paths!r}; {program}"
    answer = subprocess.run([sys.executable, "-I", "-S", "-c", program], check=True, capture_output=True, text=True)
    loaded = {name.partition(".")[0] for name in json.loads(answer.stdout)}

    assert "soasap" in loaded
    assert set() == HEAVY & loaded


def test_version_is_the_one_of_the_distribution() -> None:
    """`soasap.__version__` is what the installed metadata says."""
    assert version("soasap") == soasap.__version__
