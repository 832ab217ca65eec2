"""
One payload to one snapshot: all flags at one moment, never changed afterwards.

A new payload makes a new snapshot, and readers go over to it by one reference: they never see half of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import orjson

from soasap.exceptions import InvalidPayload
from soasap.types import SnapshotSource

__all__ = ["EMPTY", "FlagSnapshot", "copy_tree", "parse_snapshot"]

_ROOTS = {
    list: "an array",
    str: "a string",
    int: "a number",
    float: "a number",
    bool: "true or false",
    type(None): "null",
}


@dataclass(frozen=True, slots=True, eq=False)
class FlagSnapshot:
    """
    All flags at one moment.

    The `repr` shows where it came from and none of the flags: they may be private.

    Attributes:
        flags: Flag key to value, as parsed. Shared by all readers: never change it or anything inside.
        payload: The bytes it was parsed from, as they came; empty if it never was bytes.
        source: Where it came from.
        received_at: When the process that received it did, in seconds since the epoch; `None` if unknown.
    """

    flags: dict[str, Any] = field(repr=False)
    payload: bytes = field(repr=False)
    source: SnapshotSource
    received_at: float | None
    # Flag key to its value as JSON, made at the first `json_copy`. Threads that meet there make the same
    # bytes twice, and each assignment is a whole one: no lock needed.
    _encoded: dict[str, bytes] = field(default_factory=dict, repr=False)

    def json_copy(self, key: str, value: Any) -> Any:
        """
        A copy of a flag's value that the caller owns.

        From bytes that are kept: `orjson.loads` is several times quicker than `copy.deepcopy`.

        Args:
            key: The flag's key.
            value: `flags[key]`, a dict or a list, already looked up by the caller.

        Returns:
            An equal tree of new dicts and lists. Never raises for a tree made of JSON.
        """
        encoded = self._encoded.get(key)
        if encoded is None:
            try:
                encoded = orjson.dumps(value)
            except orjson.JSONEncodeError:
                # It writes at most 254 levels, and reads 1024.
                return copy_tree(value)
            self._encoded[key] = encoded
        return orjson.loads(encoded)

    def copy(self) -> dict[str, Any]:
        """All flags, in a tree that the caller owns. Never raises."""
        if self.payload:
            parsed: dict[str, Any] = orjson.loads(self.payload)
            return parsed
        return {key: copy_tree(value) for key, value in self.flags.items()}

    def with_origin(self, source: SnapshotSource, received_at: float | None) -> FlagSnapshot:
        """The same flags and payload, not copied, as if they had come from elsewhere or at another time."""
        return FlagSnapshot(self.flags, self.payload, source, received_at, self._encoded)


EMPTY = FlagSnapshot({}, b"", "none", None)
"""What readers see before anything has come."""


def parse_snapshot(payload: bytes, *, source: SnapshotSource, received_at: float | None) -> FlagSnapshot:
    """
    Parse the payload of one event, or the contents of a cache.

    Args:
        payload: One JSON object in UTF-8, without a byte-order mark.
        source: Where it came from.
        received_at: Seconds since the epoch, `None` if unknown.

    Raises:
        InvalidPayload: Not JSON (NaN and infinities are not), not UTF-8, nested beyond 1024 levels, or
        another root than
            an object. The message says what was seen and where, and quotes nothing.
    """
    try:
        flags = orjson.loads(payload)
    except orjson.JSONDecodeError as exc:
        seen = str(exc)
    else:
        if isinstance(flags, dict):
            return FlagSnapshot(flags, payload, source, received_at)
        seen = f"got {_ROOTS[type(flags)]}"
    # Out here on purpose, and not chained: orjson's error holds on to the whole document, and ours is kept
    # as the last error of the client.
    raise InvalidPayload(f"expected one JSON object, {seen}")


def copy_tree(root: Any) -> Any:
    """Copy a value, its dicts and lists however deep, with a list of what is left to do in the place of recursion."""
    top = [root]
    unfinished: list[dict[str, Any] | list[Any]] = [top]
    while unfinished:
        container = unfinished.pop()
        # Values are put back under their own keys while we walk: that changes no size, so walking goes on.
        items = container.items() if isinstance(container, dict) else enumerate(container)
        for place, value in items:
            if isinstance(value, (dict, list)):
                fresh = value.copy()
                container[place] = fresh  # type: ignore[index]
                unfinished.append(fresh)
    return top[0]
