"""
JSON as the standard library reads it, for comparison with what the client's parser makes of it.

In the version without C, so that a coverage-guided fuzzer sees its way through the grammar.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any

__all__ = ["containers", "read_plainly"]


def containers(root: Any) -> Iterator[Any]:
    """Every dict and list of a tree, the root included."""
    waiting = [root]
    while waiting:
        container = waiting.pop()
        yield container
        inside = container.values() if isinstance(container, dict) else container
        waiting += [value for value in inside if isinstance(value, (dict, list))]


class _NotPlain(Exception):
    """Nothing that both parsers read in the same way."""


def read_plainly(data: bytes) -> dict[str, Any] | None:
    """
    What the standard library reads, in its version without C, so that the fuzzer sees its way through the grammar.

    `None` for what is not one object, and for what the two see differently by design: depth, NaN, lone surrogates,
    numbers beyond 64 bits, and what the standard library is lax about.
    """
    if re.search(rb"\\u(?![0-9A-Fa-f]{4})", data):
        return None  # `int(" 1_2", 16)` is a number to it
    try:
        tree = _PLAIN.decode(data.decode("utf-8"))
    except (ValueError, RecursionError, _NotPlain):
        return None
    return tree if isinstance(tree, dict) else None


def _refuse(text: str) -> Any:
    raise _NotPlain


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Looks at keys that later ones of the same name replace, too."""
    for key, _ in pairs:
        key.encode("utf-8")  # a lone surrogate is a ValueError
    return dict(pairs)


def _string(text: str, end: int, strict: bool) -> tuple[str, int]:
    string, end = json.decoder.py_scanstring(text, end, strict)  # type: ignore[attr-defined]
    string.encode("utf-8")
    return string, end


def _integer(text: str) -> int:
    if len(text) > 20 or not text.isascii() or not -(2**63) <= int(text) < 2**64:
        raise _NotPlain  # digits of other scripts are numbers to it, too
    return int(text)


def _float(text: str) -> float:
    number = float(text)
    if not text.isascii() or not math.isfinite(number):
        raise _NotPlain
    return number


def _make_plain_decoder() -> json.JSONDecoder:
    decoder = json.JSONDecoder(
        parse_int=_integer, parse_float=_float, parse_constant=_refuse, object_pairs_hook=_object
    )
    parts: Any = decoder  # attributes that the type stubs do not name
    parts.parse_string = _string
    parts.scan_once = json.scanner.py_make_scanner(decoder)  # type: ignore[attr-defined]
    return decoder


_PLAIN = _make_plain_decoder()
