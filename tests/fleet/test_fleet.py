"""Ten thousand clients do not come as one, and yet are soon back. Chance is seeded: a figure is always the same."""

from __future__ import annotations

import pytest

from tests.fleet.__main__ import OUTAGES, outage_rows
from tests.fleet.delays import OurDelays, ReleasedDelays
from tests.fleet.weather import CLIENTS, Record, busiest, cut_every, outage, unreachable


@pytest.mark.parametrize("seconds", [0, 3, 60, 600])
def test_busiest_moment_is_a_quarter_of_what_it_was(seconds: int) -> None:
    """
    After a cut of all streams, the busiest 100 ms holds at most a quarter of what release 1.0.3 puts there.

    Counted twice: attempts, those refused during the outage included, and streams, those served after it.
    """
    ours, released = outage(OurDelays, seconds), outage(ReleasedDelays, seconds)

    assert CLIENTS == len(ours.streams) == len(released.streams)
    assert busiest(ours.attempts) <= busiest(released.attempts) / 4
    assert busiest(ours.streams) <= busiest(released.streams) / 4


def test_back_at_once() -> None:
    """When the server answers again at once, 99 of 100 are back within 2 s of the drop."""
    record = outage(OurDelays, 0)

    assert record.back_within(0.99) <= 2
    assert record.back_within(1) <= 2


@pytest.mark.parametrize("seconds", [3, 10, 60, 600])
def test_back_after_an_outage(seconds: int) -> None:
    """Once a server that refused everybody serves again, all are back within 32 s."""
    assert outage(OurDelays, seconds).back_within(1) <= 32


@pytest.mark.parametrize("seconds", [3, 10, 60, 600])
def test_back_after_silence(seconds: int) -> None:
    """Where nothing answered at all, an attempt may be under way; 99 of 100 are back within 32 s all the same."""
    assert unreachable(OurDelays, seconds).back_within(0.99) <= 32


def test_balancer_that_cuts_every_55_seconds() -> None:
    """A load balancer that cuts every stream after 55 s leaves clients connected for 98 % of the time."""
    record = cut_every(OurDelays, lived=55, duration=1200)

    assert 0.98 <= record.connected < 1
    assert busiest(record.attempts) < 640


def test_flapping_server_is_left_alone() -> None:
    """A server that cuts at once is asked by 10,000 clients 670 times a second, and not 9,500 times."""
    ours = cut_every(OurDelays, lived=0.05, duration=200)
    released = cut_every(ReleasedDelays, lived=0.05, duration=20)

    assert 600 <= ours.rate <= 750
    assert 9000 <= released.rate <= 10_000


def test_busiest_moment_is_found_wherever_it_begins() -> None:
    """The window slides: two moments that a fixed grid would part are counted together."""
    assert 3 == busiest([0.0, 0.19, 0.21, 0.28, 0.5])


def test_back_within() -> None:
    """A share of the clients, and the last of all, by their order in time."""
    record = Record(returns=[3.0, 1.0, 2.0, 4.0])

    assert [1.0, 3.0, 4.0] == [record.back_within(share) for share in (0, 0.5, 1)]


def test_table_has_a_row_for_each_fleet_and_outage() -> None:
    """The printed table is Markdown: a head, a rule, and two rows for each outage."""
    rows = list(outage_rows(dict(list(OUTAGES.items())[:2])))

    assert 2 + 2 * 2 == len(rows)
    assert {8} == {row.count("|") for row in rows}
