"""
What may happen to relays that share a Redis.

Each fault is a function that hurts a running cluster while its counter counts, heals it, and tells what was due.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import redis

from soasap._relay.shared_snapshot import SharedSnapshot, Version
from tests.fleet.cluster import PATIENCE, RELAYS, Cluster
from tests.waiting import wait_until

__all__ = ["FAULTS", "Fault", "Told", "redis_late"]

LOSSES = 5
"""Announcements to be lost."""


@dataclass
class Told:
    """
    What a fault tells of itself.

    Attributes:
        struck: The relays whose readers it cuts off.
        leader_after: Seconds until another relay led, where one had to.
        streams_due: The most upstream streams that it may cause at a time.
    """

    struck: tuple[int, ...] = ()
    leader_after: float | None = None
    streams_due: int = 1


Fault: TypeAlias = Callable[[Cluster, float], Told]
"""Hurts a cluster; gets it, and the seconds that an outage is to last."""


def leader_killed(cluster: Cluster, away: float) -> Told:
    """The leader is killed with -9; a second later it is started again on its port."""
    leader = cluster.leader()
    assert leader is not None
    struck_at = time.monotonic()
    cluster.kill_relay(leader)
    time.sleep(1.0)
    cluster.restart_relay(leader)
    after = _any_leader(cluster, struck_at)
    cluster.await_newest()
    return Told((leader,), after)


def leader_stopped(cluster: Cluster, away: float) -> Told:
    """The leader is stopped past its lease, and goes on; what it might write then is refused."""
    leader = cluster.leader()
    assert leader is not None
    with redis.Redis.from_url(cluster.redis.url) as client:
        shared = SharedSnapshot(client, cluster.name)
        before = shared.look()
        struck_at = time.monotonic()
        cluster.stop_relay(leader)
        after = cluster.await_leader(leader, struck_at)
        cluster.await_newest([place for place in range(RELAYS) if place != leader])
        cluster.continue_relay(leader)
        assert before is not None
        refused = not shared.store(Version(before.version.epoch, 10**9), b'{"n": 0}')
        assert refused, "a write of the leadership before was taken"
    wait_until(lambda: "another relay leads" in cluster.said(leader), PATIENCE, "the end of the old leadership")
    cluster.await_newest()
    return Told((leader,), after, streams_due=2)  # the stopped one's own is still open


def redis_killed(cluster: Cluster, away: float) -> Told:
    """Redis is killed with -9 and comes back empty."""
    cluster.redis.kill()
    _alone(cluster, away)
    cluster.redis.start()
    return Told(streams_due=RELAYS)


def redis_stopped(cluster: Cluster, away: float) -> Told:
    """Redis hangs, with connections open and no answers, and goes on."""
    cluster.redis.pause()
    try:
        _alone(cluster, away)
    finally:
        cluster.redis.resume()
    return Told(streams_due=RELAYS)


def upstream_down(cluster: Cluster, away: float) -> Told:
    """The flag server is killed, its flags change meanwhile, and it comes back."""
    cluster.kill_server()
    time.sleep(away)
    cluster.restart_server()
    return Told()


def redis_late(cluster: Cluster, away: float) -> Told:
    """Redis is not there when the relays start, and comes later."""
    cluster.await_newest()
    assert ["alone"] * RELAYS == cluster.roles()
    cluster.redis.start()
    return Told(streams_due=RELAYS)


def announcements_lost(cluster: Cluster, away: float) -> Told:
    """Redis drops the connections of those who listen, right before a change, again and again."""
    cluster.counter.pause()
    with redis.Redis.from_url(cluster.redis.url) as client:
        for _ in range(LOSSES):
            wait_until(lambda: len(_listeners(client)) == RELAYS, PATIENCE, "listeners")
            client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
            cluster.counter.step()
            cluster.await_newest()
    return Told()


FAULTS: dict[str, Fault] = {
    "leader killed (-9), started again after 1 s": leader_killed,
    "leader stopped past its lease, continued": leader_stopped,
    "Redis killed (-9), back empty": redis_killed,
    "Redis hangs, goes on": redis_stopped,
    "flag server down, flags change meanwhile": upstream_down,
    "no Redis at the start, comes later": redis_late,
    "announcements lost": announcements_lost,
}


def _any_leader(cluster: Cluster, since: float) -> float:
    wait_until(lambda: cluster.leader() is not None, PATIENCE, "a leader")
    return time.monotonic() - since


def _alone(cluster: Cluster, away: float) -> None:
    wait_until(lambda: cluster.roles() == ["alone"] * RELAYS, PATIENCE, "relays that stream for themselves")
    cluster.await_newest()
    time.sleep(away)


def _listeners(client: redis.Redis) -> list[object]:
    return list(client.client_list(_type="pubsub"))
