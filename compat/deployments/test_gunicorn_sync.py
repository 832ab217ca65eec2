"""Gunicorn's sync workers."""

from __future__ import annotations

import pytest

from compat.conftest import Keep
from compat.gunicorn_deployment import gunicorn
from compat.promises import START_TO_END, Promise, cells
from compat.rig import Rig

VARIANTS = [
    gunicorn("Gunicorn sync", "sync"),
    gunicorn("Gunicorn sync --preload", "sync", "--preload"),
    # The master has started its own stream before it forks.
    gunicorn(
        "Gunicorn sync --preload, preload=True",
        "sync",
        "--preload",
        client="preload",
        other_streams=1,
        only=START_TO_END,
    ),
]


@pytest.mark.parametrize(("variant", "promise"), cells(VARIANTS))
def test_promise(rig: Rig, promise: Promise, keep: Keep) -> None:
    """What soasap promises holds here."""
    keep(rig, promise)
