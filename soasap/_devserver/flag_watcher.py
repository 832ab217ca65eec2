"""
Watches one file and tells about each new content, good or bad.

Law: the watching itself is watchfiles' (Rust, blocking) and runs in an OS thread of its own; both callbacks
are called there. The file's directory is watched, not the file, because editors replace files: the watched
inode would be the old one. If the path is a symbolic link, the target's directory is watched as well (a
Kubernetes ConfigMap is such a link).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator

import watchfiles

from soasap._devserver.flag_file import FlagFile, FlagFileError, load_flag_file

__all__ = ["FlagWatcher"]

STEP_MS = 5
"""Between watchfiles' looks for news, and the quiet it wants after news. Costs below 1 % of a core."""

DEBOUNCE_MS = 50
"""A file that never comes to rest is read this often all the same."""

CHECK_MS = 200
"""Without news, the file is looked at this often: notifications get lost where directories are replaced."""

SETTLE_SECONDS = 0.1
"""A content that does not pass is read once more after this: an editor may be half way through."""


class FlagWatcher:
    """
    Follows one flag file from its own OS thread.

    Make it before the first load and start it after: then no edit falls between the two.

    Args:
        path: The file; it need not exist at every moment.
        on_flags: Called with each content that passes, equal ones included.
        on_error: Called with a message for each content that does not, once for the same message in a row.
        on_notice: Called with a message if the system gives no notifications; as `on_error` unless given.
        read: Reads the file and checks it, in the watcher's thread; `load_flag_file` unless given.
    """

    def __init__(
        self,
        path: str,
        on_flags: Callable[[FlagFile], None],
        on_error: Callable[[str], None],
        *,
        on_notice: Callable[[str], None] | None = None,
        read: Callable[[], FlagFile] | None = None,
    ) -> None:
        self._path = path
        self._on_flags = on_flags
        self._on_error = on_error
        self._on_notice = on_notice or on_error
        self._read_file = read or (lambda: load_flag_file(path))
        self._last_error = ""
        self._seen = _identity(path)
        self._stop = threading.Event()
        # A daemon, so that a process that ends without stop() is not held up.
        self._thread = threading.Thread(target=self._run, name="soasap flag file", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End the thread; takes about `STEP_MS`."""
        self._stop.set()
        self._thread.join(1.0)

    def _run(self) -> None:
        for names in self._news():
            identity = _identity(self._path)
            own_names = {os.path.basename(self._path), os.path.basename(os.path.realpath(self._path))}
            # An event that names the file always counts: two edits within one tick of the file system's clock
            # look alike. Others may have changed it without naming it (a link above it was turned), and so
            # may silence.
            if names & own_names or identity != self._seen:
                self._seen = identity
                self._read()

    def _news(self) -> Iterator[set[str]]:
        """The names that changed in the watched directories, again and again; empty after silence."""
        try:
            for changes in watchfiles.watch(
                *self._directories(),
                watch_filter=None,
                debounce=DEBOUNCE_MS,
                step=STEP_MS,
                stop_event=self._stop,
                rust_timeout=CHECK_MS,
                yield_on_timeout=True,
                recursive=False,
            ):
                yield {os.path.basename(path) for _, path in changes}
        except (OSError, RuntimeError) as exc:
            # No notifications left in this system, or none on this file system: looking still works.
            self._on_notice(f"{self._path}: no change notifications here ({exc}); looking every {CHECK_MS} ms")
        while not self._stop.wait(CHECK_MS / 1000):
            yield set()

    def _directories(self) -> set[str]:
        absolute = os.path.abspath(self._path)
        return {os.path.dirname(absolute), os.path.dirname(os.path.realpath(absolute))}

    def _read(self) -> None:
        try:
            try:
                flags = self._read_file()
            except FlagFileError:
                if self._stop.wait(SETTLE_SECONDS):
                    return
                flags = self._read_file()
        except FlagFileError as exc:
            if str(exc) != self._last_error:
                self._last_error = str(exc)
                self._on_error(str(exc))
            return
        self._last_error = ""
        self._on_flags(flags)


def _identity(path: str) -> tuple[int, int, int, int] | None:
    """What changes when the file does; `None` if it is not there."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size
