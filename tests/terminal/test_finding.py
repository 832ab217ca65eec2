"""What one check found."""

from __future__ import annotations

import dataclasses

import pytest

from soasap._terminal.finding import Finding, failure, ok, warning
from soasap._terminal.troubles import Trouble


def test_kinds() -> None:
    """There are three verdicts; facts are for programs."""
    found = [
        ok("a", "fine", n=1),
        warning("b", "odd", "look", Trouble.URL),
        failure("c", "broken", "mend", Trouble.KEY),
    ]

    assert ["ok", "warning", "failure"] == [finding.verdict for finding in found]
    assert {"n": 1} == found[0].facts


@pytest.mark.parametrize("verdict", ["warning", "failure"])
def test_trouble_comes_with_advice(verdict: str) -> None:
    """A finding that is not fine says what to do and where to read more."""
    with pytest.raises(ValueError, match=f"a {verdict} without advice"):
        Finding("a", verdict, "broken", "mend")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=f"a {verdict} without advice"):
        Finding("a", verdict, "broken", trouble=Trouble.KEY)  # type: ignore[arg-type]


def test_findings_stay() -> None:
    """A finding cannot be changed."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        ok("a", "fine").words = "else"  # type: ignore[misc]
