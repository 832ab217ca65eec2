"""
Celery's pools, with Redis as broker.

Prefork children end by `os._exit`, so what is not on disk then is lost: at most the last 2.5 s. The other pools are one
process; the green ones are patched by Celery itself, before it imports the application.
"""

from __future__ import annotations

import pytest

from compat.celery_deployment import RECYCLED_AFTER, celery
from compat.conftest import Keep
from compat.promises import START_TO_END, Promise, cells
from compat.rig import Rig

VARIANTS = [
    celery("Celery prefork", "prefork", flushes_at_end=False),
    # The parent has started its own stream before it forks.
    celery(
        "Celery prefork, preload=True",
        "prefork",
        client="preload",
        other_streams=1,
        flushes_at_end=False,
        only=START_TO_END,
    ),
    celery(
        "Celery prefork --max-tasks-per-child",
        "prefork",
        "--max-tasks-per-child",
        str(RECYCLED_AFTER),
        renews=True,
        flushes_at_end=False,
        only=("answers_from_disk", "reloaded_workers_are_live", "stops_as_fast", "last_snapshot_is_on_disk"),
    ),
    celery("Celery threads", "threads", workers=1, respawns=False),
    celery("Celery gevent", "gevent", workers=1, respawns=False, green=True),
    celery("Celery eventlet", "eventlet", workers=1, respawns=False, green=True),
]


@pytest.mark.parametrize(("variant", "promise"), cells(VARIANTS))
def test_promise(rig: Rig, promise: Promise, keep: Keep) -> None:
    """What soasap promises holds here."""
    keep(rig, promise)
