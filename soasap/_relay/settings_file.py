"""
Reads a relay's settings: a TOML file, and options of the command line over it.

::

    port = 8765
    upstream = "https://api.soasap.com"
    redis = "redis://cache:6379"

    [environments.production]
    api_key_file = "/run/secrets/soasap-production"
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from soasap._relay.settings import BadSettings, EnvironmentSettings, RelaySettings, check_settings
from soasap._sansio.options import DEFAULT_BASE_URL

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = ["read_settings"]

KEY_SOURCES = ("api_key", "api_key_file", "api_key_env")


def read_settings(
    path: str | None,
    options: Mapping[str, Any],
    api_keys: Mapping[str, str],
    environ: Mapping[str, str] = os.environ,
) -> RelaySettings:
    """
    Settings from a file, and from options where they are given.

    Args:
        path: The TOML file; `None` for options alone.
        options: By the names of `RelaySettings`; `None` where one was not given.
        api_keys: Name of an environment to its key, beside those of the file.
        environ: For `api_key_env`.

    Raises:
        BadSettings: Something is missing, unknown or wrong.
    """
    content = _read(path) if path is not None else {}
    where = path or "the options"
    tables = content.pop("environments", {})
    known = {each.name: each for each in fields(RelaySettings) if each.name != "environments"}
    for name in content:
        if name not in known:
            raise BadSettings(f"{where}: there is no setting {name!r}; there are environments, {', '.join(known)}")
    values = {**content, **{name: value for name, value in options.items() if value is not None}}
    for name, value in values.items():
        _check_type(where, name, value, known[name].type)
    if not isinstance(tables, dict):
        raise BadSettings(f"{where}: environments must be tables, [environments.production] for example")
    upstream = values.get("upstream", DEFAULT_BASE_URL)
    environments = [
        *(_environment(where, name, table, upstream, environ) for name, table in tables.items()),
        *(EnvironmentSettings(name=name, api_key=key, upstream=upstream) for name, key in api_keys.items()),
    ]
    try:
        return check_settings(RelaySettings(**{**values, "environments": tuple(environments)}))
    except BadSettings as exc:
        raise BadSettings(f"{where}: {exc}") from exc


def _read(path: str) -> dict[str, Any]:
    try:
        return tomllib.loads(Path(path).read_text("utf-8"))
    except OSError as exc:
        raise BadSettings(f"{path}: {exc.strerror or exc}") from exc
    except ValueError as exc:  # not TOML, or not UTF-8
        raise BadSettings(f"{path}: not TOML: {exc}") from exc


def _check_type(where: str, name: str, value: Any, annotation: Any) -> None:
    kinds: dict[str, tuple[type, ...]] = {"str": (str,), "int": (int,), "float": (int, float), "bool": (bool,)}
    allowed = kinds[str(annotation).partition(" ")[0]]
    if not isinstance(value, allowed) or (isinstance(value, bool) and bool not in allowed):
        raise BadSettings(f"{where}: {name} must be {allowed[-1].__name__}, not {type(value).__name__}")


def _environment(where: str, name: str, table: Any, upstream: str, environ: Mapping[str, str]) -> EnvironmentSettings:
    label = f"{where}: environments.{name}"
    if not isinstance(table, dict):
        raise BadSettings(f"{label} must be a table with one of {', '.join(KEY_SOURCES)}")
    for key, value in table.items():
        if key not in (*KEY_SOURCES, "upstream"):
            raise BadSettings(f"{label}: there is no setting {key!r}; there are {', '.join(KEY_SOURCES)} and upstream")
        if not isinstance(value, str):
            raise BadSettings(f"{label}: {key} must be str, not {type(value).__name__}")
    given = [source for source in KEY_SOURCES if source in table]
    if len(given) != 1:
        raise BadSettings(f"{label}: needs one of {', '.join(KEY_SOURCES)}, and has {' and '.join(given) or 'none'}")
    key = _key(label, given[0], table[given[0]], environ)
    return EnvironmentSettings(name=name, api_key=key, upstream=table.get("upstream", upstream))


def _key(label: str, source: str, value: str, environ: Mapping[str, str]) -> str:
    # The value is not quoted: whoever takes one source for another has put the key itself there.
    if source == "api_key_env":
        if value not in environ:
            raise BadSettings(f"{label}: the environment has no variable of the name that {source} says")
        return environ[value]
    if source == "api_key_file":
        try:
            return Path(value).read_text("utf-8")
        except (OSError, ValueError) as exc:
            why = getattr(exc, "strerror", None) or "it is not text"
            raise BadSettings(f"{label}: the file that {source} names cannot be read: {why}") from exc
    return value
