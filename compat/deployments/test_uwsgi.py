"""
uWSGI's workers.

Its master forks in C, without running Python's hooks, without `--py-call-uwsgi-fork-hooks`. Under `--gevent` each
request is a greenlet; nothing is patched unless another option says so, and then after the application was imported.
Workers end without Python's exit handlers there: what is not on disk then is lost, at most the last 2.5 s.
"""

from __future__ import annotations

from typing import Any

import pytest

from compat.conftest import Keep
from compat.promises import START_TO_END, Promise, cells
from compat.rig import Rig
from compat.uwsgi_deployment import uwsgi

GEVENT: dict[str, Any] = {"flushes_at_end": False}
PATCHED: dict[str, Any] = {"flushes_at_end": False, "green": True, "children": ()}
"""No children: uWSGI's own watchers survive in a forked child of a green worker, and would take requests there."""

VARIANTS = [
    uwsgi("uWSGI"),
    uwsgi("uWSGI, preload=True", client="preload", only=START_TO_END),
    # uWSGI 2.0.31 enables threads without it, too.
    uwsgi("uWSGI --enable-threads", "--enable-threads", only=START_TO_END),
    uwsgi("uWSGI --lazy-apps", "--lazy-apps"),
    uwsgi("uWSGI --py-call-uwsgi-fork-hooks", "--py-call-uwsgi-fork-hooks"),
    uwsgi("uWSGI --gevent", "--gevent", "20", **GEVENT),
    uwsgi("uWSGI --gevent-monkey-patch", "--gevent", "20", "--gevent-monkey-patch", **PATCHED),
    # The patch comes in the worker, after the application.
    uwsgi(
        "uWSGI --gevent-monkey-patch --lazy-apps",
        *("--gevent", "20", "--gevent-monkey-patch", "--lazy-apps"),
        only=START_TO_END,
        **PATCHED,
    ),
    uwsgi(
        "uWSGI --gevent-early-monkey-patch",
        *("--gevent", "20", "--gevent-early-monkey-patch"),
        only=START_TO_END,
        **PATCHED,
    ),
]


@pytest.mark.parametrize(("variant", "promise"), cells(VARIANTS))
def test_promise(rig: Rig, promise: Promise, keep: Keep) -> None:
    """What soasap promises holds here."""
    keep(rig, promise)
