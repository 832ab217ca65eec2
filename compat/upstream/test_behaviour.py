"""Release 1.0.3 from PyPI and ours, in the same situations: each shows what the table in `situations.py` says."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeAlias

import pytest

from compat.upstream.sides import Side, Situation, facts, python_of
from compat.upstream.situations import SITUATIONS

AT_ONCE = 4
"""Programs that run side by side; they wait most of the time."""

SIDES: tuple[Side, ...] = ("theirs", "ours")
ROWS = [(situation, side) for situation in SITUATIONS for side in SIDES]

Told: TypeAlias = Callable[[Situation, Side], list[Any]]


@pytest.fixture(scope="module")
def told(request: pytest.FixtureRequest) -> Iterator[Told]:
    """What a side tells of a situation. The programs that were asked for run a little ahead of us."""
    wanted: list[tuple[Situation, Side]] = []
    for item in request.session.items:
        if isinstance(item, pytest.Function) and item.function is test_situation:
            parameters: Mapping[str, Any] = item.callspec.params
            wanted.append((parameters["situation"], parameters["side"]))
    pythons = {side: python_of(side) for side in {side for _, side in wanted}}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        running: dict[tuple[str, Side], Future[list[Any]]] = {
            (situation.name, side): pool.submit(facts, situation, pythons[side]) for situation, side in wanted
        }
        yield lambda situation, side: running[situation.name, side].result()
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize(("situation", "side"), ROWS, ids=[f"{row.name}: {side}" for row, side in ROWS])
def test_situation(situation: Situation, side: Side, told: Told) -> None:
    """Each side behaves as the table says."""
    expected = situation.theirs if side == "theirs" else situation.ours

    assert expected == told(situation, side), situation.why


def test_rows_are_complete() -> None:
    """Each row has a name of its own and a reason; where both sides are the same, the reason says so."""
    assert len(SITUATIONS) == len({situation.name for situation in SITUATIONS})
    for situation in SITUATIONS:
        assert situation.why.endswith(".")
        assert (situation.theirs == situation.ours) is situation.why.startswith("The same"), situation.name
