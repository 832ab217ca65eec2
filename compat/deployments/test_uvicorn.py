"""
uvicorn, with an ASGI application: in one process, and with two workers that it spawns.

At the end it raises the signal it was sent once more, with the default handler, so Python's exit handlers do not run:
without `close()` in the application's own shutdown the file is at most 2.5 s old.
"""

from __future__ import annotations

from typing import Any

import pytest

from compat import families
from compat.conftest import Keep
from compat.deployment import Facts, HttpDeployment, Place, Variant
from compat.promises import Promise, cells
from compat.rig import Rig

UVICORN = families.servers("uvicorn", "urllib3")


class UvicornDeployment(HttpDeployment):
    """One process, or a supervisor with workers."""

    def __init__(self, place: Place, workers: int) -> None:
        options = ("--port", "0", "--workers", str(workers), "--timeout-graceful-shutdown", "5")
        super().__init__(place, [place.environment.program("uvicorn"), *options, "compat.flag_asgi:app"])


def uvicorn(name: str, **facts: Any) -> Variant:
    expected = Facts(flushes_at_end=False, **facts)
    return Variant(name, UVICORN, lambda place: UvicornDeployment(place, expected.workers), expected)


VARIANTS = [
    uvicorn("uvicorn", workers=1, respawns=False),
    uvicorn("uvicorn --workers 2"),
]


@pytest.mark.parametrize(("variant", "promise"), cells(VARIANTS))
def test_promise(rig: Rig, promise: Promise, keep: Keep) -> None:
    """What soasap promises holds here."""
    keep(rig, promise)
