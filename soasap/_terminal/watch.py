"""`soasap watch`: all flags of a service, live, until Ctrl-C."""

from __future__ import annotations

import queue
import time
from collections.abc import Mapping
from typing import TypeAlias

from soasap._terminal.board import Board
from soasap._terminal.delays import Delays
from soasap._terminal.screen import Screen
from soasap.client import SoasapClientImpl
from soasap.types import FlagChange

__all__ = ["run_watch"]

STEP_SECONDS = 0.25
"""Between looks at the state of the connection. A change is noticed at once."""

News: TypeAlias = tuple[float, Mapping[str, FlagChange]]
"""When a change was seen, in seconds since the epoch, and what it was."""


def run_watch(client: SoasapClientImpl, board: Board, screen: Screen, delays: Delays) -> None:
    """Show what comes, for ever. Whoever calls this interrupts it, and closes the client."""
    news: queue.SimpleQueue[News] = queue.SimpleQueue()
    unsubscribe = client.subscribe(lambda changed: news.put((time.time(), changed)))
    try:
        with screen:
            while not client.wait_ready(STEP_SECONDS):
                screen.show(board, client.status())
            _forget(news)  # how the first flags came is no change
            board.begin(client.all_flags())
            screen.show(board, client.status())
            screen.began(board)
            while True:
                _take(news, client, board, screen, delays)
                screen.show(board, client.status())
    finally:
        unsubscribe()


def _take(
    news: queue.SimpleQueue[News], client: SoasapClientImpl, board: Board, screen: Screen, delays: Delays
) -> None:
    """Take in the next change, if one comes soon."""
    try:
        seen_at, changed = news.get(timeout=STEP_SECONDS)
    except queue.Empty:
        return
    screen.changed(board.take(seen_at, changed, client.all_flags().keys(), delays.of(seen_at)))


def _forget(news: queue.SimpleQueue[News]) -> None:
    while True:
        try:
            news.get_nowait()
        except queue.Empty:
            return
