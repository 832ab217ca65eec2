"""Changing one flag in the text of a file: what changes, and that nothing else does."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soasap._devserver.flag_text import members, shown_value, with_value, without_flag
from tests.devserver.test_flag_file import json_values

flag_sets = st.dictionaries(st.text(), json_values, max_size=5)
indents = st.sampled_from([None, 0, 2, "\t"])
line_ends = st.sampled_from(["\n", "\r\n", "\r"])


def laid_out(flags: dict[str, Any], indent: int | str | None, line_end: str) -> str:
    return json.dumps(flags, indent=indent, ensure_ascii=False).replace("\n", line_end)


def shown(text: str) -> dict[str, str]:
    return {member.key: shown_value(text, member) for member in members(text)}


LAYOUT = """{
  "on": true,
  "n": 1.50E+3,   "big": 123456789012345678901234567890,

  "e": "caf\\u00e9",
  "rates": {
    "a": [
      1
    ]
  }
}
"""


@given(flags=flag_sets, indent=indents, line_end=line_ends)
def test_members_are_found(flags: dict[str, Any], indent: int | str | None, line_end: str) -> None:
    """In any layout each member is found with its key and its value, in order."""
    text = laid_out(flags, indent, line_end)

    assert list(flags.items()) == [(key, json.loads(value)) for key, value in shown(text).items()]


@given(flags=flag_sets, key=st.text(), value=json_values, indent=indents, inner=indents, line_end=line_ends)
def test_a_flag_is_set(
    flags: dict[str, Any], key: str, value: Any, indent: int | str | None, inner: int | str | None, line_end: str
) -> None:
    """A flag gets its value, at its place or behind all others; the others keep theirs, and their order."""
    text = with_value(laid_out(flags, indent, line_end), key, json.dumps(value, indent=inner))

    assert list({**flags, key: value}.items()) == list(json.loads(text).items())


@given(flags=flag_sets, indent=indents, line_end=line_ends, data=st.data())
def test_a_flag_is_removed(flags: dict[str, Any], indent: int | str | None, line_end: str, data: st.DataObject) -> None:
    """Removed, a flag is gone and the others are as before; removing what is not there changes nothing."""
    key = data.draw(st.sampled_from([*flags, "not there"]))
    text = laid_out(flags, indent, line_end)
    flags.pop(key, None)

    assert list(flags.items()) == list(json.loads(without_flag(text, key)).items())


@given(flags=flag_sets.filter(bool), indent=indents, line_end=line_ends, data=st.data())
def test_what_is_shown_can_be_put_back(
    flags: dict[str, Any], indent: int | str | None, line_end: str, data: st.DataObject
) -> None:
    """Setting a flag to what is shown of it gives the same text, byte for byte."""
    key = data.draw(st.sampled_from(list(flags)))
    text = laid_out(flags, indent, line_end)

    assert text == with_value(text, key, shown(text)[key])


def test_only_the_value_changes() -> None:
    """All characters but those of the value stay as they were."""
    assert LAYOUT.replace("true", "false") == with_value(LAYOUT, "on", "false")
    assert LAYOUT.replace("1.50E+3", "7") == with_value(LAYOUT, "n", "7")
    assert LAYOUT.replace('"caf\\u00e9"', '"tea"') == with_value(LAYOUT, "e", '"tea"')


def test_a_value_of_several_lines() -> None:
    """A value is shown without the indentation of its place, and gets it back with the line ends of the file."""
    assert '{\n  "a": [\n    1\n  ]\n}' == shown(LAYOUT)["rates"]
    changed = with_value(LAYOUT.replace("\n", "\r\n"), "rates", '{\n  "b": 2\n}')

    assert '  "rates": {\r\n    "b": 2\r\n  }\r\n}\r\n' == changed[changed.index('  "rates"') :]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{}", '{"x": 1}'),
        ("{ }", '{"x": 1}'),
        ("{\n}\n", '{\n  "x": 1\n}\n'),
        ('{"a":1}', '{"a":1, "x":1}'),
        ('{"a":1,"b":2}', '{"a":1,"b":2,"x":1}'),
        ('{"a": 1, "b": 2}', '{"a": 1, "b": 2, "x": 1}'),
        ('{\n\t"a": 1\n}', '{\n\t"a": 1,\n\t"x": 1\n}'),
        ('{\r\n  "a": 1,\r\n  "b" : 2\r\n}', '{\r\n  "a": 1,\r\n  "b" : 2,\r\n  "x" : 1\r\n}'),
        ('{ "a":\n 1 }', '{ "a":\n 1, "x": 1 }'),
    ],
)
def test_a_new_flag_is_laid_out_like_the_others(text: str, expected: str) -> None:
    """A new flag comes last, with the separators and the indentation of its neighbours."""
    assert expected == with_value(text, "x", "1")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"x": 1}', "{}"),
        ('{\n  "x": 1\n}\n', "{}\n"),
        ('{\n  "x": 1,\n  "a": 2\n}', '{\n  "a": 2\n}'),
        ('{\n  "a": 2,\n  "x": 1\n}', '{\n  "a": 2\n}'),
        ('{"x":1,"a":0,"x":2,"x":3,"b":0,"x":4,"x":5}', '{"a":0,"b":0}'),
        ('{"x":1,"x":2}', "{}"),
        ('{"\\u0078":1,"a":"x"}', '{"a":"x"}'),
    ],
)
def test_a_removed_flag_leaves_nothing(text: str, expected: str) -> None:
    """With a flag go its separator and all its repetitions, however its key is written."""
    assert expected == without_flag(text, "x")


def test_of_repeated_keys_the_last_counts() -> None:
    """Of a repeated key the last value is shown and set, as clients take the last."""
    assert "2" == shown('{"x":1,"x":2}')["x"]
    assert '{"x":1,"x":3}' == with_value('{"x":1,"x":2}', "x", "3")
