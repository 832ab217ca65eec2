"""
The cache file: read with suspicion, written so that it is whole at every moment.

Law: a name on a disk may be anything (a link, a pipe, a directory, a gigabyte). So what was *opened* is
judged, not what was named, and nothing here hangs on it or reads past the cap. Writing puts the new content
under a private name and then moves it over the old one. A rename is atomic in naming only, so the content is
synced before it gets the name (Pillai et al., "All File Systems Are Not Created Equal", OSDI 2014). What the
payload says is judged elsewhere.

Everything here blocks in the operating system; the caller runs it where that may take its time.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass

from soasap.exceptions import CacheError

__all__ = ["MAX_CACHE_BYTES", "CachedPayload", "FileCache"]

MAX_CACHE_BYTES = 5 * 1024 * 1024
"""Bytes of payload at most, as in an event of the stream; a byte-order mark in front is not counted."""

BYTE_ORDER_MARK = b"\xef\xbb\xbf"

READ_SIZE = 1024 * 1024
"""Bytes asked for at once: all of most files, without setting aside the whole cap for each."""

TEMPORARY_NAME = re.compile(r"\.soasap_[0-9a-f]{16}\.tmp")
"""What our temporary files are called: hidden, and nothing that anybody else would choose."""

TEMPORARY_LIFETIME = 60.0
"""Seconds after which a temporary file cannot belong to a save still under way: its process was killed."""

# Windows lacks most of these, and `O_BINARY` is its own. `O_NONBLOCK`: opening a pipe would wait for a
# writer. `O_NOFOLLOW`: who may write to the directory must not choose a file elsewhere that we read or write.
_COMMON_FLAGS = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
_READ_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | _COMMON_FLAGS
_WRITE_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _COMMON_FLAGS


@dataclass(frozen=True, slots=True)
class CachedPayload:
    """
    What a cache file held.

    Attributes:
        payload: The bytes as they were saved, without a byte-order mark; not yet known to be flags.
        written_at: When the file was written, in seconds since the epoch.
    """

    payload: bytes
    written_at: float


class FileCache:
    """
    One snapshot in one file; keeps `soasap.protocols.SnapshotCache`.

    Several processes may use the same path: whoever reads finds one whole payload. Within a process, one call
    of `read`, `load` or `save` at a time.

    Args:
        path: Our file, as an absolute path.
        legacy: Files of earlier releases, the likeliest first: read while ours is absent, never written.

    Attributes:
        path: As given.
        saved: The payload known to be in our file, so that a writer can leave an equal one out; `None` if
            nothing is known.
        failing: Never, for a disk: each failure is reported, and the last snapshot is always tried.
    """

    failing = False

    def __init__(self, path: str, legacy: Sequence[str] = ()) -> None:
        self.path = path
        self.saved: bytes | None = None
        self._legacy = tuple(legacy)

    def read(self) -> CachedPayload | None:
        """
        What our file holds, or the first legacy file there is; `None` if there is none.

        Raises:
            CacheError: There is a file and it cannot be used: not a regular one, too large, not readable, or
                the path is none that a file can have.
        """
        self.saved = None
        for path in (self.path, *self._legacy):
            try:
                found = _read_file(path)
            except (OSError, ValueError) as exc:
                raise CacheError(f"the flag cache {path!r} cannot be read: {_reason(exc)}") from exc
            if found is not None:
                if path == self.path:
                    self.saved = found.payload
                return found
        return None

    def load(self) -> bytes | None:
        """The payload of `read`, with the same errors."""
        found = self.read()
        return found.payload if found is not None else None

    def newer_than(self, timestamp: float) -> bool:
        """
        Whether our file was written after `timestamp`, in seconds since the epoch. Never raises.

        One look at the directory entry, for a forked child that asks before it reads. Trouble counts as no.
        """
        try:
            return os.lstat(self.path).st_mtime > timestamp
        except (OSError, ValueError):
            return False

    def save(self, payload: bytes) -> None:
        """
        Put `payload` into our file, whole, instead of what is there.

        Makes the directory if it is missing (mode 0700), and removes what killed processes left there.

        Raises:
            CacheError: It could not be written. The file is as it was, and nothing is left beside it.
        """
        self.saved = None
        try:
            _replace_file(self.path, payload)
        except (OSError, ValueError) as exc:
            raise CacheError(f"the flag cache {self.path!r} cannot be written: {_reason(exc)}") from exc
        self.saved = payload


def _read_file(path: str) -> CachedPayload | None:
    try:
        # Before opening, because opening a device can do things, and because Windows has no `O_NOFOLLOW`.
        _require_regular(os.lstat(path))
        descriptor = os.open(path, _READ_FLAGS)
    except FileNotFoundError:
        return None
    try:
        # Again, because another file may have taken the name in between.
        status = os.fstat(descriptor)
        _require_regular(status)
        content = _read_up_to(descriptor, MAX_CACHE_BYTES + len(BYTE_ORDER_MARK), status.st_size)
    finally:
        os.close(descriptor)
    payload = content.removeprefix(BYTE_ORDER_MARK)
    if len(payload) > MAX_CACHE_BYTES:
        raise _too_large(len(payload))
    return CachedPayload(payload, status.st_mtime)


def _require_regular(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise OSError(f"it is not a regular file ({stat.filemode(status.st_mode)})")


def _read_up_to(descriptor: int, limit: int, size: int) -> bytes:
    """All bytes of a file that says it has `size`; at most one beyond `limit`, as a proof of more."""
    if size > limit:
        raise _too_large(size)
    chunks = []
    room = limit + 1
    # Until an empty answer, whatever the size was: the file may grow while it is read.
    while room and (chunk := os.read(descriptor, min(room, READ_SIZE))):
        chunks.append(chunk)
        room -= len(chunk)
    return b"".join(chunks)


def _too_large(size: int) -> OSError:
    return OSError(f"it has at least {size} bytes, {MAX_CACHE_BYTES} are allowed")


def _replace_file(path: str, payload: bytes) -> None:
    directory = os.path.dirname(path)
    # The mode is for the last directory alone; those above it are made as any other program makes them.
    os.makedirs(directory, mode=0o700, exist_ok=True)
    # Random, so that two processes never share one and nobody can lie in wait with a link of that name.
    temporary = os.path.join(directory, f".soasap_{os.urandom(8).hex()}.tmp")
    descriptor = os.open(temporary, _WRITE_FLAGS, 0o600)
    try:
        try:
            _remove_abandoned(directory, os.fstat(descriptor).st_mtime)
            _write_all(descriptor, payload)
        finally:
            # Before the rename: Windows moves no open file, and NFS may tell of a full disk only here.
            os.close(descriptor)
        os.replace(temporary, path)
    except BaseException:
        # Whatever it was, a killed greenlet or Ctrl-C included: this file is of no use to anybody.
        _remove(temporary)
        raise


def _write_all(descriptor: int, payload: bytes) -> None:
    if hasattr(os, "fchmod"):
        # An odd umask may have taken the owner's own rights. Windows has no such thing: its files inherit.
        os.fchmod(descriptor, 0o600)
    rest = memoryview(payload)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
    os.fsync(descriptor)


def _remove_abandoned(directory: str, now: float) -> None:
    """
    Remove temporary files that nobody is writing any more.

    Before our own content is written, because on a full disk they may be what fills it. Errors are ignored:
    the next save comes by here again.

    Args:
        directory: Where to look.
        now: The time of a file made just now, so that ages are by the clock of the file system: a file
            server's may be further from ours than a temporary file lives.
    """
    try:
        names = os.listdir(directory)
    except OSError:
        return
    for name in filter(TEMPORARY_NAME.fullmatch, names):
        path = os.path.join(directory, name)
        try:
            status = os.lstat(path)
        except OSError:
            continue
        if stat.S_ISREG(status.st_mode) and now - status.st_mtime > TEMPORARY_LIFETIME:
            _remove(path)


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        # Another process was first, or holds it open (Windows), or the disk is gone: left for the next save.
        pass


def _reason(exc: OSError | ValueError) -> str:
    """Why, without the path that `str` of an `OSError` adds: the message names the one the user knows."""
    return getattr(exc, "strerror", None) or str(exc)
