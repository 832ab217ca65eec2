"""A promise, and the list of all of them; `compat.promises` fills it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

from compat.deployment import Variant
from compat.rig import Rig

__all__ = ["PROMISES", "Promise", "promise"]

Check = TypeVar("Check", bound=Callable[[Rig], "str | None"])


@dataclass(frozen=True)
class Promise:
    """
    One column of a table.

    Attributes:
        title: The column's.
        check: The check.
        applies: To which variants.
        table: Which table.
    """

    title: str
    check: Callable[[Rig], str | None]
    applies: Callable[[Variant], bool]
    table: Literal["promises", "ticker"]

    @property
    def name(self) -> str:
        return self.check.__name__

    @property
    def text(self) -> str:
        """The promise in words."""
        return " ".join((self.check.__doc__ or "").split())

    def __str__(self) -> str:
        return self.name


PROMISES: list[Promise] = []


def promise(
    title: str,
    applies: Callable[[Variant], bool] = lambda variant: True,
    table: Literal["promises", "ticker"] = "promises",
) -> Callable[[Check], Check]:
    """Make the decorated check a promise, after those that are there."""

    def add(check: Check) -> Check:
        PROMISES.append(Promise(title, check, applies, table))
        return check

    return add
