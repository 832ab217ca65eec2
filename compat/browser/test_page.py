"""The page of `soasap serve` in a real browser: what people do there, and what attackers try."""

from __future__ import annotations

import pytest

from compat.browser.player import play
from compat.browser.scenarios import SCENARIOS


@pytest.mark.parametrize("name", SCENARIOS)
def test_page(name: str) -> None:
    """Each scenario can be played to its end; its docstring says what it shows."""
    assert "" == play(name)
