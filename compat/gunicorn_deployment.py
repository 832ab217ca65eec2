"""Gunicorn: its commands, by worker class."""

from __future__ import annotations

import os
import signal
from typing import Any

from compat import families
from compat.deployment import Facts, HttpDeployment, Place, Variant

__all__ = ["FAMILIES", "RECYCLED_AFTER", "GunicornDeployment", "gunicorn"]

FAMILIES = {
    "sync": families.servers("gunicorn", "urllib3"),
    "gthread": families.servers("gunicorn", "urllib3"),
    "gevent": families.servers("gunicorn", "gevent", "urllib3"),
    "eventlet": families.eventlet("gunicorn", "eventlet", "urllib3"),
}

RECYCLED_AFTER = 40
"""Requests, where a variant uses `--max-requests`."""


class GunicornDeployment(HttpDeployment):
    """Two workers behind one master."""

    def __init__(self, place: Place, options: tuple[str, ...]) -> None:
        fixed = ("--bind", "127.0.0.1:0", "--workers", "2", "--timeout", "120", "--graceful-timeout", "5")
        super().__init__(place, [place.environment.program("gunicorn"), *fixed, *options, "compat.flag_app:app"])
        self._recycles = "--max-requests" in options

    def renew(self) -> None:
        if self._recycles:
            self.wear_out(2)
        else:
            os.kill(self.pid, signal.SIGHUP)


def gunicorn(name: str, worker_class: str, *options: str, only: tuple[str, ...] = (), **facts: Any) -> Variant:
    """A row for Gunicorn with these options, and these `Facts`."""
    command = ("--worker-class", worker_class, *options)
    return Variant(
        name,
        FAMILIES[worker_class],
        lambda place: GunicornDeployment(place, command),
        Facts(renews=True, **facts),
        only,
    )
