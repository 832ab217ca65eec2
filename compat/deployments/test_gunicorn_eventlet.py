"""
Gunicorn's eventlet workers, which Gunicorn removed in version 26.

eventlet is in maintenance mode and discourages new use; what holds here is reported, not promised.
"""

from __future__ import annotations

import pytest

from compat.conftest import Keep
from compat.gunicorn_deployment import gunicorn
from compat.promises import START_TO_END, Promise, cells
from compat.rig import Rig

VARIANTS = [
    gunicorn("Gunicorn 25 eventlet", "eventlet", green=True),
    gunicorn("Gunicorn 25 eventlet --preload", "eventlet", "--preload", green=True, only=START_TO_END),
]


@pytest.mark.parametrize(("variant", "promise"), cells(VARIANTS))
def test_promise(rig: Rig, promise: Promise, keep: Keep) -> None:
    """What soasap promises holds here."""
    keep(rig, promise)
