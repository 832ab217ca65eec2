"""
The state machine for as long as one likes, under threads or under gevent.

    python -m tests.state_machine --minutes 15
    python -m tests.state_machine --minutes 15 --gevent

Prints how many walks and steps were made, in which states of the world, and ends with status 1 at the first walk that
does not hold, shrunk and printed as a program.
"""

from __future__ import annotations

import argparse
import sys

if "--gevent" in sys.argv:
    # Before anything else is imported, as applications do.
    import gevent.monkey

    gevent.monkey.patch_all()

import logging
import time

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.state_machine.machine import ClientMachine, ClientMachineWithoutForks

WALKS_PER_ROUND = 100


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.state_machine")
    parser.add_argument("--minutes", type=float, default=0.0, help="how long, at least")
    parser.add_argument("--walks", type=int, default=WALKS_PER_ROUND, help="walks in each round, and at least")
    parser.add_argument("--steps", type=int, default=40, help="steps of a walk, at most")
    parser.add_argument("--gevent", action="store_true", help="patch everything first; then nothing forks")
    parser.add_argument("--unshrunk", action="store_true", help="end at once when a walk does not hold")
    options = parser.parse_args()
    logging.getLogger("soasap").addHandler(logging.NullHandler())
    machine = ClientMachineWithoutForks if options.gevent else ClientMachine
    walk = settings(
        max_examples=options.walks,
        stateful_step_count=options.steps,
        deadline=None,
        database=None,  # each round is a new one
        phases=[Phase.generate] if options.unshrunk else [Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    started = time.monotonic()
    rounds = 0
    while rounds == 0 or time.monotonic() - started < options.minutes * 60:
        run_state_machine_as_test(machine, settings=walk)
        rounds += 1
    for state, steps in sorted(machine.steps.items()):
        print(f"{steps:8} steps {state}")
    print(f"{machine.steps.total()} steps in {rounds} rounds, {time.monotonic() - started:.0f} s: all held")


if __name__ == "__main__":
    main()
