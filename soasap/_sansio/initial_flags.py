"""Flags that the application gives to a snapshot, with the types that the wire would give."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from soasap._sansio.snapshot import FlagSnapshot, parse_snapshot
from soasap.exceptions import InvalidPayload

__all__ = ["parse_initial_flags"]


def parse_initial_flags(flags: Mapping[str, Any], name: str = "initial_flags") -> FlagSnapshot:
    """
    A snapshot of flags that the application gives; a copy, so that it may go on using its own.

    Args:
        flags: Flag key to value.
        name: What the application calls them, for the errors.

    Raises:
        TypeError: A key is no string, or a value is nothing that JSON has.
        ValueError: NaN, an infinity, or text that UTF-8 cannot carry.
    """
    for key in flags:
        if not isinstance(key, str):
            raise TypeError(f"{name} must have strings as keys, not {type(key).__name__} {key!r:.80}")
    try:
        payload = json.dumps(dict(flags), allow_nan=False).encode()
        parsed = parse_snapshot(payload, source="initial", received_at=None)
    except TypeError as error:
        raise TypeError(f"{name} must hold what JSON has: {error}") from None
    except (InvalidPayload, ValueError, RecursionError) as error:
        raise ValueError(f"{name} must hold what JSON has: {error}") from None
    return FlagSnapshot(parsed.flags, b"", "initial", None)
