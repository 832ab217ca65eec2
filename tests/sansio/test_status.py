"""The connection's states: every pair of state and event is named, or refused."""

from __future__ import annotations

from itertools import product
from typing import get_args

import pytest

from soasap._sansio.status import ConnectionEvent, next_state
from soasap.types import ClientState

STATES: tuple[ClientState, ...] = get_args(ClientState)
EVENTS: tuple[ConnectionEvent, ...] = get_args(ConnectionEvent)


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([], "idle"),
        (["start"], "connecting"),
        (["start", "lost", "lost"], "connecting"),
        (["start", "open"], "live"),
        (["start", "open", "lost"], "stale"),
        (["start", "open", "lost", "lost"], "stale"),
        (["start", "open", "lost", "open"], "live"),
        (["stop"], "idle"),
        (["start", "stop"], "idle"),
        (["start", "open", "stop"], "idle"),
        (["start", "open", "lost", "stop", "start"], "connecting"),
        (["close"], "closed"),
        (["start", "close"], "closed"),
        (["start", "open", "close"], "closed"),
        (["start", "open", "lost", "close"], "closed"),
    ],
)
def test_lives(events: list[ConnectionEvent], expected: ClientState) -> None:
    """A life of a client leads where its status says."""
    state: ClientState = "idle"
    for event in events:
        state = next_state(state, event)

    assert expected == state


@pytest.mark.parametrize("event", EVENTS)
def test_closed_is_for_ever(event: ConnectionEvent) -> None:
    """Nothing leads out of closed, and nothing that comes late is an error."""
    assert "closed" == next_state("closed", event)


@pytest.mark.parametrize("event", ["open", "lost"])
def test_late_words_of_a_run_that_ended(event: ConnectionEvent) -> None:
    """A task that winds down after its run has ended changes nothing and fails at nothing."""
    assert "idle" == next_state(next_state("live", "stop"), event)


@pytest.mark.parametrize("state", STATES)
def test_close_and_stop_from_anywhere(state: ClientState) -> None:
    """A client can be closed, and a run can end, in every state."""
    assert "closed" == next_state(state, "close")
    assert ("closed" if state == "closed" else "idle") == next_state(state, "stop")


def test_what_cannot_happen() -> None:
    """An event outside a run's life is refused, by name."""
    impossible = {
        ("connecting", "start"),
        ("live", "start"),
        ("live", "open"),
        ("stale", "start"),
    }
    for state, event in product(STATES, EVENTS):
        if (state, event) in impossible:
            with pytest.raises(ValueError, match=f"'{event}' cannot happen while '{state}'"):
                next_state(state, event)
        else:
            assert next_state(state, event) in STATES
