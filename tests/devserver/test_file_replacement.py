"""Replacing a file: all of it or nothing, and never over what was not seen."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from soasap._devserver.file_replacement import FileChanged, replace_file


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "shop" / "flags.json"
    path.parent.mkdir()
    path.write_bytes(b"old")
    return path


def test_the_file_is_another_one(path: Path) -> None:
    """Whoever has the old file open reads all of the old; the path leads to all of the new."""
    with path.open("rb") as old:
        replace_file(str(path), b"old", b"new")

        assert (b"old", b"new") == (old.read(), path.read_bytes())
    assert ["flags.json"] == os.listdir(path.parent)


def test_the_mode_stays(path: Path) -> None:
    """The new file has the mode of the old."""
    path.chmod(0o640)
    replace_file(str(path), b"old", b"new")

    assert 0o640 == stat.S_IMODE(path.stat().st_mode)


def test_links_stay(path: Path) -> None:
    """A symbolic link is left alone and what it leads to is replaced."""
    link = path.with_name("link.json")
    link.symlink_to(path.name)
    replace_file(str(link), b"old", b"new")

    assert link.is_symlink()
    assert b"new" == path.read_bytes()


def test_what_was_not_seen_is_not_overwritten(path: Path) -> None:
    """A file that was changed since it was read stays, and nothing is left beside it."""
    path.write_bytes(b"theirs")
    with pytest.raises(FileChanged):
        replace_file(str(path), b"old", b"new")

    assert b"theirs" == path.read_bytes()
    assert ["flags.json"] == os.listdir(path.parent)


def test_what_cannot_be_written_stays(path: Path) -> None:
    """Where the new content cannot be put in place, the old one stays and nothing is left beside it."""
    path.unlink()
    path.mkdir()
    with pytest.raises(OSError, match=r"."):
        replace_file(str(path), b"old", b"new")

    assert ["flags.json"] == os.listdir(path.parent)
    with pytest.raises(FileNotFoundError):
        replace_file(str(path.with_name("missing")), b"", b"new")
