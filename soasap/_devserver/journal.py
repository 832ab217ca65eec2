"""The last changes of the flags, for people: what was which, when, and whether the page or the file's owner did it."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

import orjson

__all__ = ["Journal"]

KEPT = 50
LONGEST_VALUE = 200
"""Characters of a value; it is a reminder, not a backup."""


class Journal:
    """Remembers the newest `KEPT` changes."""

    def __init__(self) -> None:
        self._entries: deque[dict[str, object]] = deque(maxlen=KEPT)

    def note(self, old: Mapping[str, Any], new: Mapping[str, Any], *, at: float, by_page: bool) -> bool:
        """
        Remember what differs between two sets of flags.

        Args:
            old: The flags before.
            new: The flags after.
            at: Wall clock in seconds.
            by_page: Whether the page did it.

        Returns:
            Whether something differs. Another layout is no difference.
        """
        keys = [key for key in {**old, **new} if not _same(old, new, key)]
        for key in keys[:KEPT]:
            self._entries.append(
                {
                    "at": at,
                    "key": key,
                    "old": _short(old, key),
                    "new": _short(new, key),
                    "by": "page" if by_page else "file",
                }
            )
        return bool(keys)

    def entries(self) -> list[dict[str, object]]:
        """Newest first. `old` and `new` are JSON, cut if long; `None` where the flag is not there."""
        return list(reversed(self._entries))


def _same(old: Mapping[str, Any], new: Mapping[str, Any], key: str) -> bool:
    if key not in old or key not in new:
        return False
    one, other = old[key], new[key]
    # Python says that 1 is True and 1.0, in arrays and objects as well; JSON does not.
    if type(one) is not type(other) or one != other:
        return False
    return not isinstance(one, (dict, list)) or _sorted(one) == _sorted(other)


def _sorted(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def _short(flags: Mapping[str, Any], key: str) -> str | None:
    if key not in flags:
        return None
    text = orjson.dumps(flags[key]).decode()
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…"
