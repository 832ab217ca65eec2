"""The cache file: where it is, what it has, and whether this user may write it. Nothing that was there is changed."""

from __future__ import annotations

import os
import stat
import tempfile
import time

from soasap._io.cache_file import FileCache
from soasap._io.cache_location import cache_path, legacy_paths
from soasap._sansio.snapshot import parse_snapshot
from soasap._terminal.finding import Fact, Finding, failure, ok, warning
from soasap._terminal.troubles import Trouble
from soasap.exceptions import CacheError, PayloadError

__all__ = ["check_cache"]

_ELSEWHERE = "give a directory of this user's own as cache_directory, or cache=None where no disk can be written"


def check_cache(api_key: str, base_url: str, directory: str | None) -> Finding:
    """
    Whether a client could read and write its file here.

    Args:
        api_key, base_url: Checked; the file is named after them.
        directory: As the option `cache_directory`.
    """
    try:
        path = cache_path(api_key, base_url, directory)
        legacy = legacy_paths(api_key, directory)
    except CacheError as error:
        return failure("cache", str(error), _ELSEWHERE, Trouble.CACHE)
    folder = os.path.dirname(path)
    facts: dict[str, Fact] = {"path": path}
    obstacle = _cannot_write(folder)
    if obstacle:
        return failure(
            "cache",
            f"{obstacle}: flags would live in memory only, and a start without the service would have none",
            _ELSEWHERE,
            Trouble.CACHE,
            **facts,
        )
    try:
        cached = FileCache(path, legacy).read()
        flags = None if cached is None else len(parse_snapshot(cached.payload, source="disk", received_at=None).flags)
    except (CacheError, PayloadError) as error:
        return failure("cache", f"{path}: {error}", "remove it: the next event makes a new one", Trouble.CACHE, **facts)
    if cached is None:
        words = f"no file yet; one can be written in {folder}"
    else:
        age = max(0.0, time.time() - cached.written_at)
        facts["age"], facts["flags"] = age, flags
        words = f"{flags} flag{'s' * (flags != 1)}, {_age(age)} old, in {folder}"
    stranger = _stranger(folder, path)
    if stranger:
        return warning(
            "cache",
            f"{words}; {stranger}",
            f"run doctor as the user of the service; else {_ELSEWHERE}",
            Trouble.CACHE,
            **facts,
        )
    return ok("cache", words, **facts)


def _cannot_write(folder: str) -> str:
    """
    Why no file can be written there, in words; empty if one can.

    By writing one: rights are not all that it takes. Where the directory is still missing, the one in which it would
    be made is looked at instead.
    """
    existing = folder
    while not os.path.lexists(existing) and os.path.dirname(existing) != existing:  # Windows has drives that are not
        existing = os.path.dirname(existing)
    if not os.path.isdir(existing):
        return f"{existing} is not a directory"
    try:
        with tempfile.TemporaryFile(dir=existing) as file:
            file.write(b"{}")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        who = f" for user {os.geteuid()}" if hasattr(os, "geteuid") else ""
        return f"{existing} cannot be written{who}: {error.strerror or error}"
    return ""


def _stranger(folder: str, path: str) -> str:
    """Who else has a hand in this, in words; empty if nobody, or where owners and modes mean nothing."""
    if not hasattr(os, "geteuid"):
        return ""
    for each in (folder, path):
        try:
            status = os.lstat(each)
        except OSError:
            continue
        if status.st_uid != os.geteuid():
            return f"{each} belongs to user {status.st_uid}, and this is user {os.geteuid()}"
        if status.st_mode & stat.S_IWOTH and not status.st_mode & stat.S_ISVTX:
            return f"anybody may write to {each} ({stat.filemode(status.st_mode)})"
    return ""


def _age(seconds: float) -> str:
    for size, unit in ((86400.0, "days"), (3600.0, "hours"), (60.0, "minutes")):
        if seconds >= 2 * size:
            return f"{int(seconds // size)} {unit}"
    return f"{seconds:.0f} s"
