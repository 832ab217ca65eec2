"""
Gunicorn's gevent workers.

They are patched in the worker, after the fork. So under `--preload` the application is imported before the patch, by a
master that is never patched - unless the config file patches first.
"""

from __future__ import annotations

import pytest

from compat.conftest import Keep
from compat.gunicorn_deployment import RECYCLED_AFTER, gunicorn
from compat.promises import Promise, cells
from compat.rig import Rig

PATCHED = ("--preload", "--config", "compat/patch_gevent.py")
VARIANTS = [
    gunicorn("Gunicorn gevent", "gevent", green=True),
    gunicorn("Gunicorn gevent, preload=True", "gevent", client="preload", green=True),
    gunicorn("Gunicorn gevent --preload", "gevent", "--preload", green=True),
    # No stream in the master: Gunicorn is about to patch, so soasap starts nothing there.
    gunicorn("Gunicorn gevent --preload, preload=True", "gevent", "--preload", client="preload", green=True),
    gunicorn("Gunicorn gevent --preload, patched in the config file", "gevent", *PATCHED, green=True),
    gunicorn(
        "Gunicorn gevent --preload, patched in the config file, preload=True",
        "gevent",
        *PATCHED,
        client="preload",
        other_streams=1,  # the master's
        green=True,
    ),
    gunicorn(
        "Gunicorn gevent --max-requests",
        "gevent",
        "--max-requests",
        str(RECYCLED_AFTER),
        only=("answers_from_disk", "reloaded_workers_are_live", "stops_as_fast", "last_snapshot_is_on_disk"),
    ),
]


@pytest.mark.parametrize(("variant", "promise"), cells(VARIANTS))
def test_promise(rig: Rig, promise: Promise, keep: Keep) -> None:
    """What soasap promises holds here."""
    keep(rig, promise)
