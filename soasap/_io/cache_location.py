"""
Where the cache file lives, and where earlier releases may have left theirs.

Names and environment only: nothing here looks at the disk, so that a slow or missing one cannot hurt. What a
test wants to vary (platform, environment, home) is handed in; the defaults are this process's own.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping

from soasap.exceptions import CacheError

__all__ = ["cache_path", "environment_name", "legacy_paths"]


def environment_name(api_key: str, base_url: str) -> str:
    """
    What stands for one API key at one service, as 64 hex digits: a full SHA-256.

    Two keys, or one key at two services, never share a name, and nobody reads the key off it. `base_url` is normalised
    by the caller: two spellings of one address give two names.
    """
    # Each part is preceded by its length: no key and address can be cut into another key and address.
    subject = "".join(f"{len(part)}:{part}" for part in (api_key, base_url))
    return hashlib.sha256(subject.encode()).hexdigest()


def cache_path(
    api_key: str,
    base_url: str,
    directory: str | None,
    *,
    platform: str = os.name,
    environ: Mapping[str, str] = os.environ,
    home: Callable[[str], str] = os.path.expanduser,
) -> str:
    """
    The absolute path of our file for one API key at one service.

    The name carries that of the environment, so that two keys, or one key at two services, never share a file, and
    nobody reads the key off a directory listing.

    Args:
        api_key: As it is sent.
        base_url: Normalised by the caller: two spellings of one address give two files.
        directory: What the user asked for; a leading `~` is expanded. `None` or blank chooses by platform.
        platform: As `os.name`.
        environ: Asked for `LOCALAPPDATA` on Windows, for `XDG_DATA_HOME` and `HOME` elsewhere.
        home: Expands a leading `~`, as `os.path.expanduser`, which asks the user database where `HOME` is not
            set (`env -i`, some containers and service managers).

    Raises:
        CacheError: There is no such directory to name. The caller goes on without a disk cache.
    """
    name = f"soasap_{environment_name(api_key, base_url)}.json"
    return os.path.join(_cache_directory(directory, platform, environ, home), name)


def legacy_paths(
    api_key: str,
    directory: str | None,
    *,
    platform: str = os.name,
    environ: Mapping[str, str] = os.environ,
    home: Callable[[str], str] = os.path.expanduser,
) -> list[str]:
    """
    Where release 1.0.3 and the SDKs of other languages keep the file of this key, the likeliest place first.

    They look where we look, except that 1.0.3 does not know `XDG_DATA_HOME`. Arguments and errors are those
    of `cache_path`; the address of the service is not part of the old name.
    """
    directories = [_cache_directory(directory, platform, environ, home)]
    if not _given(directory) and platform != "nt":
        old_home = _home(environ, home)
        if old_home:
            directories.append(_under_home(old_home))
    name = f"soasap_cache_{hashlib.sha256(api_key.encode()).hexdigest()[:8]}.json"
    # A dictionary drops the second of two equal directories and keeps the order.
    return [os.path.join(each, name) for each in dict.fromkeys(directories)]


def _cache_directory(
    directory: str | None,
    platform: str,
    environ: Mapping[str, str],
    home: Callable[[str], str],
) -> str:
    given = _given(directory)
    if given:
        return _absolute(given, home)
    if platform == "nt":
        base = environ.get("LOCALAPPDATA", "")
        if not os.path.isabs(base):
            raise CacheError(
                f"no directory for the flag cache: LOCALAPPDATA is {base!r}, not an absolute path; set cache_directory"
            )
        return os.path.join(base, "soasap", "cache")
    # The XDG Base Directory Specification says that a relative path is to be ignored.
    base = environ.get("XDG_DATA_HOME", "")
    if os.path.isabs(base):
        return os.path.join(base, "soasap", "cache")
    found = _home(environ, home)
    if not found:
        raise CacheError(
            "no directory for the flag cache: neither XDG_DATA_HOME nor HOME is an absolute path, and the "
            "user database has no home for this user; set cache_directory"
        )
    return _under_home(found)


def _given(directory: str | None) -> str:
    """What the user asked for, empty if nothing; white space around it never meant anything, as in 1.0.3."""
    return directory.strip() if directory else ""


def _absolute(given: str, home: Callable[[str], str]) -> str:
    expanded = home(given)
    if expanded.startswith("~"):
        # `expanduser` leaves what it does not know: we would make a directory named `~` where we are.
        raise CacheError(
            f"no directory for the flag cache: the home in cache_directory {given!r} is unknown; "
            "set cache_directory to a full path"
        )
    try:
        # Now, because the process may change its working directory later (daemons do).
        return os.path.abspath(expanded)
    except OSError as exc:
        raise CacheError(
            f"no directory for the flag cache: cache_directory {given!r} is relative and the working "
            f"directory cannot be found ({exc.strerror}); set cache_directory to a full path"
        ) from exc


def _home(environ: Mapping[str, str], home: Callable[[str], str]) -> str:
    """The user's home, empty if it cannot be found or is no absolute path."""
    found = environ["HOME"] if "HOME" in environ else home("~")
    return found if os.path.isabs(found) else ""


def _under_home(home: str) -> str:
    return os.path.join(home, ".local", "share", "soasap", "cache")
