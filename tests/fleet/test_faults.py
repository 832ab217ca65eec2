"""Whatever happens to relays that share a Redis: nobody goes back, everybody gets the last, upstream stays quiet."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fleet.faults import FAULTS
from tests.fleet.finding import run

AWAY_SECONDS = 6.0

LEADER_SECONDS = 10.0 + 2.0
"""The lease and a look, and what a busy machine adds to both."""


@pytest.mark.slow
@pytest.mark.parametrize("name", FAULTS)
def test_fault(name: str, tmp_path: Path) -> None:
    """No reader sees an older number after a newer one, each sees the last, and there are no more streams than due."""
    found = run(FAULTS[name], tmp_path, away=AWAY_SECONDS)

    assert 0 == found.steps_back
    assert found.told.streams_due >= found.streams
    assert LEADER_SECONDS >= (found.told.leader_after or 0.0)
