"""The API key: there, and shaped like one. Its characters are counted and never shown."""

from __future__ import annotations

import re

from soasap._sansio.options import check_options
from soasap._terminal.finding import Finding, failure, ok, warning
from soasap._terminal.settings import KEY_VARIABLE
from soasap._terminal.troubles import Trouble
from soasap.types import SoasapClientOptions

__all__ = ["check_key"]

_ODD = (
    (re.compile(r"\s.*|.*\s", re.DOTALL), "has white space around it"),
    (re.compile(r"(['\"]).*\1"), "is wrapped in quotation marks, which are sent too"),
    (re.compile(r".*\$\{.*|\$\w+|<.*>"), "looks like a placeholder that nobody has filled in"),
    (re.compile(r"(?i)(bearer|x-api-key)\b.*"), "begins like a header; the key alone belongs there"),
)
"""What a service cannot have meant, by the whole of a key."""


def check_key(key: str | None) -> Finding:
    """
    Whether there is a key that a header can carry.

    Args:
        key: As the environment has it; `None` if it has none.
    """
    if key is None or not key.strip():
        return failure(
            "key",
            f"{KEY_VARIABLE} {'is not set' if key is None else 'is empty'}",
            f"put the API key of one environment into {KEY_VARIABLE}",
            Trouble.KEY,
            present=False,
        )
    try:
        checked = check_options(SoasapClientOptions(api_key=key)).api_key
    except ValueError as error:
        return failure(
            "key",
            f"{KEY_VARIABLE}: {error}",
            "copy the key anew, without anything around it",
            Trouble.KEY,
            present=True,
        )
    for pattern, words in _ODD:
        if pattern.fullmatch(checked):
            return warning(
                "key",
                f"{KEY_VARIABLE} is set, {len(checked)} characters, and {words}",
                "copy the key anew, without anything around it",
                Trouble.KEY,
                present=True,
            )
    return ok("key", f"{KEY_VARIABLE} is set, {len(checked)} characters (not shown)", present=True)
