"""
What the server knows about its flags, at one place on the hub: clients are sent it, and pages are told of it.

=========  =====================================================================================================
topic      state, as JSON
=========  =====================================================================================================
`flags`    `file`, `path`, and `flags`: pairs of key and value in the order of the file, each value as JSON text,
           because a browser's numbers would lose digits
`problem`  what is wrong with the file on disk, or null; meanwhile `flags` are the last good ones
`clients`  `now`, `total`, and `clients`: the newest streams with `name`, `version`, `backend`, `since`
`changes`  the journal's entries, newest first
=========  =====================================================================================================
"""

from __future__ import annotations

import os
import re
import time

import gevent
import orjson

from soasap._devserver.flag_file import FlagFile
from soasap._devserver.flag_source import shown_flags
from soasap._devserver.journal import Journal
from soasap._devserver.page_feed import PageFeed
from soasap._server.broadcaster import Broadcaster, Stream

__all__ = ["PageNews", "describe_client"]

CLIENTS_SHOWN = 100

_PRODUCT = re.compile(r"([^\s/()]+)(?:/([^\s()]+))?")
_BACKEND = re.compile(r"\b(threads|gevent|eventlet)\b")


class PageNews:
    """
    Takes each state of the flag file, in order, to clients and pages.

    Args:
        path: The flag file.
        flags: Its state at the start.
        broadcaster: Sends it to the clients.

    Attributes:
        feed: Tells the pages.
    """

    def __init__(self, path: str, flags: FlagFile, broadcaster: Broadcaster) -> None:
        self._path = path
        self._flags = flags
        self._problem: str | None = None
        self._broadcaster = broadcaster
        self._journal = Journal()
        self.feed = PageFeed(
            {
                "flags": self._show_flags,
                "problem": lambda: orjson.dumps(self._problem),
                "clients": self._show_clients,
                "changes": lambda: orjson.dumps(self._journal.entries()),
            },
            keep_alive=broadcaster.keep_alive,
        )
        broadcaster.on_streams = lambda: self.feed.touch("clients")
        broadcaster.publish(flags.payload)

    def accept(self, flags: FlagFile) -> None:
        """The file is like this now; one that was read before the newest is out of date and left out."""
        if flags.number < self._flags.number:
            return
        if self._problem is not None:
            self._problem = None
            self.feed.touch("problem")
        before, self._flags = self._flags, flags
        self._broadcaster.publish(flags.payload)
        if flags.text != before.text:
            self.feed.touch("flags")
            if self._journal.note(before.values, flags.values, at=time.time(), by_page=flags.by_page):
                self.feed.touch("changes")

    def fail(self, message: str) -> None:
        """The file on disk cannot be served; the last good flags stay."""
        self._problem = message
        self.feed.touch("problem")

    def _show_flags(self) -> bytes:
        # A second's work for 100,000 flags. In a thread it takes turns with the streams instead of stopping them.
        flags = gevent.get_hub().threadpool.apply(shown_flags, (self._flags,))
        state = {
            "file": os.path.basename(self._path),
            "path": _from_home(os.path.abspath(self._path)),
            "flags": list(flags.items()),
        }
        return orjson.dumps(state)

    def _show_clients(self) -> bytes:
        streams = self._broadcaster.streams()
        newest = streams[: -CLIENTS_SHOWN - 1 : -1]
        state = {"now": time.time(), "total": len(streams), "clients": [describe_client(each) for each in newest]}
        return orjson.dumps(state)


def _from_home(path: str) -> str:
    """The path as people write it: with `~`, if it is below their home."""
    home = os.path.join(os.path.expanduser("~"), "")
    return os.path.join("~", path[len(home) :]) if path.startswith(home) else path


def describe_client(stream: Stream) -> dict[str, int | float | str]:
    """
    One client for the page, as far as its User-Agent tells.

    `backend` is empty where it says nothing: a client of 1.0.3, or a backend of the application's own. `since` is wall
    clock in seconds.
    """
    product = _PRODUCT.match(stream.user_agent)
    name, version = (product[1], product[2] or "") if product else ("unknown", "")
    backend = _BACKEND.search(stream.user_agent, product.end()) if product else None
    return {
        "id": stream.number,
        "name": name,
        "version": version,
        "backend": backend[1] if backend else "",
        "since": stream.since,
    }
