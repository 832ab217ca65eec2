"""
A JSON file as a payload: read, checked as a client would check it, and put on one line.

What is wrong is said with file, line and column, as compilers do, so that editors can jump there.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

__all__ = ["MAX_PAYLOAD_BYTES", "FlagFile", "FlagFileError", "load_flag_file", "parse_flag_file"]

MAX_PAYLOAD_BYTES = 5 * 1024 * 1024
"""Clients skip an event with more data than this; better to hear of it from the server."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_JSON_SPACE = b" \t\r"


class FlagFileError(ValueError):
    """The file cannot be served as it is. The message opens with path, line and column, as far as known."""


@dataclass(frozen=True, slots=True)
class FlagFile:
    """
    The contents of a flag file that passed.

    Attributes:
        payload: The JSON object on one line, its tokens as they stand in the file.
        flags: How many flags it has.
        values: The flags, parsed; a number beyond what orjson holds is rounded.
        text: The file as it is, with its layout.
        number: Among what one `FlagSource` has read and written; later ones are higher.
        by_page: Whether the page wrote it.
    """

    payload: bytes
    flags: int
    values: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)
    text: bytes = field(default=b"", compare=False, repr=False)
    number: int = field(default=0, compare=False)
    by_page: bool = field(default=False, compare=False)


def load_flag_file(path: str) -> FlagFile:
    """Read and check the file. Raises `FlagFileError` if it is missing, unreadable or not a JSON object."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # a pipe would block, a directory has no text
            raise FlagFileError(f"{path}: not a regular file")
        with open(path, "rb") as file:
            text = file.read()
    except OSError as exc:
        raise FlagFileError(f"{path}: {exc.strerror or exc}") from exc
    return parse_flag_file(path, text)


def parse_flag_file(path: str, text: bytes) -> FlagFile:
    """
    Check the file's bytes and put them on one line.

    Lines are stripped and joined rather than serialised anew: a JSON token cannot contain a line break and no
    two tokens need space between them, so nothing changes but the layout. Serialising would rewrite numbers
    (an integer beyond 64 bits comes out as a rounded float) and drop repeated keys.

    Args:
        path: What messages call the file.
        text: UTF-8, with or without a byte-order mark.

    Raises:
        FlagFileError: Not UTF-8, not JSON, not an object, or larger than clients accept.
    """
    whole = text
    text = text.removeprefix(_BYTE_ORDER_MARK)
    try:
        text.decode()
    except UnicodeDecodeError as exc:
        # orjson says so too, but not where.
        line, column = _position(text[: exc.start].decode())
        raise FlagFileError(f"{path}:{line}:{column}: not UTF-8 (byte 0x{text[exc.start]:02x})") from exc
    try:
        root = orjson.loads(text)
    except orjson.JSONDecodeError as exc:
        raise FlagFileError(f"{path}:{exc.lineno}:{exc.colno}: {exc.msg}") from exc
    if not isinstance(root, dict):
        before = text[: len(text) - len(text.lstrip())].decode()
        line, column = _position(before)
        found = "an array" if isinstance(root, list) else text.strip()[:40].decode(errors="replace")
        raise FlagFileError(f"{path}:{line}:{column}: not a JSON object of flags, but {found}")
    payload = b"".join(line.strip(_JSON_SPACE) for line in text.replace(b"\r", b"\n").split(b"\n"))
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise FlagFileError(f"{path}: {len(payload)} bytes of flags, and clients accept {MAX_PAYLOAD_BYTES}")
    return FlagFile(payload, len(root), root, whole)


def _position(before: str) -> tuple[int, int]:
    """Line and column, counted from 1 in characters, of what follows `before`."""
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
