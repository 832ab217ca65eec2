"""
What all scenarios are made with: their list, and words for finding things on the page and waiting for them.

A scenario is a function that fails by an exception. Things are found by role and name, as assistive technology finds
them, and Playwright waits by itself until they are there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from compat.waiting import eventually

if TYPE_CHECKING:
    from compat.browser.stage import Stage

__all__ = [
    "SCENARIOS",
    "await_checked",
    "await_client",
    "await_text",
    "await_value",
    "field",
    "note",
    "scenario",
    "switch",
]

SCENARIOS: dict[str, Callable[[Stage], None]] = {}


def scenario(play: Callable[[Stage], None]) -> Callable[[Stage], None]:
    """Put a function into the list, under its own name."""
    SCENARIOS[play.__name__] = play
    return play


def switch(page: Any, key: str) -> Any:
    return page.get_by_role("switch", name=key, exact=True)


def field(page: Any, key: str) -> Any:
    return page.get_by_role("textbox", name=key, exact=True)


def note(page: Any, key: str) -> Any:
    return page.locator(f'[data-key="{key}"] .note')


def await_text(locator: Any, part: str) -> None:
    eventually(lambda: part in locator.text_content(), f"{part!r}")


def await_value(locator: Any, value: str) -> None:
    eventually(lambda: locator.input_value() == value, f"the value {value!r}")


def await_checked(locator: Any, checked: bool) -> None:
    eventually(lambda: locator.get_attribute("aria-checked") == str(checked).lower(), f"checked: {checked}")


def await_client(stage: Stage, key: str, value: int) -> None:
    eventually(lambda: stage.client.get_int(key, -1) == value, f"{key}: {value} at the client")
