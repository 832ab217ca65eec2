"""
The text of a flag file, changed one flag at a time with everything else left as its owner wrote it.

Only the characters of the one value are replaced: layout, number formats, escapes, the order of flags and repeated
keys elsewhere stay. The text must have passed `parse_flag_file`; so a few token shapes are enough to find the way.

The form of a value that people see and edit has lost the indentation that its lines have only because of their place
in the file; it is given back when the value is put there.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

import orjson

__all__ = ["Member", "members", "shown_value", "with_value", "without_flag"]

_STRING = r'"[^"\\]*(?:\\.[^"\\]*)*"'
_WORD = re.compile(rf"{_STRING}|[^\s,\]}}]+")  # a string, a number, a literal
_STEP = re.compile(rf"{_STRING}|[\[\]{{}}]")  # what counts inside an array or an object
_SPACE = re.compile(r"[ \t\r\n]*")
_LINE_END = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class Member:
    """
    One `"key": value` of the outermost object; positions are counted in characters of the text.

    Attributes:
        key: The flag key, escapes resolved.
        start: Where the key's quotation mark stands.
        key_end: Behind its closing one.
        value_start: Where the value begins.
        end: Behind the value.
    """

    key: str
    start: int
    key_end: int
    value_start: int
    end: int


def members(text: str) -> list[Member]:
    """All members in their order, those with repeated keys too."""
    found = []
    at = _behind_space(text, text.index("{") + 1)
    while text[at] != "}":
        key = _WORD.match(text, at)
        assert key is not None, "the text has passed"
        value_start = _behind_space(text, text.index(":", key.end()) + 1)
        end = _value_end(text, value_start)
        found.append(Member(orjson.loads(key.group()), at, key.end(), value_start, end))
        at = _behind_space(text, end)
        if text[at] == ",":
            at = _behind_space(text, at + 1)
    return found


def shown_value(text: str, member: Member) -> str:
    """The value as people see it: its tokens, lines ended by line feeds, without the indentation of its place."""
    value = text[member.value_start : member.end]
    first, *others = _LINE_END.split(value)
    if not others:
        return value
    indent = _indent(text, member.start)
    return "\n".join([first, *(line.removeprefix(indent) for line in others)])


def with_value(text: str, key: str, value: str) -> str:
    """
    The text with this flag set, at its place or, if it is new, behind all others and laid out like them.

    Args:
        text: A file that has passed.
        key: The flag key. Of repeated ones the last is set: it is the one that counts.
        value: One JSON value, in the form of `shown_value`.
    """
    found = members(text)
    for member in reversed(found):
        if member.key == key:
            return text[: member.value_start] + _placed(text, value, member.start) + text[member.end :]
    quoted = json.dumps(key, ensure_ascii=False)
    if not found:
        opening = text.index("{")
        closing = text.index("}", opening)
        inside = text[opening + 1 : closing]
        line_end = _line_end(inside)
        space = (f"{line_end}  ", line_end) if line_end else ("", "")
        placed = value.replace("\n", f"{line_end}  ") if line_end else value
        return f"{text[: opening + 1]}{space[0]}{quoted}: {placed}{space[1]}{text[closing:]}"
    last = found[-1]
    colon = text[last.key_end : last.value_start]
    if _line_end(colon):
        colon = ": "
    new = _separator(text, found) + quoted + colon + _placed(text, value, last.start)
    return text[: last.end] + new + text[last.end :]


def without_flag(text: str, key: str) -> str:
    """The text without this flag; without every repetition of it, or an earlier one would come to life."""
    found = members(text)
    behind: int | None = None  # where the member begins that follows in the text as it is by now
    for number in reversed(range(len(found))):  # from the end, so that positions before it stay right
        member = found[number]
        if member.key != key:
            behind = member.start
        elif behind is not None:
            text = text[: member.start] + text[behind:]
            behind = member.start
        elif number:
            text = text[: found[number - 1].end] + text[member.end :]
        else:
            text = text[: text.index("{") + 1] + text[text.rindex("}") :]
    return text


def _separator(text: str, found: list[Member]) -> str:
    """What stands between two members: as between the last two, or as the only one stands to the brace."""
    if len(found) > 1:
        return text[found[-2].end : found[-1].start]
    before = text[text.index("{") + 1 : found[0].start]
    line_end = _line_end(before)
    return f",{line_end}{_indent(text, found[0].start)}" if line_end else ", "


def _placed(text: str, value: str, at: int) -> str:
    """The value with the line ends of the file, its lines indented like the one at this position."""
    if "\n" not in value:
        return value
    return value.replace("\n", (_line_end(text) or "\n") + _indent(text, at))


def _indent(text: str, at: int) -> str:
    """The space that the line of this position begins with."""
    begin = text.rfind("\n", 0, at) + 1
    line = text[max(begin, text.rfind("\r", begin, at) + 1) : at]
    return line[: len(line) - len(line.lstrip(" \t"))]


def _line_end(text: str) -> str:
    """The first line end in a text, empty if it has none."""
    found = _LINE_END.search(text)
    return found.group() if found else ""


def _behind_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    assert found is not None, "it also matches nothing"
    return found.end()


def _value_end(text: str, at: int) -> int:
    if text[at] not in "[{":
        word = _WORD.match(text, at)
        assert word is not None, "the text has passed"
        return word.end()
    depth = 0
    for step in _STEP.finditer(text, at):
        if step.group() in "[{":
            depth += 1
        elif step.group() in "]}":
            depth -= 1
            if not depth:
                return step.end()
    raise AssertionError("the text has passed")
