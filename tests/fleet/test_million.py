"""The arithmetic for a million clients: what it adds up, and that clients which wait too long come again."""

from __future__ import annotations

import pytest

from tests.fleet.million import CLIENTS, RESPONSE_TIMEOUT, Costs, Fleet, needs, reconnect, weathers
from tests.fleet.weather import busiest


def test_relays_are_as_many_as_a_change_in_time_needs() -> None:
    """A relay that sends to 10,000 clients in a second has 20,000 where two seconds are allowed."""
    fleet = Fleet(Costs(send_seconds=1 / 10_000), within=2.0)

    assert (20_000, 50) == (fleet.clients_per_relay, fleet.relays)


def test_memory_of_a_relay() -> None:
    """A relay needs what it needs without streams, and the same for each of its streams."""
    fleet = Fleet(Costs(base_bytes=10e6, stream_bytes=1000, send_seconds=1 / 10_000))

    assert 10e6 + 20_000 * 1000 == fleet.relay_bytes


def test_quick_relay_is_never_what_clients_wait_for() -> None:
    """Where accepting costs nothing, each client has its stream when it asks."""
    record = reconnect(2000, accept_seconds=0.0)

    assert record.attempts == record.streams
    assert record.back_within(1) <= 2


def test_busy_relay_makes_clients_wait() -> None:
    """Where all come faster than they are accepted, the last is back when the work of all is done."""
    record = reconnect(4000, accept_seconds=1e-3)

    assert 4000 == len(record.streams)
    assert 4.0 <= record.back_within(1) <= 4.0 + 0.5


def test_clients_that_wait_too_long_come_again() -> None:
    """A client that was not answered in time goes away, and the work for it was in vain; all come back in the end."""
    record = reconnect(2000, accept_seconds=0.01)

    assert 2000 == len(record.streams)
    assert len(record.attempts) > 2000
    assert record.back_within(1) > 2000 * 0.01 > RESPONSE_TIMEOUT


@pytest.mark.parametrize("away", [0.0, 60.0])
def test_nobody_is_served_while_relays_are_away(away: float) -> None:
    """Streams open after the return only, and every client has one within 32 s of it."""
    record = reconnect(1000, accept_seconds=1e-4, away=away)

    assert min(record.streams) >= away
    assert record.back_within(1) <= 32


def test_shape_of_the_tables() -> None:
    """Both tables are Markdown, each row as wide as its head."""
    fleet = Fleet(Costs())
    tables = [list(needs(fleet)), list(weathers(fleet))]

    assert [{3}, {8}] == [{row.count("|") for row in table} for table in tables]


def test_one_relay_in_fifty_is_hardly_noticed() -> None:
    """When one of the relays dies, each of the others gets a few hundred clients, spread over two seconds."""
    fleet = Fleet(Costs())
    clients = round(CLIENTS / fleet.relays / (fleet.relays - 1))
    record = reconnect(clients, fleet.costs.accept_seconds)

    assert busiest(record.attempts) < clients / 4
    assert record.back_within(0.99) <= 2
