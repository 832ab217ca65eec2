"""
A million clients on relays: arithmetic past the machines at hand.

`python -m tests.fleet.million` prints the tables. What one relay costs was measured, by the subject "relay" of
`tests.benchmarks`; how clients come back is the real backoff; the rest is multiplication. Relays are alike, and clients
choose among them by chance, so it is enough to follow what one relay sees.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from random import Random

from tests.fleet.delays import OurDelays
from tests.fleet.weather import HEALTHY_HOUR, SEED, Record, busiest

CLIENTS = 1_000_000
RESPONSE_TIMEOUT = 15.0
"""Seconds after which a client gives up an attempt that nobody has answered: the default of the option of this name."""


@dataclass(frozen=True)
class Costs:
    """
    What was measured on one relay process, on one core of the machine at hand.

    Attributes:
        stream_bytes: Memory of an idle stream.
        base_bytes: Memory of a relay without any.
        payload_bytes: Of the snapshot that was sent.
        send_seconds: From the write upstream to the last client, for each client.
        accept_seconds: Of its processor, to accept a client and hand it the snapshot.
    """

    stream_bytes: float = 24_000.0
    base_bytes: float = 38.5e6
    payload_bytes: int = 50_000
    send_seconds: float = 1.07 / 10_000
    accept_seconds: float = 0.474e-3


@dataclass(frozen=True)
class Fleet:
    """So many relay processes that the last client has a change within two seconds."""

    costs: Costs
    within: float = 2.0

    @property
    def clients_per_relay(self) -> int:
        return int(self.within / self.costs.send_seconds)

    @property
    def relays(self) -> int:
        return ceil(CLIENTS / self.clients_per_relay)

    @property
    def relay_bytes(self) -> float:
        return self.costs.base_bytes + CLIENTS / self.relays * self.costs.stream_bytes


def reconnect(clients: int, accept_seconds: float, away: float = 0.0) -> Record:
    """
    What one relay sees of clients that lost their streams at once.

    Args:
        clients: How many come to it.
        accept_seconds: How long each keeps it busy; the others wait, and give up after `RESPONSE_TIMEOUT`.
        away: Seconds for which it refuses everybody.
    """
    record, chance = Record(), Random(SEED)
    arrivals: list[tuple[float, int]] = []
    waiting = [OurDelays(chance) for _ in range(clients)]
    for number, client in enumerate(waiting):
        arrivals.append((client.after_stream(HEALTHY_HOUR), number))
    heapq.heapify(arrivals)
    free_at = away
    while arrivals:
        moment, number = heapq.heappop(arrivals)
        record.attempts.append(moment)
        if moment < away:
            heapq.heappush(arrivals, (moment + waiting[number].after_failure(), number))
            continue
        free_at = max(free_at, moment) + accept_seconds
        if free_at - moment <= RESPONSE_TIMEOUT:
            record.streams.append(free_at)
            record.returns.append(free_at - away)
        else:  # it was served after it had left
            again = moment + RESPONSE_TIMEOUT + waiting[number].after_failure()
            heapq.heappush(arrivals, (again, number))
    return record


def needs(fleet: Fleet) -> Iterator[str]:
    """What a million clients need, as rows of a Markdown table."""
    payload = fleet.costs.payload_bytes
    per_relay = CLIENTS / fleet.relays * payload
    yield "| a million clients need | |"
    yield "| --- | --: |"
    yield f"| relay processes, a core each, for the last client within {fleet.within:g} s | {fleet.relays} |"
    yield f"| clients on each | {CLIENTS // fleet.relays:,} |"
    yield f"| memory of each | {fleet.relay_bytes / 1e6:,.0f} MB |"
    yield f"| upstream streams, without relays / on their own / with Redis | {CLIENTS:,} / {fleet.relays} / 1 |"
    yield f"| bytes of a change of {payload // 1000} kB: upstream | {payload / 1e3:,.0f} kB |"
    yield f"| ... out of Redis | {payload * (fleet.relays - 1) / 1e6:,.1f} MB |"
    yield f"| ... out of each relay | {per_relay / 1e9:,.1f} GB |"
    yield f"| ... at 10 Gbit/s for each relay | {per_relay * 8 / 10e9:,.1f} s |"
    yield f"| ... to all clients | {CLIENTS * payload / 1e9:,.0f} GB |"


def weathers(fleet: Fleet) -> Iterator[str]:
    """What happens when relays die, as rows of a Markdown table."""
    relays, each = fleet.relays, CLIENTS // fleet.relays
    yield "| what happens | clients that come | to each relay | busiest 100 ms there | back: p50 | p99 | last |"
    yield "| --- | --: | --: | --: | --: | --: | --: |"
    for name, lost, left, away in (
        (f"one of {relays} relays dies", each, relays - 1, 0.0),
        ("one of four racks dies", CLIENTS // 4, relays - relays // 4, 0.0),
        ("half of them die", CLIENTS // 2, relays - relays // 2, 0.0),
        ("all streams are cut at once", CLIENTS, relays, 0.0),
        ("all relays are away for 60 s", CLIENTS, relays, 60.0),
    ):
        record = reconnect(round(lost / left), fleet.costs.accept_seconds, away)
        times = " | ".join(f"{record.back_within(share):.1f} s" for share in (0.5, 0.99, 1))
        yield f"| {name} | {lost:,} | {round(lost / left):,} | {busiest(record.attempts):,} | {times} |"


def main() -> None:
    fleet = Fleet(Costs())
    print("\n".join(needs(fleet)), end="\n\n")
    print("\n".join(weathers(fleet)))


if __name__ == "__main__":
    main()
