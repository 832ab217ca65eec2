"""What the tasks note about themselves, for `status()`. Plain assignments; one object per client."""

from __future__ import annotations

from datetime import datetime

from soasap._sansio.status import ConnectionEvent, next_state
from soasap.types import ClientState, SoasapErrorContext

__all__ = ["HELD_BACK", "Vitals"]

FIRST_EVENT_PATIENCE = 10.0
"""Seconds an open stream may take for its first event, which the service sends at once, before we wonder why."""

HELD_BACK = "the stream is open and brings no event; a proxy on the way may hold it back (nginx: proxy_buffering off)"


class Vitals:
    """
    Counters and times of this process.

    Attributes:
        state: See `soasap.types.ClientState`.
        last_life: Monotonic seconds when the stream last showed life.
        connected_since: When the current stream opened, in UTC (aware).
        hint: Why nothing runs here, when nothing can.
        owed_since: Monotonic seconds since when an open stream owes its first event; `None` if it owes none.
    """

    __slots__ = (
        "connected_since",
        "connects",
        "errors",
        "events",
        "hint",
        "last_error",
        "last_life",
        "owed_since",
        "state",
    )

    def __init__(self) -> None:
        self.state: ClientState = "idle"
        self.reset()

    def reset(self) -> None:
        """Start from nothing, in a forked child. A closed client stays closed."""
        if self.state != "closed":
            self.state = "idle"
        self.last_life: float | None = None
        self.owed_since: float | None = None
        self.connected_since: datetime | None = None
        self.last_error: SoasapErrorContext | None = None
        self.events = 0
        self.connects = 0
        self.errors = 0
        self.hint = ""

    def is_held_back(self, now: float) -> bool:
        """Whether the current stream should have brought an event long before `now`, monotonic seconds."""
        return self.owed_since is not None and now - self.owed_since >= FIRST_EVENT_PATIENCE

    def advice(self, now: float) -> str:
        """What keeps flags from coming, as far as it shows, in words for the operator; empty if nothing does."""
        return self.hint or (HELD_BACK if self.is_held_back(now) else "")

    def note(self, event: ConnectionEvent) -> None:
        """Go to the next state."""
        self.state = next_state(self.state, event)
