"""Reads that miss are told of once, by the task, and never by the read."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from soasap._runtime.misreads import CAPACITY, Misreads


@pytest.fixture(autouse=True)
def _level(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with caplog.at_level(logging.INFO, logger="soasap"):
        yield


def test_another_type_is_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    """A flag of another type is one warning, however often it is read, with both types and without the value."""
    misreads = Misreads()
    for _ in range(3):
        misreads.note("limit", "a number", "secret")

    assert [] == caplog.messages
    misreads.tell({"limit": "secret"})
    misreads.note("limit", "a number", "secret")
    misreads.tell({"limit": "secret"})
    assert ["soasap: the flag 'limit' is a string, asked for as a number: that reads as the default"] == caplog.messages
    assert ["WARNING"] == [record.levelname for record in caplog.records]


def test_unknown_keys_are_for_debugging(caplog: pytest.LogCaptureFixture) -> None:
    """Whether anybody wants to know of unknown keys is found out by the task; then each is told of once, at DEBUG."""
    misreads = Misreads()
    wanted: list[bool] = []
    misreads.on_curiosity = wanted.append
    misreads.tell({})

    assert [] == wanted
    with caplog.at_level(logging.DEBUG, logger="soasap"):
        misreads.tell({})
        misreads.tell({})
        misreads.note("unknown", "a boolean", None)
        misreads.note("early", "a boolean", None)
        misreads.tell({"early": True})
        misreads.note("unknown", "a boolean", None)
        misreads.tell({"early": True})
    misreads.tell({})

    assert [True, False] == wanted
    assert ["soasap: there is no flag 'unknown': it reads as the default"] == caplog.messages


def test_unknown_first_and_of_another_type_later(caplog: pytest.LogCaptureFixture) -> None:
    """Who was told that a flag is unknown is still told when it comes and does not fit."""
    misreads = Misreads()
    misreads.note("late", "a boolean", None)
    misreads.tell({})
    misreads.note("late", "a boolean", [1])
    misreads.tell({"late": [1]})

    assert ["soasap: the flag 'late' is an array, asked for as a boolean: that reads as the default"] == caplog.messages


def test_bounded(caplog: pytest.LogCaptureFixture) -> None:
    """A thousand keys are told of in a client's life: keys may come from requests."""
    misreads = Misreads()
    for round_ in range(3):
        for number in range(800):
            misreads.note(f"key-{round_}-{number}", "a boolean", 1)
        misreads.tell({})

    assert CAPACITY == len(caplog.messages)


@pytest.mark.parametrize("key", [None, 7, ("a",), b"limit"])
def test_keys_that_no_flag_has(key: object, caplog: pytest.LogCaptureFixture) -> None:
    """What is not a string is no flag's key, and not noted."""
    misreads = Misreads()
    misreads.note(key, "a boolean", 1)
    misreads.tell({})

    assert [] == caplog.messages
