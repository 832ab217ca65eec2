"""Which Python and which packages are here, against what soasap needs."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator
from importlib import metadata
from typing import NamedTuple

from soasap._terminal.finding import Fact, Finding, failure, ok, warning
from soasap._terminal.troubles import Trouble

__all__ = ["Floor", "check_packages", "check_python", "floors"]

TESTED = ((3, 10), (3, 13))
"""The oldest and the newest CPython that the test suite runs on."""

EXTRAS = ("server", "gevent", "eventlet")
"""Those that users install; a package of these is looked at if it is here."""

_REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?\s*>=\s*([0-9.]+)(?:.*extra == ['\"](\w+)['\"])?")


class Floor(NamedTuple):
    """
    The lowest version of a package that soasap works with.

    Attributes:
        package: Its name.
        version: As text.
        optional: Whether only an extra brings it.
    """

    package: str
    version: str
    optional: bool


def check_python(
    version: tuple[int, ...] = sys.version_info[:3], implementation: str = sys.implementation.name
) -> Finding:
    """Whether this Python is one that the test suite runs on."""
    name = f"{implementation} {'.'.join(map(str, version))}"
    facts: dict[str, Fact] = {"version": ".".join(map(str, version)), "implementation": implementation}
    if implementation == "cpython" and TESTED[0] <= version[:2] <= TESTED[1]:
        return ok("python", name, **facts)
    oldest, newest = (".".join(map(str, each)) for each in TESTED)
    return warning(
        "python",
        f"{name}; soasap is tested on CPython {oldest} to {newest}",
        "expect it to work, and report what does not",
        Trouble.PACKAGES,
        **facts,
    )


def check_packages(
    wanted: Iterable[Floor] | None = None, version_of: Callable[[str], str] = metadata.version
) -> Finding:
    """
    Whether the packages that are here are new enough.

    Args:
        wanted: `None` asks soasap's own metadata.
        version_of: Raises `importlib.metadata.PackageNotFoundError`.
    """
    facts: dict[str, Fact] = {}
    wrong: list[str] = []
    cures: list[str] = []
    for floor in floors() if wanted is None else wanted:
        try:
            version = version_of(floor.package)
        except metadata.PackageNotFoundError:
            if floor.optional:
                continue
            wrong.append(f"{floor.package} is not installed")
        else:
            facts[floor.package] = version
            if _numbers(version) >= _numbers(floor.version):
                continue
            wrong.append(f"{floor.package} {version} is older than {floor.version}")
        cures.append(f'"{floor.package}>={floor.version}"')
    if wrong:
        return failure(
            "packages", "; ".join(wrong), f"pip install --upgrade {' '.join(cures)}", Trouble.PACKAGES, **facts
        )
    return ok("packages", ", ".join(f"{name} {version}" for name, version in facts.items()), **facts)


def floors() -> Iterator[Floor]:
    """What soasap's metadata asks for, without what only its developers need; each package once."""
    seen: set[str] = set()
    for requirement in metadata.requires("soasap") or ():
        match = _REQUIREMENT.match(requirement)
        if match is None:
            continue
        package, version, extra = match.groups()
        if package not in seen and (extra is None or extra in EXTRAS):
            seen.add(package)
            yield Floor(package, version, extra is not None)


def _numbers(version: str) -> tuple[int, ...]:
    """Enough of PEP 440 for floors that are plain releases."""
    return tuple(int(number) for number in re.findall(r"\d+", version.partition("+")[0])[:3])
