"""The cache file: its place, its contents, its rights. Nothing is left there by looking."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from soasap._terminal.checks.cache import check_cache
from soasap._terminal.finding import Finding
from soasap._terminal.troubles import Trouble
from tests.clients import API_KEY, NOWHERE, cache_file, write_cache


def look(directory: Path | str | None) -> Finding:
    return check_cache(API_KEY, NOWHERE, None if directory is None else str(directory))


def test_no_file_yet(cache_dir: Path) -> None:
    """A directory that is still to be made is fine where it can be made, and is not made."""
    finding = look(cache_dir / "deep" / "er")

    assert ("ok", f"no file yet; one can be written in {cache_dir}/deep/er") == (finding.verdict, finding.words)
    assert not cache_dir.exists()


def test_a_file(cache_dir: Path) -> None:
    """A file is counted and dated, and stays as it is; nothing is left beside it."""
    path = write_cache(cache_dir, b'{"a": 1, "b": 2}')
    os.utime(path, (1e9, 1e9))
    finding = look(cache_dir)

    assert ("ok", 2, str(path)) == (finding.verdict, finding.facts["flags"], finding.facts["path"])
    assert finding.words.startswith("2 flags, ")
    assert " days old, in " in finding.words
    assert [path] == list(cache_dir.iterdir())
    assert 1e9 == path.stat().st_mtime


@pytest.mark.parametrize(
    ("payload", "words"), [(b"[1]", "expected one JSON object, got an array"), (b"{", "expected one JSON object")]
)
def test_a_bad_file(cache_dir: Path, payload: bytes, words: str) -> None:
    """A file that holds no flags is a failure."""
    write_cache(cache_dir, payload)
    finding = look(cache_dir)

    assert ("failure", Trouble.CACHE) == (finding.verdict, finding.trouble)
    assert words in finding.words


def test_no_regular_file(cache_dir: Path) -> None:
    """A link in its place is a failure: it is not followed."""
    target = cache_dir / "target"
    path = cache_file(cache_dir)
    cache_dir.mkdir()
    target.write_bytes(b"{}")
    path.symlink_to(target)

    assert "it is not a regular file" in look(cache_dir).words


def test_a_place_that_takes_no_file(tmp_path: Path) -> None:
    """A file system that takes no file, not even root's, and a file in the directory's place are failures."""
    file = tmp_path / "file"
    file.write_text("")
    for directory in ("/proc/soasap", str(file / "cache"), str(file)):
        finding = look(directory)

        assert ("failure", Trouble.CACHE) == (finding.verdict, finding.trouble), finding
        assert "flags would live in memory only" in finding.words


def test_no_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a place to name it is a failure."""
    monkeypatch.setenv("HOME", "relative")
    finding = look(None)

    assert "failure" == finding.verdict
    assert "no directory for the flag cache" in finding.words


def test_anybodys_directory(cache_dir: Path) -> None:
    """A directory that anybody may write to is a warning; one with the sticky bit is not."""
    cache_dir.mkdir()
    cache_dir.chmod(0o777)
    open_to_all = look(cache_dir)
    cache_dir.chmod(0o1777)

    assert ("warning", "ok") == (open_to_all.verdict, look(cache_dir).verdict)
    assert f"anybody may write to {cache_dir}" in open_to_all.words
