"""Flags as text."""

from __future__ import annotations

from typing import Any

import pytest

from soasap._terminal.values import as_text, brief, kind_of, label


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "true"), (1, "1"), (1.0, "1.0"), ("a\nb", "a\nb"), (None, "null"), ({"a": [1]}, '{"a":[1]}')],
)
def test_text_for_scripts(value: Any, text: str) -> None:
    """A string comes as it is, anything else as JSON in one line."""
    assert text == as_text(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a\nb", '"a\\nb"'),
        ("\x1b[31m", '"\\u001b[31m"'),
        ("\x9b31m\x7f\u2028", '"\\u009b31m\\u007f\\u2028"'),
        ("x" * 61, '"' + "x" * 56 + "..."),
        ("x" * 58, '"' + "x" * 58 + '"'),
        (nested(300), "(nested too deep to be shown)"),
    ],
)
def test_text_for_eyes(value: Any, text: str) -> None:
    """A value for eyes is one short line in which a terminal finds nothing to obey."""
    assert text == brief(value)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (True, "a bool"),
        (1, "a number"),
        (0.5, "a number"),
        ("", "a string"),
        (None, "null"),
        ({}, "JSON"),
        ([], "JSON"),
    ],
)
def test_types_have_names(value: Any, words: str) -> None:
    """The type of a value is named as the getters tell them apart."""
    assert words == kind_of(value)


@pytest.mark.parametrize(
    ("key", "text"), [("new-checkout", "new-checkout"), ("größe", "größe"), ("a\x1b[2J", '"a\\u001b[2J"'), ("", '""')]
)
def test_keys_for_eyes(key: str, text: str) -> None:
    """A key is shown as it is, unless a terminal might obey it or nobody would see it."""
    assert text == label(key)
