"""What one check found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from soasap._terminal.troubles import Trouble

__all__ = ["Fact", "Finding", "Verdict", "failure", "ok", "warning"]

Verdict: TypeAlias = Literal["ok", "warning", "failure"]

Fact: TypeAlias = "str | int | float | bool | None"


@dataclass(frozen=True, slots=True)
class Finding:
    """
    What one check found, in words.

    Attributes:
        name: The check, one word.
        verdict: `failure` if flags cannot come, or not be kept, before somebody acts.
        words: What was seen.
        advice: What to do; empty if all is well.
        trouble: Where the README says more; there is one unless all is well.
        facts: The same for programs. Times are seconds.

    Raises:
        ValueError: Something is wrong and there is no advice.
    """

    name: str
    verdict: Verdict
    words: str
    advice: str = ""
    trouble: Trouble | None = None
    facts: Mapping[str, Fact] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.verdict != "ok" and not (self.advice and self.trouble):
            raise ValueError(f"{self.name}: a {self.verdict} without advice helps nobody")


def ok(name: str, words: str, **facts: Fact) -> Finding:
    """All is well."""
    return Finding(name, "ok", words, facts=facts)


def warning(name: str, words: str, advice: str, trouble: Trouble, **facts: Fact) -> Finding:
    """It works, and somebody should look."""
    return Finding(name, "warning", words, advice, trouble, facts)


def failure(name: str, words: str, advice: str, trouble: Trouble, **facts: Fact) -> Finding:
    """It does not work."""
    return Finding(name, "failure", words, advice, trouble, facts)
