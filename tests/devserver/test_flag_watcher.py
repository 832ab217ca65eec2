"""The watcher in its own thread: which edits it hears of, and what it says about bad ones."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import watchfiles

from soasap._devserver.flag_file import FlagFile
from soasap._devserver.flag_watcher import FlagWatcher
from tests.devserver.flag_files import replace_flags, write_flags
from tests.waiting import wait_until


class Heard:
    """What a watcher told."""

    def __init__(self) -> None:
        self.payloads: list[bytes] = []
        self.errors: list[str] = []

    def flags(self, flags: FlagFile) -> None:
        self.payloads.append(flags.payload)

    def wait_for(self, payload: bytes) -> None:
        wait_until(lambda: self.payloads[-1:] == [payload], message=f"{payload!r} from the watcher")


@contextmanager
def watching(path: Path) -> Iterator[Heard]:
    heard = Heard()
    watcher = FlagWatcher(str(path), heard.flags, heard.errors.append)
    watcher.start()
    try:
        yield heard
    finally:
        watcher.stop()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "flags.json"
    write_flags(path, {"n": 0})
    return path


def test_edits_in_place_are_seen(path: Path) -> None:
    """Each of several edits in place is told."""
    with watching(path) as heard:
        for number in range(1, 6):
            heard.wait_for(write_flags(path, {"n": number}))

        assert [] == heard.errors


def test_replacements_are_seen(path: Path) -> None:
    """Each of several files renamed over the watched one is told."""
    with watching(path) as heard:
        for number in range(1, 6):
            heard.wait_for(replace_flags(path, {"n": number}))

        assert [] == heard.errors


def test_an_edit_before_the_start_is_seen(path: Path) -> None:
    """What changes between making the watcher and starting it is told."""
    heard = Heard()
    watcher = FlagWatcher(str(path), heard.flags, heard.errors.append)
    payload = write_flags(path, {"n": 12345})
    watcher.start()
    try:
        heard.wait_for(payload)
    finally:
        watcher.stop()


def test_other_files_are_left_alone(path: Path) -> None:
    """What happens beside the watched file is not told."""
    with watching(path) as heard:
        write_flags(path.with_name("other.json"), {"x": 1})
        heard.wait_for(write_flags(path, {"n": 1}))

    assert {b'{"n":1}'} == set(heard.payloads)


def test_a_deleted_file_is_told_and_followed_when_it_returns(path: Path) -> None:
    """Deletion is one error; the file's return is seen like any edit."""
    with watching(path) as heard:
        path.unlink()
        wait_until(lambda: heard.errors, message="an error from the watcher")

        heard.wait_for(write_flags(path, {"n": 1}))
        heard.wait_for(replace_flags(path, {"n": 2}))

        assert [f"{path}: No such file or directory"] == heard.errors


def test_a_replaced_directory_is_followed(path: Path) -> None:
    """A file whose directory was moved away and made again is followed there."""
    with watching(path) as heard:
        path.parent.joinpath("inner").mkdir()
    inner = path.parent / "inner" / "flags.json"
    write_flags(inner, {"n": 0})
    with watching(inner) as heard:
        inner.parent.rename(path.parent / "away")
        inner.parent.mkdir()
        heard.wait_for(write_flags(inner, {"n": 1}))
        heard.wait_for(write_flags(inner, {"n": 2}))


def test_a_turned_link_is_followed(tmp_path: Path) -> None:
    """A change of a link above the file, as a Kubernetes ConfigMap does it, is seen."""
    for version in ("1", "2"):
        (tmp_path / version).mkdir()
        write_flags(tmp_path / version / "flags.json", {"n": int(version)})
    (tmp_path / "data").symlink_to("1")
    (tmp_path / "flags.json").symlink_to("data/flags.json")
    with watching(tmp_path / "flags.json") as heard:
        (tmp_path / "data.new").symlink_to("2")
        os.replace(tmp_path / "data.new", tmp_path / "data")
        heard.wait_for(b'{"n":2}')
        heard.wait_for(write_flags(tmp_path / "2" / "flags.json", {"n": 3}))


def test_a_mistake_is_told_once_with_its_place(path: Path) -> None:
    """An edit that is not JSON is one error however often it is saved; after a good one it would be another."""
    with watching(path) as heard:
        for _ in range(3):
            path.write_text('{\n "n": x}')
            wait_until(lambda: heard.errors, message="an error from the watcher")
        heard.wait_for(write_flags(path, {"n": 1}))

        assert 1 == len(heard.errors)
        assert heard.errors[0].startswith(f"{path}:2:7: ")

        path.write_text('{\n "n": x}')
        wait_until(lambda: len(heard.errors) == 2, message="a second error")

    assert [b'{"n":1}'] == list(dict.fromkeys(heard.payloads))


def test_a_file_seen_half_written_is_no_mistake(path: Path) -> None:
    """A writer that takes a moment between two writes is waited for."""
    with watching(path) as heard:
        for number in range(1, 6):
            with path.open("w") as file:
                file.write('{"n":')
                file.flush()
                file.write(f"{number}}}")
            heard.wait_for(b'{"n":%d}' % number)

        assert [] == heard.errors


def test_without_notifications_the_file_is_looked_at(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system has no change notifications to give, one message says so and edits are still seen."""

    def refuse(*_: Any, **__: Any) -> None:
        raise OSError("limit reached")

    monkeypatch.setattr(watchfiles, "watch", refuse)
    with watching(path) as heard:
        heard.wait_for(write_flags(path, {"n": 123}))
        heard.wait_for(replace_flags(path, {"n": 4}))

    assert [f"{path}: no change notifications here (limit reached); looking every 200 ms"] == heard.errors


def test_stop_ends_the_thread(path: Path) -> None:
    """After `stop` nothing is told any more."""
    with watching(path) as heard:
        heard.wait_for(write_flags(path, {"n": 1}))
    write_flags(path, {"n": 2})

    assert b'{"n":2}' not in heard.payloads
