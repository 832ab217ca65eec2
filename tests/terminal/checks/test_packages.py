"""Versions against floors."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError

import pytest

from soasap._terminal.checks.packages import Floor, check_packages, check_python, floors


def versions(**known: str):  # type: ignore[no-untyped-def]
    def version_of(package: str) -> str:
        if package not in known:
            raise PackageNotFoundError(package)
        return known[package]

    return version_of


NEEDED = Floor("urllib3", "2.7.0", optional=False)
OPTIONAL = Floor("gevent", "24.10.1", optional=True)


def test_the_floors_are_those_of_the_metadata() -> None:
    """What is looked at is what users install: the two needed packages, and those of the extras, not of developers."""
    found = {floor.package: floor.optional for floor in floors()}

    assert {"urllib3": False, "orjson": False, "gevent": True, "eventlet": True, "click": True} == {
        name: found[name] for name in ("urllib3", "orjson", "gevent", "eventlet", "click")
    }
    assert not {"pytest", "mypy", "soasap"} & set(found)


def test_what_is_here_is_fine() -> None:
    """The packages of this environment are new enough, and named with their versions."""
    finding = check_packages()

    assert "ok" == finding.verdict
    assert {"urllib3", "orjson"} <= set(finding.facts)


@pytest.mark.parametrize("version", ["2.7.0", "2.7.1", "2.10", "3.0.0rc1", "2.7.0.post1"])
def test_new_enough(version: str) -> None:
    """Numbers are compared as numbers."""
    assert "ok" == check_packages([NEEDED], versions(urllib3=version)).verdict


@pytest.mark.parametrize("version", ["2.6.9", "1.26.20", "2.0"])
def test_too_old(version: str) -> None:
    """An old one is a failure that says what to install."""
    finding = check_packages([NEEDED], versions(urllib3=version))

    assert "failure" == finding.verdict
    assert f"urllib3 {version} is older than 2.7.0" == finding.words
    assert 'pip install --upgrade "urllib3>=2.7.0"' == finding.advice


def test_missing() -> None:
    """A needed package that is missing is a failure; an optional one is nothing."""
    assert "urllib3 is not installed" == check_packages([NEEDED, OPTIONAL], versions()).words
    assert "failure" == check_packages([NEEDED], versions()).verdict
    assert ("ok", {"urllib3": "2.7.0"}) == (
        (finding := check_packages([NEEDED, OPTIONAL], versions(urllib3="2.7.0"))).verdict,
        finding.facts,
    )


def test_an_optional_one_that_is_here_counts() -> None:
    """An optional package that is here and too old is a failure."""
    assert "failure" == check_packages([OPTIONAL], versions(gevent="22.1")).verdict


@pytest.mark.parametrize(
    ("version", "implementation", "verdict"),
    [
        ((3, 10, 0), "cpython", "ok"),
        ((3, 13, 9), "cpython", "ok"),
        ((3, 14, 0), "cpython", "warning"),
        ((3, 11, 0), "pypy", "warning"),
    ],
)
def test_python(version: tuple[int, ...], implementation: str, verdict: str) -> None:
    """A Python that is not tested is a warning."""
    assert verdict == check_python(version, implementation).verdict
