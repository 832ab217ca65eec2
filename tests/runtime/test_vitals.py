"""Counters and state of one process."""

from __future__ import annotations

from soasap._runtime.vitals import HELD_BACK, Vitals
from soasap._sansio.status import ConnectionEvent

EVENTS: list[ConnectionEvent] = ["start", "open", "lost", "stop", "close"]


def busy() -> Vitals:
    vitals = Vitals()
    vitals.note("start")
    vitals.note("open")
    vitals.last_life, vitals.events, vitals.connects, vitals.errors, vitals.hint = 5.0, 3, 2, 1, "why"
    vitals.owed_since = 5.0
    return vitals


def test_notes_follow_the_table() -> None:
    """Each event leads to the state of the table in `soasap._sansio.status`."""
    vitals = Vitals()
    states: list[str] = [vitals.state]
    for event in EVENTS:
        vitals.note(event)
        states.append(vitals.state)

    assert ["idle", "connecting", "live", "stale", "idle", "closed"] == states


def test_held_back() -> None:
    """A stream that owes its first event for ten seconds is worth a hint; a reason why nothing runs comes first."""
    vitals = Vitals()
    assert "" == vitals.advice(100.0)
    vitals.owed_since = 100.0
    assert ["", HELD_BACK] == [vitals.advice(109.9), vitals.advice(110.0)]
    vitals.hint = "no hub"

    assert "no hub" == vitals.advice(110.0)


def test_reset_starts_from_nothing() -> None:
    """A forked child knows nothing of its parent's stream."""
    vitals = busy()
    vitals.reset()

    fresh = Vitals()
    assert {name: getattr(fresh, name) for name in Vitals.__slots__} == {
        name: getattr(vitals, name) for name in Vitals.__slots__
    }


def test_closed_stays_closed() -> None:
    """A client closed before the fork is closed in the child."""
    vitals = busy()
    vitals.note("close")
    vitals.reset()

    assert ("closed", 0) == (vitals.state, vitals.events)
