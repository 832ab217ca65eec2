"""
Putting a new content in the place of a file: all of it or nothing, and only over what the writer has seen.

A symbolic link stays, and what it leads to is replaced. Mode and, where the system lets us, owner stay.
"""

from __future__ import annotations

import os
import stat
import tempfile

__all__ = ["FileChanged", "replace_file"]


class FileChanged(Exception):
    """Somebody else wrote the file since it was read."""


def replace_file(path: str, seen: bytes, content: bytes) -> None:
    """
    Replace a file's content, by writing beside it and renaming.

    The look whether somebody else was faster comes right before the renaming. No system joins the two into one step:
    a change that falls between them, within some microseconds, is overwritten.

    Args:
        path: The file, or a link to it.
        seen: What it contained when the new content was made from it.
        content: What it is to contain.

    Raises:
        FileChanged: It contains something else by now.
        OSError: It cannot be read or written; then it is as it was, and nothing lies beside it.
    """
    target = os.path.realpath(path)
    found = os.stat(target)
    if not os.access(target, os.W_OK):  # renaming asks the directory only; who protects a file means the file
        raise PermissionError("it is read-only")
    descriptor, beside = tempfile.mkstemp(prefix=".soasap-", suffix=".tmp", dir=os.path.dirname(target))
    try:
        with open(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        _resemble(beside, found)
        with open(target, "rb") as file:
            if file.read() != seen:
                raise FileChanged
        os.replace(beside, target)
    except BaseException:
        os.unlink(beside)
        raise


def _resemble(path: str, model: os.stat_result) -> None:
    """Give a file of ours the owner, as far as possible, and the mode of another."""
    if hasattr(os, "chown"):  # not on Windows
        try:
            os.chown(path, model.st_uid, model.st_gid)
        except OSError:
            pass  # ours by necessity: only root gives files away
    os.chmod(path, stat.S_IMODE(model.st_mode))
