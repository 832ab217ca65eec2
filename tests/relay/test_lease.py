"""Who leads: at most one, for as long as it says so."""

from __future__ import annotations

from typing import Any

import pytest
from redis.exceptions import LockError, LockNotOwnedError

from soasap._relay.lease import EXTENSION_INTERVAL, LEASE_SECONDS, LOOK_INTERVAL, Lease

KEY = "lease"


def test_one_at_a_time(redis: Any) -> None:
    """While one has it no other gets it; given up, it is free at once."""
    one, other = Lease(redis, KEY), Lease(redis, KEY)
    taken = [one.take(), other.take(), one.take(), other.take()]
    one.give_up()

    assert [True, False, True, False] == taken
    assert (b"", True) == (one.token, other.take())


def test_it_runs_out(redis: Any) -> None:
    """Nobody extends it: another one gets it, and the first one hears of it at its next word."""
    one, other = Lease(redis, KEY), Lease(redis, KEY)
    one.take()
    redis.pexpire(KEY, 1)
    while redis.exists(KEY):
        pass

    assert other.take()
    with pytest.raises(LockNotOwnedError):
        one.extend()
    assert not one.take()


def test_extension(redis: Any) -> None:
    """Extended, it lasts its full time from then on."""
    lease = Lease(redis, KEY)
    lease.take()
    redis.pexpire(KEY, 1000)
    lease.extend()

    assert LEASE_SECONDS * 1000 - 2000 < redis.pttl(KEY) <= LEASE_SECONDS * 1000


def test_taken_again_after_an_outage(redis: Any) -> None:
    """A relay that lost sight of Redis and finds its own lease there goes on; one that finds none takes a new one."""
    lease = Lease(redis, KEY)
    lease.take()
    token = lease.token
    again = lease.take()
    redis.flushall()

    assert (True, token) == (again, token)
    assert lease.take()
    assert token != lease.token


def test_giving_up_what_is_not_ours(redis: Any) -> None:
    """A lease that ran out and went to another is not taken from him; one never held is no error."""
    one, other = Lease(redis, KEY), Lease(redis, KEY)
    one.give_up()
    one.take()
    redis.delete(KEY)
    other.take()
    one.give_up()

    assert other.token == redis.get(KEY)


def test_extending_what_was_never_held(redis: Any) -> None:
    """Extending without having is an error."""
    with pytest.raises(LockError):
        Lease(redis, KEY).extend()


def test_times_fit() -> None:
    """Two extensions may fail before it is lost, and a successor leads within ten seconds."""
    assert 3 * EXTENSION_INTERVAL <= LEASE_SECONDS
    assert LEASE_SECONDS + LOOK_INTERVAL <= 10
