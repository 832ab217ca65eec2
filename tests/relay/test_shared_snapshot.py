"""The snapshot that relays share: versions that never go back, whoever writes, and whatever Redis has lost."""

from __future__ import annotations

import time
from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisGone

from soasap._relay.shared_snapshot import CHANNEL, KEPT_SECONDS, SharedSnapshot, Version, digest_of
from tests.redis_server import RedisServer

TOKEN = b"token"


@pytest.fixture
def shared(redis: Any) -> SharedSnapshot:
    return SharedSnapshot(redis, "0123abcd")


def lead(redis: Any, shared: SharedSnapshot, floor: int = 0) -> int:
    """A new leadership."""
    redis.set(shared.lease_key, TOKEN)
    return shared.new_epoch(TOKEN, floor)


def test_nothing_there(shared: SharedSnapshot) -> None:
    """An empty Redis has no snapshot."""
    assert (None, None) == (shared.look(), shared.load())


def test_store_and_load(redis: Any, shared: SharedSnapshot) -> None:
    """What a leader stores comes back byte for byte, with its version, its digest and the time by Redis."""
    version = Version(lead(redis, shared), 1)
    payload = b'{"a": "\xc3\xa4",\n"b": 1.0}'
    stored = shared.store(version, payload)
    record = shared.look()

    assert (True, (version, payload)) == (stored, shared.load())
    assert record is not None
    assert (version, digest_of(payload)) == (record.version, record.digest)
    assert 0 <= record.now - record.confirmed < 10
    assert abs(record.now - time.time()) < 60


def test_epoch_is_for_the_holder_of_the_lease(redis: Any, shared: SharedSnapshot) -> None:
    """Whoever does not hold the lease gets no epoch, and changes nothing."""
    first = lead(redis, shared)

    assert 0 == shared.new_epoch(b"another", 0)
    assert shared.store(Version(first, 1), b"{}")


def test_epochs_grow(redis: Any, shared: SharedSnapshot) -> None:
    """Each epoch is greater than the last, within the same millisecond too, and is about the time in milliseconds."""
    epochs = [lead(redis, shared) for _ in range(50)]

    assert sorted(set(epochs)) == epochs
    assert abs(epochs[-1] - time.time() * 1000) < 60_000


def test_epochs_grow_though_redis_lost_all(redis: Any, shared: SharedSnapshot) -> None:
    """A Redis that came back empty gives greater epochs than before."""
    before = lead(redis, shared)
    redis.flushall()
    time.sleep(0.01)  # a restart takes longer than the millisecond in which two epochs would be one

    assert lead(redis, shared) > before


def test_epochs_grow_though_the_clock_went_back(redis: Any, shared: SharedSnapshot) -> None:
    """An epoch beyond the clock is counted on from, whether Redis knows it or only the relay that asks."""
    future = int(time.time() * 1000) + 10_000_000

    assert future + 1 == lead(redis, shared, floor=future)
    assert future + 2 == lead(redis, shared)


def test_fencing(redis: Any, shared: SharedSnapshot) -> None:
    """A write of an earlier leadership is refused, before and after the new leader has stored anything."""
    old = lead(redis, shared)
    assert shared.store(Version(old, 1), b'{"n": 1}')
    new = lead(redis, shared)

    assert not shared.store(Version(old, 2), b'{"n": 2}')
    assert not shared.confirm(Version(old, 1))
    assert (Version(old, 1), b'{"n": 1}') == shared.load()
    assert shared.store(Version(new, 1), b'{"n": 3}')
    assert not shared.store(Version(old, 3), b'{"n": 4}')
    assert (Version(new, 1), b'{"n": 3}') == shared.load()


def test_a_number_stored_twice(redis: Any, shared: SharedSnapshot) -> None:
    """A write that arrives late, or again, does not undo a later one of the same leadership."""
    epoch = lead(redis, shared)
    for number in (1, 2, 1, 2):
        assert shared.store(Version(epoch, number), b'{"n": %d}' % number)

    assert (Version(epoch, 2), b'{"n": 2}') == shared.load()


def test_confirming(redis: Any, shared: SharedSnapshot) -> None:
    """A leader confirms as of the moment when its stream last showed life."""
    version = Version(lead(redis, shared), 1)
    shared.store(version, b"{}", age=100.0)
    before = shared.look()
    confirmed = shared.confirm(version, age=3.0)
    after = shared.look()

    assert before is not None
    assert after is not None
    assert confirmed is True
    assert 100 <= before.now - before.confirmed < 110
    assert 3 <= after.now - after.confirmed < 13


@pytest.mark.parametrize("loss", ["another number", "another epoch", "all of it"])
def test_confirming_what_redis_has_lost(redis: Any, shared: SharedSnapshot, loss: str) -> None:
    """A leader that confirms what Redis does not have, after a failover perhaps, hears of it."""
    epoch = lead(redis, shared)
    shared.store(Version(epoch, 2), b"{}")
    key = shared._snapshot_key
    if loss == "all of it":
        redis.delete(key)
    else:
        redis.hset(key, *(("number", 1) if "number" in loss else ("epoch", epoch - 1)))

    assert shared.confirm(Version(epoch, 2)) is None


@pytest.mark.parametrize(
    "fields", [{"epoch": "x"}, {"epoch": 1}, {"epoch": 1, "number": 1}, {"epoch": 1, "number": 1, "confirmed": "x"}]
)
def test_what_cannot_be_read(redis: Any, shared: SharedSnapshot, fields: dict[str, Any]) -> None:
    """A record that is no version of ours counts as none, and the next leader replaces it."""
    redis.hset(shared._snapshot_key, mapping=fields)
    seen = (shared.look(), shared.load())
    version = Version(lead(redis, shared), 1)

    assert (None, None) == seen
    assert shared.store(version, b"{}")
    assert (version, b"{}") == shared.load()


def test_announcement(redis: Any, shared: SharedSnapshot) -> None:
    """Each snapshot that is stored is announced by the name of its environment; one that is refused is not."""
    epoch = lead(redis, shared)
    with redis.pubsub(ignore_subscribe_messages=True) as pubsub:
        pubsub.subscribe(CHANNEL)
        pubsub.get_message(timeout=5)
        shared.store(Version(epoch, 1), b"{}")
        shared.store(Version(epoch - 1, 9), b"{}")
        shared.store(Version(epoch, 2), b"{}")
        heard = [pubsub.get_message(timeout=5) for _ in range(2)]

        assert [b"0123abcd"] * 2 == [message["data"] for message in heard]
        assert pubsub.get_message(timeout=0.2) is None


def test_what_nobody_serves_is_forgotten(redis: Any, shared: SharedSnapshot) -> None:
    """Epoch and snapshot have an end, which every store and every confirmation puts off."""
    epoch = lead(redis, shared)
    shared.store(Version(epoch, 1), b"{}")
    keys = (shared._epoch_key, shared._snapshot_key)
    for key in keys:
        redis.expire(key, 100)
    shared.confirm(Version(epoch, 1))

    assert all(KEPT_SECONDS - 60 < redis.ttl(key) <= KEPT_SECONDS for key in keys)


def test_redis_is_gone(redis_server: RedisServer, shared: SharedSnapshot) -> None:
    """Without Redis every method says so."""
    redis_server.kill()
    for call in (
        shared.look,
        shared.load,
        lambda: shared.store(Version(1, 1), b"{}"),
        lambda: shared.new_epoch(b"", 0),
    ):
        with pytest.raises(RedisGone):
            call()
