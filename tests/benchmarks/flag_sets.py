"""The flags that are measured with."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["BOOL", "FLOAT", "INT", "JSON", "MISSING", "STRING", "large_payload", "mixed_flags", "object_payload"]

BOOL, STRING, INT, FLOAT, JSON, MISSING = "flag-500", "flag-501", "flag-502", "flag-503", "flag-504", "flag-none"
"""Keys of `mixed_flags` by what they hold."""

SMALL_OBJECT = {"limit": 10, "plans": ["free", "team", "enterprise"], "rollout": {"region": "eu", "share": 0.25}}


def mixed_flags(count: int = 1000) -> dict[str, Any]:
    """Booleans, strings, integers, floats and small objects in turns."""
    return {f"flag-{i}": (True, f"variant-{i}", 1000 + i, i + 0.5, SMALL_OBJECT)[i % 5] for i in range(count)}


def large_payload(count: int = 106_000, seed: int = 0) -> bytes:
    """About 42 bytes a flag, 4.5 MB of them by default: plain values. Another seed gives other values."""
    numbers = range(seed, count + seed)
    values = [(n % 8 == 0, n * 7, f"variant-{n % 97}", n / 4)[n % 4] for n in numbers]
    return _encode({f"team-{i % 40:02d}.feature-{i:015d}": value for i, value in enumerate(values)})


def object_payload(count: int = 38_500, seed: int = 0) -> bytes:
    """About 117 bytes a flag, 4.5 MB of them by default: an object in each, so that there is much to allocate."""
    return _encode({f"team-{i % 40:02d}.feature-{i:06d}": {**SMALL_OBJECT, "limit": i + seed} for i in range(count)})


def _encode(flags: dict[str, Any]) -> bytes:
    return json.dumps(flags, separators=(",", ":")).encode()
