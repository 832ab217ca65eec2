"""Reports and log lines of trouble that lasts: enough to know, never without end."""

from __future__ import annotations

import logging
import threading

import pytest

from soasap import SoasapErrorContext
from soasap._runtime.callbacks import QUEUE_LENGTH
from soasap.exceptions import ConnectionFailed
from tests.addresses import free_port
from tests.clients import open_client
from tests.faults.weather import survive
from tests.flagserver import Connection
from tests.time_lapse import TimeLapse
from tests.waiting import wait_until

ATTEMPTS = 2 * QUEUE_LENGTH


def test_one_warning_for_an_outage(caplog: pytest.LogCaptureFixture) -> None:
    """However many attempts fail alike, each is one report, and all of them are one WARNING."""
    errors: list[SoasapErrorContext] = []
    lapse = TimeLapse()
    with open_client(f"http://127.0.0.1:{free_port()}", backend=lapse, on_error=errors.append) as client:
        client.get_int("n")
        wait_until(lambda: 30 <= len(errors), 30, "thirty reports")
        wait_until(lambda: len(errors) >= len(lapse.delays), message="as many reports as attempts")

        assert len(errors) <= client.status().errors <= len(errors) + 1
    warnings = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert 1 == len(warnings), [record.message for record in warnings]


def unauthorized(connection: Connection) -> None:
    connection.answer(401)


def unavailable(connection: Connection) -> None:
    connection.answer(503)


def test_one_warning_per_kind(caplog: pytest.LogCaptureFixture) -> None:
    """Trouble of another kind, or another status, is news; the same again is not, while no stream was healthy."""
    survival = survive(unauthorized, unavailable, unauthorized, unavailable, unauthorized)

    assert 5 == len(survival.errors)
    warnings = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    assert [True, False] == ["401" in message for message in warnings]
    assert [False, True] == ["503" in message for message in warnings]


def test_handler_that_blocks_through_an_outage() -> None:
    """A handler that does not come back costs no memory: a hundred reports wait, the others are counted in the next."""
    entered, go_on = threading.Event(), threading.Event()
    errors: list[SoasapErrorContext] = []

    def block(context: SoasapErrorContext) -> None:
        entered.set()
        go_on.wait(60)
        errors.append(context)

    with open_client(f"http://127.0.0.1:{free_port()}", backend=TimeLapse(), on_error=block) as client:
        client.get_int("n")
        assert entered.wait(10)
        wait_until(lambda: ATTEMPTS <= client.status().errors, 60, "two hundred failures")
        left_out = client.status().errors - QUEUE_LENGTH - 1
        go_on.set()
        wait_until(lambda: any(omitted(error) for error in errors), 30, "the report that counts the others")
        first = next(error for error in errors if omitted(error))

        assert left_out <= omitted(first) <= left_out + 50  # a few more while the queue was emptied
        assert QUEUE_LENGTH + 1 == errors.index(first)
        assert f"{omitted(first)} more reports were left out" in str(first.exception)


def omitted(error: SoasapErrorContext) -> int:
    assert isinstance(error.exception, ConnectionFailed)
    return error.exception.omitted
