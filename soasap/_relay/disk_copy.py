"""
Keeps the cache file of an environment up to date while another relay streams.

The client upstream writes the file as long as it streams. A relay that only follows would have in it what it heard when
it led last, days ago perhaps, and serve that after a restart without Redis and upstream.
"""

from __future__ import annotations

from collections.abc import Callable

import gevent
from gevent.event import Event

from soasap._io.cache_file import FileCache
from soasap._io.cache_location import cache_path
from soasap.exceptions import CacheError
from soasap.types import SoasapClientOptions

__all__ = ["DiskCopy"]

INTERVAL = 2.5
"""Seconds from a snapshot to its save, as between two saves of a client. One that is being closed has saved by then."""


class DiskCopy:
    """
    The file that the client of these options uses, too.

    Args:
        options: Checked ones.
        say: Tells the operator.
    """

    def __init__(self, options: SoasapClientOptions, say: Callable[[str], None]) -> None:
        self._options = options
        self._say = say
        self._newest: bytes | None = None
        self._news = Event()
        self._greenlet: gevent.Greenlet[[], None] | None = None

    def keep(self, payload: bytes) -> None:
        """Save this in a while, unless something newer comes. Does not block."""
        self._newest = payload
        self._news.set()
        if self._greenlet is None:
            self._greenlet = gevent.spawn(self._run)

    def forget(self) -> None:
        """Save nothing that was kept: the client has the file from now on."""
        self._newest = None

    def stop(self) -> None:
        """Save what waits, and end."""
        if self._greenlet is not None:
            self._greenlet.kill()
            self._save()

    def _run(self) -> None:
        while True:
            self._news.wait()
            gevent.sleep(INTERVAL)
            self._news.clear()
            self._save()

    def _save(self) -> None:
        payload, self._newest = self._newest, None
        if payload is None:
            return
        options = self._options
        try:
            file = FileCache(cache_path(options.api_key, options.base_url, options.cache_directory))
            # A slow disk must hold nobody up. What is raised in the pool would be printed there.
            error = gevent.get_hub().threadpool.apply(_saved, (file, payload))
        except CacheError as exc:
            error = exc
        if error is not None:
            self._say(f"the last snapshot is not on the disk: {error}")


def _saved(file: FileCache, payload: bytes) -> CacheError | None:
    try:
        file.save(payload)
    except CacheError as error:
        return error
    return None
