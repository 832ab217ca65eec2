"""How `soasap watch` looks: a table that is redrawn in a terminal, a line per news anywhere else."""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Protocol

import click
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from soasap._terminal.board import Board, Change
from soasap._terminal.values import brief, kind_of, label
from soasap.types import ClientStatus

__all__ = ["Lines", "Screen", "TableScreen", "headline", "make_screen"]

_COLOURS = {"live": "green", "connecting": "yellow", "stale": "red"}


class Screen(Protocol):
    """Where news go. A context manager, so that a terminal is left as it was."""

    def __enter__(self) -> Screen: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...

    def began(self, board: Board) -> None:
        """The first flags are there."""

    def changed(self, news: Sequence[Change]) -> None:
        """These flags changed."""

    def show(self, board: Board, status: ClientStatus) -> None:
        """The present moment; called several times a second."""


def make_screen(url: str) -> Screen:
    """What fits where stdout goes. `url` is the address of the service."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # flags may have characters that its encoding lacks
    console = Console(highlight=False)
    return TableScreen(console, url) if console.is_terminal else Lines(url)


class Lines:
    """A line per news, each written at once, only ASCII but for the flags: for pipes and logs."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._said = ""

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def began(self, board: Board) -> None:
        for key, value in board.flags.items():
            click.echo(f"{label(key)}: {brief(value)}")

    def changed(self, news: Sequence[Change]) -> None:
        for change in news:
            delay = "" if change.delay is None else f", {_ms(change.delay)} after the server's write"
            click.echo(f"{_clock(change.at)} {label(change.key)}: {_side(change.old)} -> {_side(change.new)}{delay}")

    def show(self, board: Board, status: ClientStatus) -> None:
        said = headline(status, self._url)
        if said != self._said:
            self._said = said
            click.echo(f"{_clock(time.time())} {said}")


class TableScreen:
    """
    Tables that are redrawn.

    Args:
        console: A terminal.
        url: The address of the service.
    """

    def __init__(self, console: Console, url: str) -> None:
        self._console = console
        self._url = url
        # Drawn when told to: a thread of its own would draw while the board changes.
        self._live = Live(console=console, auto_refresh=False, screen=False)

    def __enter__(self) -> TableScreen:
        self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._live.__exit__(kind, error, traceback)

    def began(self, board: Board) -> None:
        """Shown with the rest."""

    def changed(self, news: Sequence[Change]) -> None:
        """Shown with the rest."""

    def show(self, board: Board, status: ClientStatus) -> None:
        changes = self._changes(board)
        room = max(1, self._console.height - 10 - len(board.changes))
        parts = [self._head(status), changes, self._flags(board, room)]
        left_out = len(board.flags) - room
        if left_out > 0:
            parts.append(Text(f"and {left_out} more; name some (soasap watch 'checkout*') to see less", style="dim"))
        self._live.update(Group(*(part for part in parts if part is not None)), refresh=True)

    def _head(self, status: ClientStatus) -> Text:
        state, _, rest = headline(status, self._url).partition(" ")
        age = "" if status.age is None else f", heard {status.age:.0f} s ago"
        counts = f"; events {status.events}, connects {status.connects}, errors {status.errors}"
        return Text.assemble((state, f"bold {_COLOURS.get(status.state, '')}"), f" {rest}{age}{counts}")

    def _changes(self, board: Board) -> Table | None:
        if not board.changes:
            return None
        table = Table("seen", "flag", "old", "new", title="last changes", title_justify="left")
        table.add_column("ms from write", justify="right", no_wrap=True)
        for change in board.changes:
            delay = "" if change.delay is None else f"{change.delay * 1000:.1f}"
            cells = (_clock(change.at), label(change.key), _side(change.old), _side(change.new), delay)
            table.add_row(*map(Text, cells))  # as text: a flag may look like rich's markup
        return table

    def _flags(self, board: Board, room: int) -> Table:
        table = Table("flag", "type", "value", "changed", title=_count(len(board.flags)), title_justify="left")
        for key, value in list(board.flags.items())[:room]:
            since = board.since.get(key)
            cells = (label(key), kind_of(value), brief(value), "" if since is None else _clock(since))
            table.add_row(*map(Text, cells))
        return table


def headline(status: ClientStatus, url: str) -> str:
    """State and address, and what is wrong if something is; opens with the state."""
    words = f"{status.state} {url}"
    if status.backend:
        words += f" ({status.backend})"
    if status.state != "live" and status.last_error is not None:
        words += f": {status.last_error.exception}"
    elif status.hint:
        words += f": {status.hint}"
    return words


def _side(value: object) -> str:
    return "(none)" if value is None else brief(value, 40)


def _count(number: int) -> str:
    return "1 flag" if number == 1 else f"{number} flags"


def _clock(moment: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(moment))


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"
