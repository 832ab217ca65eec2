"""Whose key it is, and what becomes of keys that nobody named."""

from __future__ import annotations

import gevent
import pytest

from soasap._relay import roster as subject
from soasap._relay.environment import Environment
from soasap._relay.roster import Roster, Unanswered
from tests.relay.sources import PlayedSource, played

PAYLOAD = b'{"n": 1}'


class House:
    """Admits guests, and remembers whom."""

    def __init__(self) -> None:
        self.guests: list[tuple[str, Environment, PlayedSource]] = []

    def admit(self, key: str) -> Environment:
        if " " in key:
            raise ValueError("a key has no space")
        environment, source = played(f"guest of {key}", is_guest=True)
        self.guests.append((key, environment, source))
        return environment


@pytest.fixture
def house() -> House:
    return House()


@pytest.fixture
def open_roster(house: House) -> Roster:
    return Roster(house.admit)


def invite(roster: Roster, house: House, key: bytes) -> tuple[gevent.Greenlet[..., Environment | None], PlayedSource]:
    """A request with a key that waits for upstream's word, and its source."""
    asking = gevent.spawn(roster.find, key)
    gevent.sleep(0)
    return asking, house.guests[-1][2]


def test_each_key_has_its_environment() -> None:
    """A key finds the environment it was added with, which is started then; another key finds none."""
    roster = Roster(None)
    (one, source), (two, _) = played("one"), played("two")
    roster.add("key-1", one)
    roster.add("key-2", two)

    assert [one, two, None, None] == [roster.find(key) for key in (b"key-1", b"key-2", b"key-3", b"")]
    assert ["start"] == source.told
    assert [one, two] == list(roster)


def test_guest_that_upstream_knows(open_roster: Roster, house: House) -> None:
    """A key that nobody named is an environment as soon as there is something to serve, and stays one."""
    asking, _ = invite(open_roster, house, b"new")
    waited = not asking.ready()
    house.guests[0][1].broadcaster.publish(PAYLOAD)
    found = asking.get(timeout=10)

    assert (True, house.guests[0][1]) == (waited, found)
    assert found is open_roster.find(b"new")
    assert ["new"] == [key for key, _, _ in house.guests]


def test_guest_that_upstream_refuses(open_roster: Roster, house: House) -> None:
    """A refused key is refused; its environment is ended, and upstream is not asked again for a while."""
    asking, source = invite(open_roster, house, b"wrong")
    source.played.is_refused = True
    refused = asking.get(timeout=10)
    again = open_roster.find(b"wrong")
    gevent.sleep(0)

    assert (None, None, 1) == (refused, again, len(house.guests))
    assert ["start", "stop"] == source.told
    assert [] == list(open_roster)


def test_refusal_is_forgotten(open_roster: Roster, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a minute upstream is asked again: a key may have come to life."""
    asking, source = invite(open_roster, house, b"late")
    source.played.is_refused = True
    asking.get(timeout=10)
    monkeypatch.setattr(subject, "REFUSED_SECONDS", 0.0)
    asking, _ = invite(open_roster, house, b"late")
    house.guests[-1][1].broadcaster.publish(PAYLOAD)

    assert (house.guests[-1][1], 2) == (asking.get(timeout=10), len(house.guests))


def test_upstream_does_not_answer(open_roster: Roster, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a word from upstream a request ends undecided; those that follow ask the same environment."""
    monkeypatch.setattr(subject, "VERDICT_SECONDS", 0.1)
    for _ in range(2):
        with pytest.raises(Unanswered, match="upstream has not told yet"):
            open_roster.find(b"new")

    assert 1 == len(house.guests)


def test_requests_with_the_same_key_wait_together(open_roster: Roster, house: House) -> None:
    """Two requests with a new key make one environment, and get it both."""
    first, _ = invite(open_roster, house, b"new")
    second = gevent.spawn(open_roster.find, b"new")
    gevent.sleep(0)
    house.guests[0][1].broadcaster.publish(PAYLOAD)

    assert 1 == len(house.guests)
    assert house.guests[0][1] is first.get(timeout=10)
    assert house.guests[0][1] is second.get(timeout=10)


def test_limit_of_guests(open_roster: Roster, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody can make us open more than so many streams upstream by inventing keys."""
    monkeypatch.setattr(subject, "MAX_GUESTS", 2)
    invite(open_roster, house, b"a")
    invite(open_roster, house, b"b")
    with pytest.raises(Unanswered, match="already 2 keys that nobody named"):
        open_roster.find(b"c")


@pytest.mark.parametrize("key", [b"two words", "ä".encode(), b"\xff"])
def test_what_cannot_be_a_key(open_roster: Roster, house: House, key: bytes) -> None:
    """What no header can carry is refused without asking anybody."""
    assert open_roster.find(key) is None
    assert [] == house.guests


def test_memory_of_refusals_is_bounded(open_roster: Roster, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only so many refusals are remembered, the newest."""
    monkeypatch.setattr(subject, "MAX_REFUSED", 2)
    for key in (b"1", b"2", b"3"):
        asking, source = invite(open_roster, house, key)
        source.played.is_refused = True
        asking.get(timeout=10)

    assert 2 == len(open_roster._refused)
    assert (None, 3) == (open_roster.find(b"3"), len(house.guests))


def test_guests_are_seen_off(open_roster: Roster, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A guest without clients is forgotten after a while, one that upstream has come to refuse at once; others stay."""
    named, _ = played("named")
    open_roster.add("named", named)
    for key in (b"idle", b"used", b"revoked"):
        asking, _ = invite(open_roster, house, key)
        house.guests[-1][1].broadcaster.publish(PAYLOAD)
        asking.get(timeout=10)
    (_, idle, _), (_, used, _), (_, revoked, source) = house.guests
    stream = used.broadcaster.subscribe()
    of_the_revoked = revoked.broadcaster.subscribe()
    source.played.is_refused = True
    monkeypatch.setattr(subject, "IDLE_SECONDS", 0.0)
    monkeypatch.setattr(subject, "JANITOR_SECONDS", 0.01)
    janitor = gevent.spawn(open_roster.keep_clean)
    with gevent.Timeout(10):
        while len(list(open_roster)) > 2:
            gevent.sleep(0.01)
    gevent.sleep(0.05)
    janitor.kill()

    assert [named, used] == list(open_roster)
    assert idle not in open_roster
    assert [] == list(of_the_revoked)[1:], "its stream has ended"
    stream.close()
