"""Prints the figures of the fleet as two Markdown tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TypeAlias

from tests.fleet.delays import Delays, OurDelays, ReleasedDelays
from tests.fleet.weather import CLIENTS, Record, busiest, cut_every, outage, unreachable

Weathers: TypeAlias = dict[str, Callable[[type[Delays]], Record]]

OUTAGES: Weathers = {
    **{f"cut at once, refused for {seconds} s": partial(outage, seconds=seconds) for seconds in (0, 3, 60, 600)},
    **{f"cut at once, no answer for {seconds} s": partial(unreachable, seconds=seconds) for seconds in (60, 600)},
}

RHYTHMS: Weathers = {
    "a balancer cuts every 55 s, for an hour": partial(cut_every, lived=55, duration=3600),
    "a server cuts after 5 s, for 10 min": partial(cut_every, lived=5, duration=600),
    "a server cuts at once, for 4 min": partial(cut_every, lived=0.05, duration=240),
}

FLEETS: dict[str, type[Delays]] = {"1.0.3": ReleasedDelays, "ours": OurDelays}


def row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def outage_rows(weathers: Weathers) -> Iterator[str]:
    yield row("weather", "delays", "attempts, busiest 100 ms", "streams, busiest 100 ms", "back: p50", "p99", "last")
    yield row("---", "---", "--:", "--:", "--:", "--:", "--:")
    for name, weather in weathers.items():
        for whose, delays in FLEETS.items():
            record = weather(delays)
            times = (f"{record.back_within(share):.1f} s" for share in (0.5, 0.99, 1))
            yield row(name, whose, f"{busiest(record.attempts):,}", f"{busiest(record.streams):,}", *times)


def rhythm_rows(weathers: Weathers) -> Iterator[str]:
    yield row("weather", "delays", "attempts, busiest 100 ms", "attempts a second, on average", "time connected")
    yield row("---", "---", "--:", "--:", "--:")
    for name, weather in weathers.items():
        for whose, delays in FLEETS.items():
            record = weather(delays)
            yield row(name, whose, f"{busiest(record.attempts):,}", f"{record.rate:,.0f}", f"{record.connected:.1%}")


def main() -> None:
    print(f"{CLIENTS:,} clients. An attempt is whatever reaches the server; a stream is an attempt that it serves.")
    print("Times are from the server's return, or from the cut where it never went.\n")
    print("\n".join(outage_rows(OUTAGES)), end="\n\n")
    print("\n".join(rhythm_rows(RHYTHMS)))


if __name__ == "__main__":
    main()
