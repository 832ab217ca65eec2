"""
The one who reads and writes the flag file: one at a time, and numbered.

The watcher reads from its thread, the page's changes come from others. Whoever receives both sorts them by number:
what was read before a change must not follow it to the clients.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from itertools import count

import orjson

from soasap._devserver.file_replacement import FileChanged, replace_file
from soasap._devserver.flag_file import FlagFile, FlagFileError, load_flag_file, parse_flag_file
from soasap._devserver.flag_text import members, shown_value, with_value, without_flag

__all__ = ["FlagChanged", "FlagSource", "ValueRefused", "shown_flags"]

BYTE_ORDER_MARK = "\ufeff"

ATTEMPTS = 5
"""How often a change is made anew because the file changed elsewhere meanwhile."""


class ValueRefused(ValueError):
    """A value cannot be a flag's; the message says why and, as far as known, at which line and column."""


class FlagChanged(Exception):
    """
    The flag is no longer what the change was made for.

    Attributes:
        now: Its value in the form of `shown_value`, `None` if it is not in the file.
    """

    def __init__(self, now: str | None) -> None:
        super().__init__("the flag has changed meanwhile")
        self.now = now


class FlagSource:
    """
    One flag file. Safe to use from any number of OS threads; each method reads the disk and may block.

    Args:
        path: The file.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._numbers = count(1)
        self._turn = threading.Lock()
        self._written: bytes | None = None

    def read(self) -> FlagFile:
        """The file as it is now. Raises `FlagFileError` if it cannot be served."""
        with self._turn:
            flags = load_flag_file(self.path)
            if flags.text != self._written:
                self._written = None  # should the same text come again, somebody else wrote it
            return replace(flags, number=next(self._numbers), by_page=self._written is not None)

    def change(self, key: str, was: str | None, now: str | None) -> FlagFile:
        """
        Change one flag in the file, and nothing else.

        Args:
            key: The flag key.
            was: Its value as the author of the change saw it, in the form of `shown_value`; `None` for "not there".
            now: One JSON value; `None` removes the flag.

        Returns:
            The file as it is afterwards.

        Raises:
            ValueRefused: `now` is not JSON, or makes the file larger than clients accept.
            FlagChanged: The flag is something else by now. Nothing was written.
            FlagFileError: The file is broken, missing or cannot be written. Nothing was written.
        """
        if now is not None:
            now = _checked(now)
        with self._turn:
            for _ in range(ATTEMPTS):
                try:
                    return self._change(key, was, now)
                except FileChanged:
                    continue
                except OSError as exc:
                    raise FlagFileError(f"{self.path}: cannot be written: {exc.strerror or exc}") from exc
            raise FlagFileError(f"{self.path}: changes too fast to be written")

    def _change(self, key: str, was: str | None, now: str | None) -> FlagFile:
        seen = load_flag_file(self.path)
        text = seen.text.decode()
        mark = BYTE_ORDER_MARK if text.startswith(BYTE_ORDER_MARK) else ""
        text = text.removeprefix(mark)
        current = _shown(text).get(key)
        if current != was:
            raise FlagChanged(current)
        changed = without_flag(text, key) if now is None else with_value(text, key, now)
        content = (mark + changed).encode()
        try:
            flags = parse_flag_file(self.path, content)
        except FlagFileError as exc:  # beyond the size that clients accept, or nested too deeply within the file
            raise ValueRefused(str(exc)) from exc
        replace_file(self.path, seen.text, content)
        self._written = content
        return replace(flags, number=next(self._numbers), by_page=True)


def shown_flags(flags: FlagFile) -> dict[str, str]:
    """The value of each flag in the form of `shown_value`, in the order of the file."""
    return _shown(flags.text.decode().removeprefix(BYTE_ORDER_MARK))


def _shown(text: str) -> dict[str, str]:
    return {member.key: shown_value(text, member) for member in members(text)}


def _checked(value: str) -> str:
    """The value without space around it and with plain line ends; `ValueRefused` if it is not one JSON value."""
    value = value.replace("\r\n", "\n").replace("\r", "\n").strip(" \t\n")
    try:
        orjson.loads(value)
    except orjson.JSONDecodeError as exc:
        raise ValueRefused(f"line {exc.lineno}, column {exc.colno}: {exc.msg}") from exc
    return value
