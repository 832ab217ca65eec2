"""Flags as text: for scripts, and for eyes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeAlias

import orjson

from soasap.client import SoasapClientImpl

__all__ = ["MISSING", "Kind", "as_text", "brief", "kind_of", "label", "read"]

Kind: TypeAlias = Literal["bool", "int", "number", "string", "json"]

MISSING: Any = object()
"""No flag of that name, or not of that type."""

_NAMES = {bool: "a bool", int: "a number", float: "a number", str: "a string", type(None): "null"}

_ESCAPES = {character: f"\\u{character:04x}" for character in (*range(0x7F, 0xA0), 0x2028, 0x2029)}
"""What JSON lets pass as it is and a terminal may take for a command, or for the end of a line."""


def read(client: SoasapClientImpl, key: str, kind: Kind | None) -> Any:
    """
    A flag as an application would read it, or `MISSING`.

    Args:
        client: With flags.
        key: The flag.
        kind: The getter to use; `None` takes whatever is there.
    """
    if kind is None:
        return client.all_flags().get(key, MISSING)
    getters: dict[Kind, Callable[[str, Any], Any]] = {
        "bool": client.get_bool,
        "int": client.get_int,
        "number": client.get_number,
        "string": client.get_string,
        "json": client.get_json,
    }
    return getters[kind](key, MISSING)


def kind_of(value: Any) -> str:
    """The type of a flag's value, in words."""
    return _NAMES.get(type(value), "JSON")


def as_text(value: Any) -> str:
    """A value for a script: a string as it is, anything else as JSON."""
    return value if isinstance(value, str) else _json(value)


def label(key: str) -> str:
    """A flag's key for eyes: as it is, unless a terminal might obey it, or nobody would see it."""
    return key if key and key.isprintable() else brief(key)


def brief(value: Any, limit: int = 60) -> str:
    """A value for eyes: JSON in one line, without what a terminal might obey, and not longer than `limit`."""
    text = _json(value).translate(_ESCAPES)
    return text if len(text) <= limit else f"{text[: limit - 3]}..."


def _json(value: Any) -> str:
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError:  # it writes at most 254 levels, and reads 1024
        return "(nested too deep to be shown)"
