"""The disk of the state machine: a cache directory that fails from one moment to the next, and comes back."""

from __future__ import annotations

import os
from pathlib import Path

from tests.clients import cache_file

__all__ = ["CONTENTS", "FAILURES", "MARK", "Disk"]

MARK = b"\xef\xbb\xbf"
"""A byte-order mark, which some SDKs write."""

CONTENTS = (b"", b'{"cut": tru', b"[]", b"\xff", b"NaN", MARK + b'{"marked": 1}')
"""What somebody may have written into the file."""

FAILURES = ("a file", "a loop", "nothing", "a name that is taken", "read-only")
"""What stands in the place of the directory."""


class Disk:
    """
    The cache directory is a link, and turning it is one step: no save sees half a failure.

    Args:
        root: An empty directory.
        base_url: Of the service, which is part of the file's name.

    Attributes:
        directory: The option `cache_directory`.
        works: Whether the link points to the directory.
    """

    def __init__(self, root: Path, base_url: str) -> None:
        self._root = root
        self.directory = root / "cache"
        name = cache_file(self.directory, base_url).name
        self._real = root / "real"
        self._real.mkdir()
        self._file = self._real / name
        (root / "a file").write_bytes(b"")
        (root / "a loop").symlink_to(root / "a loop")
        (root / "a name that is taken" / name).mkdir(parents=True)
        (root / "read-only").symlink_to("/sys")  # where root may not write either
        self.recover()

    def fail(self, how: str) -> None:
        """Let it be one of `FAILURES`."""
        self._turn(self._root / how)
        self.works = False

    def recover(self) -> None:
        """Let it be the directory, with what it had."""
        self._turn(self._real)
        self.works = True

    def content(self) -> bytes | None:
        """What the file on the working disk holds; `None` if there is none."""
        try:
            return self._file.read_bytes()
        except FileNotFoundError:
            return None

    def put(self, content: bytes, *, written_at: float) -> None:
        """Let another process save this: whole, by renaming."""
        beside = self._root / "beside"
        beside.write_bytes(content)
        os.utime(beside, (written_at, written_at))
        os.replace(beside, self._file)

    def litter(self) -> list[str]:
        """What lies beside the file, saves under way included."""
        return [path.name for path in self._real.iterdir() if path != self._file]

    def _turn(self, target: Path) -> None:
        beside = self._root / "link"
        beside.symlink_to(target)
        os.replace(beside, self.directory)
