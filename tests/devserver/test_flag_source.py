"""The flag file read and changed by several hands: nothing is lost, and readings are in order."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from soasap._devserver.flag_file import MAX_PAYLOAD_BYTES, FlagFileError
from soasap._devserver.flag_source import FlagChanged, FlagSource, ValueRefused, shown_flags

TEXT = '{\n  "n": 1.0,\n  "on": true\n}\n'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "flags.json"
    path.write_text(TEXT)
    return path


@pytest.fixture
def source(path: Path) -> FlagSource:
    return FlagSource(str(path))


def test_a_change(path: Path, source: FlagSource) -> None:
    """A change is in the file, with the rest of it untouched, and in what is given back."""
    flags = source.change("on", "true", "false")

    assert TEXT.replace("true", "false") == path.read_text() == flags.text.decode()
    assert b'{"n": 1.0,"on": false}' == flags.payload
    assert {"n": "1.0", "on": "false"} == shown_flags(flags)


def test_adding_and_removing(path: Path, source: FlagSource) -> None:
    """A flag that was not there is added, and one that becomes nothing is removed."""
    source.change("new", None, " [1]\r\n")
    assert TEXT.replace("true\n", 'true,\n  "new": [1]\n') == path.read_text()

    source.change("new", "[1]", None)
    assert TEXT == path.read_text()


def test_another_flag_of_the_same_moment(path: Path, source: FlagSource) -> None:
    """What somebody else changed elsewhere in the file since the author looked stays in it."""
    path.write_text(TEXT.replace("1.0", "2.0"))
    source.change("on", "true", "false")

    assert TEXT.replace("1.0", "2.0").replace("true", "false") == path.read_text()


@pytest.mark.parametrize(
    ("key", "was", "now", "current"),
    [
        ("on", "false", "true", "true"),
        ("n", "1", "2", "1.0"),
        ("n", None, "2", "1.0"),
        ("gone", "1", "2", None),
        ("gone", "1", None, None),
        ("n", "1", None, "1.0"),
    ],
)
def test_the_same_flag(
    path: Path, source: FlagSource, key: str, was: str, now: str | None, current: str | None
) -> None:
    """A change made for another value than the file has is refused with the value that it has."""
    with pytest.raises(FlagChanged) as caught:
        source.change(key, was, now)

    assert current == caught.value.now
    assert TEXT == path.read_text()


@pytest.mark.parametrize(
    "value", ["", "tru", "1 2", '{"a": }', '1, "x": 2', "NaN", '"' + "x" * MAX_PAYLOAD_BYTES + '"']
)
def test_values_that_cannot_be(path: Path, source: FlagSource, value: str) -> None:
    """What is not one JSON value, or more than clients accept, is refused and the file left alone."""
    with pytest.raises(ValueRefused):
        source.change("n", "1.0", value)

    assert TEXT == path.read_text()


def test_the_place_of_a_mistake(source: FlagSource) -> None:
    """A refusal names line and column within the value."""
    with pytest.raises(ValueRefused, match=r"^line 2, column 8: "):
        source.change("n", "1.0", '{"a": 1,\n  "b": }')


@pytest.mark.parametrize("text", ["", '{"n": 1.0', "[]", None])
def test_a_broken_file_is_left_alone(path: Path, source: FlagSource, text: str | None) -> None:
    """A file that is broken or missing is not written to, whatever it contains."""
    path.unlink()
    if text is not None:
        path.write_text(text)
    with pytest.raises(FlagFileError):
        source.change("n", "1.0", "2")

    assert text == (path.read_text() if path.exists() else None)


def test_a_byte_order_mark_stays(path: Path, source: FlagSource) -> None:
    """A file with a byte-order mark has it after a change as well."""
    path.write_bytes(b'\xef\xbb\xbf{"n":1}')
    source.change("n", "1", "2")

    assert b'\xef\xbb\xbf{"n":2}' == path.read_bytes()


def test_whose_content_it_is(path: Path, source: FlagSource) -> None:
    """A reading tells what the page wrote from what somebody else did."""
    assert not source.read().by_page
    assert source.change("n", "1.0", "2").by_page
    assert source.read().by_page

    written = path.read_text()
    for text in (TEXT, written):
        path.write_text(text)
        assert not source.read().by_page


def test_readings_are_numbered(source: FlagSource) -> None:
    """A later reading or change has a higher number."""
    numbers = [source.read().number, source.change("n", "1.0", "2").number, source.read().number]

    assert sorted(set(numbers)) == numbers


def test_changes_from_many_threads(path: Path, source: FlagSource) -> None:
    """Changes that many threads make at the same time are all in the file at the end."""

    def add(number: int) -> None:
        source.change(f"t{number}", None, str(number))

    threads = [threading.Thread(target=add, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert {"n": 1.0, "on": True, **{f"t{number}": number for number in range(20)}} == json.loads(path.read_text())
