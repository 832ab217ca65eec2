"""Hypothesis strategies: flag trees, event stream documents, and ways to cut bytes."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

__all__ = ["cut", "flag_trees", "json_values", "sse_documents"]

BOM = b"\xef\xbb\xbf"

_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
_scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | _texts
)

json_values: st.SearchStrategy[Any] = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_texts, inner, max_size=4),
    max_leaves=12,
)
"""What JSON can hold and orjson gives back unchanged: no lone surrogates, no integers beyond 64 bits."""

flag_trees: st.SearchStrategy[dict[str, Any]] = st.dictionaries(_texts, json_values, max_size=8)
"""Flag key to value."""

_values = st.sampled_from(
    [
        b"",
        b" ",
        b"  two",
        b"x",
        b"17",
        b"007",
        b"9" * 30,
        b"1a",
        b"a:b",
        b"nul\0",
        BOM,
        "Grüße \u2028 \x85".encode(),
        b"cut \xe2\x82",
        b"\xff",
        b"0123456789" * 3,
    ]
)
_names = st.sampled_from(
    [b"data", b"data", b"data", b"event", b"id", b"retry", b"Data", b"dat", b"datas", b"", b" data", b"x"]
)
_fields = st.builds(lambda name, colon, value: name + colon + value, _names, st.just(b":"), _values)
_lines = _fields | _names | st.just(b"") | st.just(b"") | st.binary(max_size=6)
_line_ends = st.sampled_from([b"\n", b"\r", b"\r\n"])


@st.composite
def sse_documents(draw: st.DrawFn) -> bytes:
    """Fields, comments, blank lines and noise, each line with an end of its own; the last event is ended."""
    start = draw(st.sampled_from([b"", BOM, BOM[:2], BOM + BOM]))
    lines = draw(st.lists(st.tuples(_lines, _line_ends), max_size=14))
    return start + b"".join(line + end for line, end in lines) + b"\n\n"


@st.composite
def cut(draw: st.DrawFn, whole: bytes) -> list[bytes]:
    """`whole` in pieces, in order, cut anywhere; some may be empty."""
    places = sorted(draw(st.lists(st.integers(0, len(whole)), max_size=len(whole) + 1)))
    return [whole[start:end] for start, end in zip([0, *places], [*places, len(whole)], strict=True)]
