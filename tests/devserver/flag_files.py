"""Changing a flag file the way people and programs do."""

from __future__ import annotations

import os
from pathlib import Path

import orjson

__all__ = ["replace_flags", "write_flags"]


def write_flags(path: Path, flags: dict[str, object]) -> bytes:
    """Write in place, as a shell does; what the server is to send."""
    payload = orjson.dumps(flags)
    path.write_bytes(payload)
    return payload


def replace_flags(path: Path, flags: dict[str, object]) -> bytes:
    """Write beside it and rename, as editors do; what the server is to send."""
    payload = orjson.dumps(flags)
    beside = path.with_name(f".{path.name}.new")
    beside.write_bytes(payload)
    os.replace(beside, path)
    return payload
