"""The error tree: as drawn, and with the built-in types that release 1.0.3 reported."""

from __future__ import annotations

import re

import pytest

from soasap import exceptions
from soasap.exceptions import PayloadTooLarge, SoasapError, UnexpectedAnswer


def test_tree_is_as_drawn() -> None:
    """The drawing in the module's docstring names every class, under its base and with its built-in type."""
    drawn: dict[str, tuple[str, str | None]] = {}
    above: dict[int, str] = {}
    for indent, name, builtin in re.findall(r"^ {4}([│├└─ ]*)(\w+)(?: \((\w+)\))?(?:  .*)?$", _drawing(), re.MULTILINE):
        above[len(indent)] = name
        drawn[name] = (above.get(len(indent) - 4, "Exception"), builtin or None)

    assert set(exceptions.__all__) == set(drawn)
    for name, (base, builtin) in drawn.items():
        bases = [each.__name__ for each in getattr(exceptions, name).__bases__]
        assert [base, *([builtin] if builtin else [])] == bases, name


def _drawing() -> str:
    assert exceptions.__doc__ is not None
    return exceptions.__doc__.partition("::\n")[2]


def test_what_was_left_out_is_said() -> None:
    """An error that stands for others says how many; alone it says only itself."""
    error = SoasapError("no stream")
    alone = str(error)
    error.omitted = 3

    assert "no stream" == alone
    assert "no stream (3 more reports were left out before this one)" == str(error)


def test_payload_too_large_gives_the_number() -> None:
    """The message has the number of bytes allowed, and another event may well be smaller."""
    error = PayloadTooLarge(5_242_880)

    assert "5242880" in str(error)
    assert (5_242_880, True) == (error.limit, error.is_transient)


@pytest.mark.parametrize("lasting", [True, False])
def test_unexpected_answer_keeps_what_it_was_given(lasting: bool) -> None:
    """Status, judgement and Retry-After travel with the error to the backoff."""
    error = UnexpectedAnswer("503", status=503, is_transient=not lasting, is_refusal=lasting, retry_after=7.0)

    assert (503, not lasting, lasting, 7.0) == (error.status, error.is_transient, error.is_refusal, error.retry_after)
