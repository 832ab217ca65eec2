"""
An application that brings its own server: gevent's, in the main thread or in another one.

    python -m compat.gevent_server              nothing is patched
    python -m compat.gevent_server --thread     the server and its hub live in a thread that is not the main one
    python -m compat.patched_gevent_server      patched before anything else is imported

Where nothing is patched, the application waits by gevent's own functions.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable
from functools import partial

import gevent
from gevent.pywsgi import WSGIServer

from compat.flag_app import app
from compat.host import Host

__all__ = ["main"]


class GeventHost(Host):
    """A program in which every request is a greenlet."""

    def __init__(self) -> None:
        self.server: WSGIServer | None = None

    def pause(self, seconds: float) -> None:
        gevent.sleep(seconds)

    def start(self, function: Callable[[], None]) -> Callable[[float], object]:
        return gevent.spawn(function).join

    def leave(self) -> None:
        """The accepting greenlet survives in a forked child, and would take requests there."""
        assert self.server is not None
        self.server.stop_accepting()


def main(arguments: list[str]) -> None:
    """Serve until SIGTERM."""
    host = GeventHost()

    def serve(stop_at_signal: bool) -> None:
        # Made by the thread that serves: a server belongs to the hub of the thread that made it.
        server = host.server = WSGIServer(("127.0.0.1", 0), partial(app, host=host), log=None)
        if stop_at_signal:
            gevent.signal_handler(signal.SIGTERM, server.stop, 1)
        server.start()
        print(f"http://127.0.0.1:{server.server_port}", flush=True)
        server.serve_forever()

    if "--thread" not in arguments:
        serve(stop_at_signal=True)
        return
    threading.Thread(target=serve, args=(False,), daemon=True).start()
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
    while True:
        signal.pause()


if __name__ == "__main__":
    main(sys.argv[1:])
