"""A client under threads, whatever service, disk, forks and application do, in any order."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.state_machine.machine import ClientMachine

EVERYDAY = settings(
    max_examples=25,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def test_whatever_happens() -> None:
    """Whatever happens, in whatever order, the client is what the contract says."""
    run_state_machine_as_test(ClientMachine, settings=EVERYDAY)
