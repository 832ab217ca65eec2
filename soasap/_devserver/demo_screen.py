"""What the demo shows: a table that grows in a terminal, plain lines anywhere else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeAlias

import orjson
from rich.console import Console
from rich.live import Live
from rich.table import Table

__all__ = ["Screen", "Show"]

Show: TypeAlias = Callable[[str, Any, Any, Sequence[float]], None]
"""Shows one change: the flag, its old and new value, and the milliseconds to each read that saw it."""


class Screen:
    """Writes to stdout; only ASCII of its own, so that no locale can stop it."""

    def __init__(self) -> None:
        self._console = Console(highlight=False)

    def say(self, text: str) -> None:
        """One line of the story."""
        self._console.print(text, soft_wrap=True, markup=False)

    def summary(self, text: str) -> None:
        """The last line."""
        self._console.print(text, soft_wrap=True, markup=False, style="bold")

    @contextmanager
    def table(self, readers: Sequence[str] = ("",)) -> Iterator[Show]:
        """
        A place for changes; gives a function that shows one, with the first arguments of `row`.

        Args:
            readers: Who reads; each has a column. The empty name stands for ourselves.
        """
        if not self._console.is_terminal:
            yield partial(self.row, readers=readers)
            return
        table = Table("flag", "old", "new")
        for reader in readers:
            table.add_column(f"ms to {reader}" if reader else "ms from write to read", justify="right", no_wrap=True)
        # Drawn when told to and not by a thread: drawing takes milliseconds, and would be measured with the reads.
        with Live(table, console=self._console, auto_refresh=False) as live:

            def show(key: str, old: Any, new: Any, milliseconds: Sequence[float]) -> None:
                table.add_row(key, _json(old), _json(new), *(f"{delay:.1f}" for delay in milliseconds))
                live.refresh()

            yield show

    def row(
        self, key: str, old: Any, new: Any, milliseconds: Sequence[float], *, readers: Sequence[str] = ("",)
    ) -> None:
        """
        One change as a line.

        Args:
            key: The flag.
            old: Its value before, `None` if it was not there.
            new: Its value now, `None` if it is gone.
            milliseconds: From the server's write to the read that saw it, for each reader.
            readers: Who they are.
        """
        delays = ", ".join(
            f"{delay:.1f} ms" + f" ({reader})" * bool(reader)
            for delay, reader in zip(milliseconds, readers, strict=True)
        )
        self.say(f"  {key}: {_json(old)} -> {_json(new)}, {delays} after the server's write")


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()
