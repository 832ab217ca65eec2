"""uWSGI: its command."""

from __future__ import annotations

import os
import re
import signal
from typing import Any

from compat import families
from compat.deployment import Facts, HttpDeployment, Place, Variant
from compat.environments import ROOT
from compat.waiting import eventually

__all__ = ["UwsgiDeployment", "uwsgi"]

PLAIN = families.uwsgi("uwsgi", "urllib3")
GEVENT = families.uwsgi("uwsgi", "gevent", "urllib3")


class UwsgiDeployment(HttpDeployment):
    """
    Two workers behind one master.

    `--die-on-term` makes SIGTERM mean what it means elsewhere; `--need-app` lets it fail without an application.
    """

    address = re.compile(r"bound to TCP address 127\.0\.0\.1:([1-9][0-9]*)")

    def __init__(self, place: Place, options: tuple[str, ...]) -> None:
        environment = place.environment
        server = ("--http-socket", "127.0.0.1:0", "--master", "--processes", "2", "--die-on-term", "--need-app")
        program = ("--home", str(environment.directory), "--pythonpath", str(ROOT), "--module", "compat.flag_app:app")
        super().__init__(place, [environment.program("uwsgi"), *server, *program, *options])

    def renew(self) -> None:
        """It starts anew in the same process, and then listens on another port, as none was named."""
        before = self._port
        os.kill(self.pid, signal.SIGHUP)
        eventually(lambda: self.has_port() and self._port != before, "another port")


def uwsgi(name: str, *options: str, only: tuple[str, ...] = (), **facts: Any) -> Variant:
    """A row for uWSGI with these options, and these `Facts`."""
    family = GEVENT if "--gevent" in options else PLAIN
    return Variant(name, family, lambda place: UwsgiDeployment(place, options), Facts(renews=True, **facts), only)
