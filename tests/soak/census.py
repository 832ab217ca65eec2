"""What the process holds: memory, descriptors, threads, greenlets (Linux)."""

from __future__ import annotations

import gc
import os
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from tests.concurrency.worlds import World

LOOKS = 40
PAUSE = 0.05
"""Seconds between two looks: a save holds a descriptor for a few milliseconds, and must not be what we see."""


@dataclass(frozen=True)
class Census:
    """
    One count.

    Attributes:
        rss: Resident memory, in KiB, after the garbage collector ran.
        descriptors: Open ones, as most looks found them.
        threads: Of the operating system, as most looks found them; without those of gevent's pool.
        pool: Those, which come when they are needed and go after 5 idle seconds; as most looks found them.
        greenlets: That have begun and not ended; 0 without greenlet.
    """

    rss: int
    descriptors: int
    threads: int
    pool: int
    greenlets: int


def take_census(world: World, is_calm: Callable[[], bool]) -> Census:
    """Count at moments when `is_calm` says that things are as they mostly are."""
    descriptors: Counter[int] = Counter()
    threads: Counter[int] = Counter()
    pool: Counter[int] = Counter()
    for _ in range(LOOKS):
        world.wait(is_calm, "a calm moment for the census", 120)
        descriptors[_descriptors()] += 1
        threads[_threads() - _pool()] += 1
        pool[_pool()] += 1
        world.sleep(PAUSE)
    gc.collect()
    return Census(resident(), _most(descriptors), _most(threads), _most(pool), _greenlets())


def resident() -> int:
    """Resident memory of this process, in KiB."""
    return int(_field("VmRSS"))


def _descriptors() -> int:
    return len(os.listdir("/proc/self/fd")) - 1  # one is the listing's own


def _threads() -> int:
    return int(_field("Threads"))


def _pool() -> int:
    gevent = sys.modules.get("gevent")
    return 0 if gevent is None else int(gevent.get_hub().threadpool.size)


def _field(name: str) -> str:
    with open("/proc/self/status") as status:
        return next(line.split()[1] for line in status if line.startswith(name + ":"))


def _greenlets() -> int:
    greenlet = sys.modules.get("greenlet")
    if greenlet is None:
        return 0
    return sum(1 for each in gc.get_objects() if isinstance(each, greenlet.greenlet) and bool(each))


def _most(seen: Counter[int]) -> int:
    return seen.most_common(1)[0][0]
