"""A cluster with a fault, from beginning to end, and what its readers saw of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.fleet.cluster import PATIENCE, RELAYS, Cluster
from tests.fleet.faults import Fault, Told, redis_late
from tests.fleet.recorders import latest_change
from tests.waiting import wait_until

__all__ = ["Finding", "run"]


@dataclass
class Finding:
    """
    A fault and what the readers saw of it. Seconds.

    Attributes:
        told: By the fault itself.
        others: The slowest change at readers of relays that were not struck.
        struck: The same at readers of those that were; 0 if none was.
        last: From the writing of the last number, after all was healed, to its last reader.
        streams: The most upstream streams at a time.
        steps_back: How often any reader saw an older number after a newer one.
    """

    told: Told
    others: float
    struck: float
    last: float
    streams: int
    steps_back: int


def run(fault: Fault, directory: Path, *, away: float) -> Finding:
    """
    Build a cluster, let its counter run, hurt it, and let it heal until every reader has the last number.

    Args:
        fault: Hurts it.
        directory: For its files.
        away: Seconds of an outage; the flags change meanwhile.
    """
    with Cluster(directory, redis_runs=fault is not redis_late) as cluster:
        cluster.counter.run()
        cluster.await_newest()
        told = fault(cluster, away)
        if told.streams_due == RELAYS:
            wait_until(lambda: cluster.roles().count("follower") == RELAYS - 1, PATIENCE, "one leader, two followers")
        last = cluster.settle()
        written, records = cluster.counter.written, cluster.records
        return Finding(
            told,
            others=latest_change(written, [each for each in records if each.relay not in told.struck]),
            struck=latest_change(written, [each for each in records if each.relay in told.struck]),
            last=last,
            streams=cluster.most_streams,
            steps_back=sum(len(record.steps_back()) for record in records),
        )
