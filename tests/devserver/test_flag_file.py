"""Flag files: what is served of them, and how their mistakes are told."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soasap._devserver.flag_file import (
    MAX_PAYLOAD_BYTES,
    FlagFile,
    FlagFileError,
    load_flag_file,
    parse_flag_file,
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(
    flags=st.dictionaries(st.text(), json_values, max_size=5),
    indent=st.sampled_from([None, 0, 2, "\t"]),
    newline=st.sampled_from(["\n", "\r\n", "\r"]),
    as_bytes=st.booleans(),
)
def test_layout_does_not_matter(flags: dict[str, Any], indent: int | str | None, newline: str, as_bytes: bool) -> None:
    """Any layout of a JSON object becomes one line with the same values."""
    text = json.dumps(flags, indent=indent, ensure_ascii=not as_bytes).replace("\n", newline)
    payload = parse_flag_file("flags.json", text.encode()).payload

    assert flags == json.loads(payload)
    assert b"\n" not in payload
    assert b"\r" not in payload


def test_tokens_are_sent_as_they_stand() -> None:
    """Digits beyond 64 bits, exponents, escapes, space within strings and repeated keys stay as written."""
    text = b'{\n  "n": 123456789012345678901234567890,\n  "e": 1.50E+3,\n  "s": "\\u00e9  x",\n  "e": 2\n}\n'
    expected = b'{"n": 123456789012345678901234567890,"e": 1.50E+3,"s": "\\u00e9  x","e": 2}'

    assert FlagFile(expected, 3) == parse_flag_file("flags.json", text)


def test_a_byte_order_mark_is_left_out() -> None:
    """A file that begins with a UTF-8 byte-order mark is served without it."""
    assert b'{"a":1}' == parse_flag_file("flags.json", b'\xef\xbb\xbf{"a":1}').payload


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (b"", "1:1: "),
        (b"  \n ", "1:1: "),
        (b"{", "1:2: "),
        (b'{"a": 1,}', "1:8: "),
        (b'{\n  "a": tru\n}', "2:8: "),
        ('{\n "é": "ü", x}'.encode(), "2:12: "),
        (b'{"a": NaN}', "1:7: "),
        (b'{"a": 1}\n{"b": 2}', "2:1: "),
        (b'{\n"\xc3\xa9": "\xff"}', "2:7: not UTF-8 (byte 0xff)"),
        (b"[1]", "1:1: not a JSON object of flags, but an array"),
        (b"\n\n  3", "3:3: not a JSON object of flags, but 3"),
        (b"null", "1:1: not a JSON object of flags, but null"),
    ],
)
def test_mistakes_are_told_with_their_place(text: bytes, where: str) -> None:
    """A text that is not a JSON object is refused with path, line and column, counted from 1 in characters."""
    with pytest.raises(FlagFileError) as caught:
        parse_flag_file("some/flags.json", text)

    assert str(caught.value).startswith(f"some/flags.json:{where}")


def test_more_than_clients_accept_is_refused() -> None:
    """A file of which clients would skip every event is refused, with both sizes."""
    fits = b'{"a":"' + b"x" * (MAX_PAYLOAD_BYTES - 8) + b'"}'

    assert MAX_PAYLOAD_BYTES == len(parse_flag_file("flags.json", b" \n" + fits).payload)

    with pytest.raises(FlagFileError, match=f"{MAX_PAYLOAD_BYTES + 1} bytes .* accept {MAX_PAYLOAD_BYTES}"):
        parse_flag_file("flags.json", fits.replace(b"x", b"xx", 1))


def test_a_missing_file_is_told() -> None:
    """A path where nothing is is refused with the path."""
    with pytest.raises(FlagFileError, match=r"^/nowhere/flags\.json: No such file"):
        load_flag_file("/nowhere/flags.json")


def test_only_regular_files_are_read(tmp_path: Path) -> None:
    """Directories and pipes are refused, and reading a pipe does not block."""
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(FlagFileError, match="not a regular file"):
            load_flag_file(str(path))
