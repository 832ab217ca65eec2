"""Who leads, who follows, and that nobody goes back: each rule of `soasap._relay.member` on a real Redis."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from soasap._relay import member as subject
from soasap._relay.shared_snapshot import SharedSnapshot, Version
from tests.redis_server import RedisServer
from tests.relay.members import PlayedMember

Make = Callable[[], PlayedMember]

ONE, TWO, THREE = b'{"n": 1}', b'{"n": 2}', b'{"n": 3}'


def leader_and_follower(make: Make) -> tuple[PlayedMember, PlayedMember]:
    """Two relays that both serve `ONE`."""
    leader, follower = make(), make()
    leader.turn()
    leader.stream.send(ONE)
    leader.turn()
    follower.look()
    return leader, follower


def expire(redis: Any, relay: PlayedMember) -> None:
    """The lease of a relay that did not extend it runs out."""
    redis.delete(relay.shared.lease_key)


def extend(relay: PlayedMember) -> None:
    """The turn in which a leader extends its lease."""
    relay.member._extend_at = 0.0
    relay.turn()


def go_alone(redis_server: RedisServer, relay: PlayedMember) -> None:
    """Redis does not answer a relay once, of which the others notice nothing; its own stream says `TWO`."""
    redis_server.pause()
    relay.turn()
    redis_server.resume()
    relay.stream.send(TWO)


# --- leading and following


def test_first_one_leads(relay_member: Make) -> None:
    """Of two relays the first takes the lease and opens the stream; the other one follows and opens none."""
    one, two = relay_member(), relay_member()
    one.turn()
    two.turn()

    assert ("leader", "follower") == (one.role, two.role)
    assert (True, False) == (one.stream.is_open, two.stream.is_open)


def test_snapshot_reaches_all(relay_member: Make) -> None:
    """What the leader hears both serve, the follower from Redis."""
    leader, follower = leader_and_follower(relay_member)
    leader.stream.send(TWO)
    leader.turn()
    follower.look()

    assert (TWO, TWO) == (leader.serves, follower.serves)
    assert not follower.stream.opened


def test_leader_stores_before_it_serves(relay_member: Make) -> None:
    """Until Redis has taken it, a leader's clients do not see a snapshot."""
    leader, _ = leader_and_follower(relay_member)
    leader.stream.send(TWO)
    before = leader.serves
    leader.turn()

    assert (ONE, TWO) == (before, leader.serves)


def test_stream_that_ends_right_after_its_event(relay_member: Make) -> None:
    """A snapshot is stored though the stream that brought it is gone before the leader looks."""
    leader, follower = leader_and_follower(relay_member)
    leader.stream.send(TWO)
    leader.stream.cut()
    leader.turn()
    follower.look()

    assert (TWO, TWO) == (leader.serves, follower.serves)


def test_lost_announcement_heals(relay_member: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A follower that heard of nothing looks for itself after a while."""
    leader, follower = leader_and_follower(relay_member)
    leader.stream.send(TWO)
    leader.turn()
    follower.turn()
    unheard = follower.serves
    follower.member._look_at -= subject.REREAD_INTERVAL
    follower.turn()

    assert (ONE, TWO) == (unheard, follower.serves)


def test_new_relay_starts_warm(relay_member: Make) -> None:
    """A relay that comes later serves what Redis has, at its first turn and without a stream."""
    leader_and_follower(relay_member)
    late = relay_member()
    late.turn()

    assert (ONE, 0) == (late.serves, late.stream.opened)


def test_new_leader_starts_with_what_redis_has(redis: Any, relay_member: Make) -> None:
    """A relay that comes when nobody leads any more serves what Redis has, never the older one on its disk."""
    leader, _ = leader_and_follower(relay_member)
    leader.stream.send(TWO)
    leader.turn()
    expire(redis, leader)
    late = relay_member()
    late.stream.kept = ONE
    late.turn()

    assert "leader" == late.role
    assert [TWO] == late.served


def test_leader_dies(redis: Any, relay_member: Make) -> None:
    """When the lease has run out the follower leads, serves on, and stores what its own stream says."""
    leader, follower = leader_and_follower(relay_member)
    expire(redis, leader)
    follower.turn()
    meanwhile = follower.serves
    follower.stream.send(TWO)
    follower.turn()
    late = relay_member()
    late.turn()

    assert ("leader", ONE) == (follower.role, meanwhile)
    assert (TWO, TWO) == (follower.serves, late.serves)


def test_resigning(relay_member: Make) -> None:
    """A leader that resigns gives up lease and stream at once, goes on serving, and never leads again."""
    leader, follower = leader_and_follower(relay_member)
    leader.member.resign()
    leader.turn()
    follower.turn()
    follower.stream.send(TWO)
    follower.turn()
    leader.look()

    assert ("follower", "leader") == (leader.role, follower.role)
    assert (False, TWO) == (leader.stream.is_open, leader.serves)


# --- fencing


def test_late_leader_is_fenced(redis: Any, relay_member: Make) -> None:
    """A leader that slept past its lease serves nothing that Redis refuses, and follows."""
    old, new = leader_and_follower(relay_member)
    expire(redis, old)
    new.turn()
    new.stream.send(THREE)
    new.turn()
    old.stream.send(TWO)  # out of its buffer, when it wakes
    seen = [old.serves]
    old.turn()
    seen.append(old.serves)
    old.turn()
    seen.append(old.serves)

    assert [ONE, ONE, THREE] == seen
    assert ("follower", False) == (old.role, old.stream.is_open)
    assert THREE == new.serves


def test_late_leader_without_news(redis: Any, relay_member: Make) -> None:
    """It learns of its successor when it extends its lease, at the latest."""
    old, new = leader_and_follower(relay_member)
    expire(redis, old)
    new.turn()
    extend(old)

    assert ("follower", "leader") == (old.role, new.role)


# --- Redis is away


def test_all_go_alone_and_come_back(redis_server: RedisServer, relay_member: Make) -> None:
    """Without Redis each streams for itself, the leader goes on with its stream; with it one leads and one follows."""
    leader, follower = leader_and_follower(relay_member)
    redis_server.kill()
    follower.turn()
    follower.stream.send(TWO)
    leader.stream.send(TWO)
    leader.turn()
    alone = [(relay.role, relay.serves, bool(relay.member.redis_trouble)) for relay in (leader, follower)]
    redis_server.start()
    leader.turn(2)
    follower.turn()

    assert [("alone", TWO, True)] * 2 == alone
    assert ("leader", 1, "") == (leader.role, leader.stream.opened, leader.member.redis_trouble)
    assert ("follower", False, TWO) == (follower.role, follower.stream.is_open, follower.serves)


def test_alone_serves_at_once(redis_server: RedisServer, relay_member: Make) -> None:
    """A relay alone serves what its stream brings without a turn, which may be waiting for Redis."""
    relay = relay_member()
    redis_server.kill()
    relay.turn()
    relay.stream.send(ONE)

    assert ("alone", ONE) == (relay.role, relay.serves)


def test_start_without_redis(redis_server: RedisServer, relay_member: Make) -> None:
    """A relay that starts without Redis serves what its disk has until its stream has said more."""
    relay = relay_member()
    relay.stream.kept = ONE
    redis_server.kill()
    relay.turn()

    assert ("alone", ONE, True) == (relay.role, relay.serves, relay.stream.is_open)


def test_only_the_very_same_ends_an_own_stream(redis_server: RedisServer, relay_member: Make) -> None:
    """What Redis has when it is back is not believed while the own stream says something else, older or newer."""
    leader, follower = leader_and_follower(relay_member)
    go_alone(redis_server, follower)
    leader.turn()  # the leader noticed nothing: it leads on, and its own stream is a little behind
    seen = []
    for _ in range(3):
        follower.look()
        seen.append((follower.role, follower.serves))
    leader.stream.send(TWO)
    leader.turn()
    follower.turn()

    assert [("alone", TWO)] * 3 == seen
    assert ("follower", TWO, False) == (follower.role, follower.serves, follower.stream.is_open)


def test_what_was_confirmed_later_is_believed(
    redis_server: RedisServer, relay_member: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its own stream down too, a relay alone takes what a leader confirms after all that it has heard itself."""
    monkeypatch.setattr(subject, "TRAVEL_SECONDS", 0.0)
    leader, follower = leader_and_follower(relay_member)
    go_alone(redis_server, follower)
    follower.stream.cut()
    follower.turn(3)
    kept = (follower.role, follower.serves)
    leader.stream.send(THREE)
    leader.turn()
    follower.turn()

    assert ("alone", TWO) == kept
    assert ("follower", THREE) == (follower.role, follower.serves)


def test_older_confirmation_is_not_believed(
    redis_server: RedisServer, relay_member: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A leader whose stream showed no life since confirms nothing that another relay has overtaken."""
    monkeypatch.setattr(subject, "TRAVEL_SECONDS", 0.0)
    leader, follower = leader_and_follower(relay_member)
    go_alone(redis_server, follower)
    follower.stream.cut()
    follower.turn()
    leader.stream.age = 60.0  # half open: it believes that it streams
    extend(leader)
    follower.turn()

    assert ("leader", "alone", TWO) == (leader.role, follower.role, follower.serves)


def test_news_while_redis_answers(redis_server: RedisServer, relay_member: Make) -> None:
    """What the own stream brings while Redis is being asked is not overwritten by the answer."""
    leader, follower = leader_and_follower(relay_member)
    leader.stream.send(TWO)
    leader.turn()
    go_alone(redis_server, follower)
    load = follower.shared.load

    def load_slowly() -> Any:
        loaded = load()
        follower.stream.send(THREE)
        return loaded

    follower.shared.load = load_slowly  # type: ignore[method-assign]
    follower.turn()

    assert ("alone", THREE) == (follower.role, follower.serves)


def test_redis_comes_back_empty(redis: Any, redis_server: RedisServer, relay_member: Make) -> None:
    """A Redis that lost everything gets it again from the leader, as a greater version."""
    leader, follower = leader_and_follower(relay_member)
    before = follower.member._version
    redis.flushall()
    extend(leader)
    leader.turn()
    leader.stream.send(ONE)
    leader.turn()
    follower.look()

    assert ("leader", ONE, ONE) == (leader.role, leader.serves, follower.serves)
    assert follower.member._version > before


def test_failover_lost_the_last_write(redis: Any, relay_member: Make) -> None:
    """A leader stores again what a failover has lost, at its next confirmation; nobody goes back meanwhile."""
    leader, follower = leader_and_follower(relay_member)
    leader.stream.send(TWO)
    leader.turn()
    follower.look()
    version = leader.member._version
    redis.hset(leader.shared._snapshot_key, mapping={"number": version.number - 1, "payload": ONE, "digest": b"-"})
    follower.look()
    meanwhile = follower.serves
    extend(leader)
    leader.turn()
    late = relay_member()
    late.turn()

    assert (TWO, TWO) == (meanwhile, late.serves)
    assert leader.member._version > version


# --- upstream is away


def test_leader_without_upstream_lets_another_try(relay_member: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A leader that cannot reach upstream for a while gives the lease up, and does not ask for it at once."""
    monkeypatch.setattr(subject, "PATIENCE", 0.0)
    leader, follower = leader_and_follower(relay_member)
    leader.stream.cut()
    extend(leader)
    leader.turn()
    follower.turn()

    assert ("follower", "leader") == (leader.role, follower.role)
    assert (ONE, False) == (leader.serves, leader.stream.is_open)


@pytest.mark.parametrize("word", ["is_refused", "is_told_to_wait"])
def test_what_holds_for_all_relays_moves_nothing(
    relay_member: Make, monkeypatch: pytest.MonkeyPatch, word: str
) -> None:
    """A key that is refused, or told to wait, is so everywhere: the leader stays."""
    monkeypatch.setattr(subject, "PATIENCE", 0.0)
    leader, _ = leader_and_follower(relay_member)
    leader.stream.cut()
    setattr(leader.stream, word, True)
    extend(leader)

    assert "leader" == leader.role


def test_leader_does_not_store_what_may_be_old(redis_server: RedisServer, relay_member: Make) -> None:
    """A relay that comes to lead while its stream is down stores nothing until that says something."""
    leader, follower = leader_and_follower(relay_member)
    redis_server.kill()
    extend(leader)
    follower.turn()
    follower.stream.send(TWO)
    leader.stream.send(ONE)
    leader.stream.cut()
    redis_server.start()
    leader.turn(3)
    stored = SharedSnapshot.look(leader.shared)
    follower.turn()
    leader.stream.send(TWO)
    leader.turn()
    follower.turn()

    assert stored is None
    assert ("leader", "follower") == (leader.role, follower.role)
    assert (TWO, TWO) == (leader.serves, follower.serves)


def test_versions_have_an_order() -> None:
    """A later leadership's first snapshot is greater than an earlier one's hundredth."""
    assert Version(2, 1) > Version(1, 100) > Version(1, 99)
