"""
The connection as the client's `status()` names it: five states, and a table of the ways between them.

Theory. A process starts `idle`: nothing runs. A run begins in `connecting` and stays there, attempt after
attempt, until its first stream opens: `live`. A stream that ends leaves the flags standing and the client
`stale` until the next one opens. So `connecting` says "never heard anything yet", and `stale` says "what you
read was true once". A run that ends without the client being closed (it cannot go on in this process) leads
back to `idle`. What a task that is just winding down still reports changes nothing: not while `idle`, and not
when `closed`, which is for ever.

::

    idle ── start ─▶ connecting ── open ─▶ live ── lost ─▶ stale
                      ↺ lost                    ◀─ open ──  ↺ lost

    stop     back to idle, from anywhere but closed
    close    to closed, from anywhere
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from soasap.types import ClientState

__all__ = ["ConnectionEvent", "next_state"]

ConnectionEvent: TypeAlias = Literal["start", "open", "lost", "stop", "close"]
"""
What happens to a connection: a run starts, a stream opens, an attempt fails or a stream ends, a run ends,
`close()`.
"""

_TRANSITIONS: dict[ClientState, dict[ConnectionEvent, ClientState]] = {
    "idle": {
        "start": "connecting",
        "open": "idle",
        "lost": "idle",
        "stop": "idle",
        "close": "closed",
    },
    "connecting": {
        "open": "live",
        "lost": "connecting",
        "stop": "idle",
        "close": "closed",
    },
    "live": {
        "lost": "stale",
        "stop": "idle",
        "close": "closed",
    },
    "stale": {
        "open": "live",
        "lost": "stale",
        "stop": "idle",
        "close": "closed",
    },
    "closed": {
        "start": "closed",
        "open": "closed",
        "lost": "closed",
        "stop": "closed",
        "close": "closed",
    },
}


def next_state(state: ClientState, event: ConnectionEvent) -> ClientState:
    """
    The state after an event.

    Raises:
        ValueError: The event cannot happen in this state. A branch that should never run: it means that a run
            was told of something outside its life.
    """
    try:
        return _TRANSITIONS[state][event]
    except KeyError as exc:
        raise ValueError(f"{event!r} cannot happen while {state!r}") from exc
