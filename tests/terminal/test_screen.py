"""How `soasap watch` looks, in a terminal of a known size."""

from __future__ import annotations

import io
from datetime import datetime, timezone
from typing import Any

from rich.console import Console

from soasap._terminal.board import Board
from soasap._terminal.screen import TableScreen, headline
from soasap.exceptions import ConnectionFailed
from soasap.types import ClientStatus, FlagChange, SoasapErrorSource, create_error_context
from tests.devserver.demo_process import without_colours

URL = "https://flags.example.com"


def status(**other: Any) -> ClientStatus:
    fields: dict[str, Any] = {
        "state": "live",
        "source": "stream",
        "age": 2.0,
        "snapshot_age": 2.0,
        "last_error": None,
        "backend": "threads",
        "pid": 1,
        "connected_since": datetime.now(timezone.utc),
        "events": 3,
        "connects": 1,
        "errors": 0,
        "hint": "",
    }
    return ClientStatus(**{**fields, **other})


FAILED = create_error_context(ConnectionFailed("no stream: refused"), SoasapErrorSource.NETWORK, True)


def shown(board: Board, now: ClientStatus, *, height: int = 40) -> list[str]:
    """The lines of a terminal that shows this."""
    output = io.StringIO()
    console = Console(file=output, force_terminal=True, width=100, height=height, color_system=None)
    screen = TableScreen(console, URL)
    screen.show(board, now)
    console.print(screen._live.get_renderable())
    return without_colours(output.getvalue().encode()).splitlines()


def board_of(flags: dict[str, Any]) -> Board:
    board = Board()
    board.begin(flags)
    return board


def test_the_first_line() -> None:
    """State, address, backend and counts stand first."""
    assert f"live {URL} (threads), heard 2 s ago; events 3, connects 1, errors 0" == shown(board_of({}), status())[0]


def test_what_is_wrong() -> None:
    """Why a stream is lost, or may bring nothing, is said beside its state, and nothing old once it is live."""
    assert f"stale {URL} (threads): no stream: refused" == headline(status(state="stale", last_error=FAILED), URL)
    assert f"live {URL} (threads)" == headline(status(last_error=FAILED), URL)
    assert f"live {URL} (threads): held back" == headline(status(hint="held back"), URL)
    assert f"idle {URL}: a master" == headline(status(state="idle", backend="", hint="a master"), URL)


def test_flags_and_changes() -> None:
    """Flags have a type and a value, changes what was and what is; markup in them is text."""
    board = board_of({"theme": "[red]x[/red]", "on": True})
    board.take(0.0, {"on": FlagChange(True, None), "limit": FlagChange(None, 3)}, {"theme", "limit"}, 0.0015)
    lines = shown(board, status())

    assert any("theme" in line and '"[red]x[/red]"' in line and "a string" in line for line in lines)
    assert any("on" in line and "true" in line and "(none)" in line and "1.5" in line for line in lines)
    assert "2 flags" in [line.strip() for line in lines]


def test_more_than_fit() -> None:
    """Where not all flags fit, those that do are shown, and how many more there are."""
    board = board_of({f"flag-{number:04}": number for number in range(1000)})
    lines = shown(board, status(), height=24)

    assert 24 >= len(lines)
    assert any("flag-0000" in line for line in lines)
    assert any(line.startswith("and 986 more; name some") for line in lines)
