"""
Applications that serve with gevent's own server, in one process.

Nothing is patched in the first ones, so they say `backend="gevent"`: a client on a thread would work as well, but
whoever waits for it would stop the hub. The last one is patched first, and `auto` finds it. All make children by
`os.fork`, `multiprocessing` and `subprocess` while flags stream in.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from compat import families
from compat.conftest import Keep
from compat.deployment import Facts, HttpDeployment, Place, Variant
from compat.promises import Promise, cells
from compat.rig import Rig

FAMILY = families.servers("gevent", "urllib3")


class GeventDeployment(HttpDeployment):
    """One process that runs a module of ours."""

    def __init__(self, place: Place, module: str, options: tuple[str, ...], backend: str) -> None:
        variables = {**place.variables, "COMPAT_BACKEND": backend}
        command = [place.environment.program("python"), "-m", f"compat.{module}", *options]
        super().__init__(replace(place, variables=variables), command)


def pywsgi(name: str, module: str, *options: str, backend: str = "gevent", **facts: Any) -> Variant:
    children = ("fork", "multiprocessing", "subprocess")
    expected = Facts(workers=1, respawns=False, green=True, children=children, **facts)
    return Variant(name, FAMILY, lambda place: GeventDeployment(place, module, options, backend), expected)


VARIANTS = [
    pywsgi('gevent.pywsgi, backend="gevent"', "gevent_server"),
    pywsgi('gevent.pywsgi, backend="gevent", preload=True', "gevent_server", client="preload"),
    pywsgi('gevent.pywsgi in another thread, backend="gevent"', "gevent_server", "--thread"),
    pywsgi("gevent.pywsgi, patched first", "patched_gevent_server", backend="auto"),
]


@pytest.mark.parametrize(("variant", "promise"), cells(VARIANTS))
def test_promise(rig: Rig, promise: Promise, keep: Keep) -> None:
    """What soasap promises holds here."""
    keep(rig, promise)
