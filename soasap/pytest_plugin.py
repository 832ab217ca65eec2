"""
Flags for tests, by pytest: the fixture `soasap_flags` and a marker of the same name.

pytest finds this by itself wherever soasap is installed (`-p no:soasap` turns it off). So it is light: what it needs of
soasap beyond `import soasap` is imported by the first test that uses the fixture.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from soasap.testing import InMemoryClient

__all__: list[str] = []  # pytest takes what it needs; there is nothing to import

MARKER = "soasap_flags"


@pytest.fixture
def soasap_default_flags() -> Mapping[str, Any]:
    """
    Flags that every test starts with; none. To be overridden in a `conftest.py`.

    Flag key to value, as JSON has it.
    """
    return {}


@pytest.fixture
def soasap_flags(request: pytest.FixtureRequest, soasap_default_flags: Mapping[str, Any]) -> Iterator[InMemoryClient]:
    """
    A new `soasap.testing.InMemoryClient` for this test: `soasap_default_flags`, and over them what its markers say.

    What markers say is set, not overridden: threads and greenlets of the test see it too.
    """
    from soasap.testing import InMemoryClient

    with InMemoryClient({**soasap_default_flags, **_marked_flags(request.node)}) as client:
        yield client


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known, for `--markers` and `--strict-markers`."""
    config.addinivalue_line(
        "markers",
        f"{MARKER}(flags=None, /, **named): flags of the fixture `soasap_flags` in this test, by key as it is written; "
        'a mapping serves keys that are no names: soasap_flags({"new-checkout": True}, beta=True). '
        "The marker of a test wins over that of its class, and that over that of its module",
    )


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Refuse a marker that nothing would read: the test would pass or fail for other reasons than it says."""
    if item.get_closest_marker(MARKER) is None:
        return
    _marked_flags(item)
    if "soasap_flags" not in getattr(item, "fixturenames", ()):
        pytest.fail(
            "the test has the marker soasap_flags and does not use the fixture soasap_flags, so nothing reads these "
            "flags. Ask for the fixture, or for one that puts it in the place of the application's client",
            pytrace=False,
        )


def _marked_flags(node: pytest.Item) -> dict[str, Any]:
    """What the markers of a test say, those close to it last."""
    flags: dict[str, Any] = {}
    for marker in reversed(list(node.iter_markers(MARKER))):
        if len(marker.args) > 1 or not all(isinstance(argument, Mapping) for argument in marker.args):
            pytest.fail(
                "the marker soasap_flags takes one mapping and keywords, "
                'for example soasap_flags({"new-checkout": True}, beta=True)',
                pytrace=False,
            )
        for argument in marker.args:
            flags.update(argument)
        flags.update(marker.kwargs)
    return flags
