"""Reports: counted, logged once per kind, handed on within limits."""

from __future__ import annotations

import logging
import sys
import threading
import time

import pytest

from soasap._runtime.callbacks import Callbacks
from soasap._runtime.reporter import PARSER_LIMIT, Reporter
from soasap._runtime.vitals import Vitals
from soasap.exceptions import CertificateRefused, ConnectionFailed, InvalidPayload, PayloadTooLarge, UnexpectedAnswer
from soasap.types import SoasapErrorSource
from tests.runtime.fakes import SECRET, World

NETWORK, DISK, PARSER = SoasapErrorSource.NETWORK, SoasapErrorSource.DISK, SoasapErrorSource.PARSER


@pytest.fixture
def world() -> World:
    return World()


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in caplog.records if record.levelno == logging.WARNING]


def test_every_error_counts_and_the_newest_is_kept(world: World) -> None:
    """`status()` sees each error, and the last one with its source and time."""
    first, second = ConnectionFailed("first"), InvalidPayload("second")
    world.reporter.report(first, NETWORK)
    world.reporter.report(second, PARSER)

    assert 2 == world.vitals.errors
    assert [first, second] == [context.exception for context in world.reported()]
    assert world.vitals.last_error is world.errors[-1]


@pytest.mark.parametrize(
    ("expected", "error"),
    [
        (True, ConnectionFailed("x")),
        (False, CertificateRefused("x")),
        (False, UnexpectedAnswer("x", status=401, is_transient=False)),
        (True, UnexpectedAnswer("x", status=503, is_transient=True)),
        (False, InvalidPayload("x")),
        (True, PayloadTooLarge(5)),
        (True, RuntimeError("foreign")),
    ],
)
def test_transience(world: World, expected: bool, error: Exception) -> None:
    """Our errors say themselves whether trying again helps; a foreign one may pass."""
    world.reporter.report(error, NETWORK)

    assert [expected] == [context.is_transient for context in world.reported()]


def test_what_is_kept_holds_no_frames(world: World) -> None:
    """One of our errors keeps nothing of where it was raised, a payload say; a foreign one keeps its traceback."""
    for error in (InvalidPayload("ours"), RuntimeError("foreign")):
        try:
            raise error
        except Exception as raised:
            world.reporter.report(raised, PARSER)

    ours, foreign = [context.exception for context in world.reported()]
    assert ours.__traceback__ is None
    assert foreign.__traceback__ is not None


def test_warning_once_per_kind(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """A part that fails the same way again and again warns once; another way, or status, is news."""
    caplog.set_level(logging.DEBUG)
    for _ in range(3):
        world.reporter.report(ConnectionFailed("refused"), NETWORK)
        world.reporter.report(UnexpectedAnswer("a", status=503, is_transient=True), NETWORK)
        world.reporter.report(UnexpectedAnswer("b", status=401, is_transient=False), NETWORK)
        world.reporter.report(ConnectionFailed("refused"), DISK)

    assert [
        "soasap: network error: ConnectionFailed: refused",
        "soasap: network error: UnexpectedAnswer: a",
        "soasap: network error: UnexpectedAnswer: b",
        "soasap: disk error: ConnectionFailed: refused",
    ] == warnings(caplog)
    assert 12 == len(caplog.records)


def test_recovery_makes_it_news_again(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """After a part has recovered its next error is logged again; other parts are not concerned."""
    world.reporter.recovered(NETWORK)
    for _ in range(2):
        world.reporter.report(ConnectionFailed("x"), NETWORK)
        world.reporter.report(InvalidPayload("y"), PARSER)
        world.reporter.recovered(NETWORK)

    assert 2 == sum("network" in text for text in warnings(caplog))
    assert 1 == sum("parser" in text for text in warnings(caplog))


def test_secret_is_never_logged(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """A foreign error that quotes the API key is logged without it, and handed on as it is."""
    error = RuntimeError(f"cannot send {SECRET} to the service")
    world.reporter.report(error, NETWORK)

    assert ["soasap: network error: RuntimeError: cannot send *** to the service"] == warnings(caplog)
    assert error is world.reported()[0].exception


def test_parser_reports_are_limited(world: World) -> None:
    """At most ten PARSER reports pass in a minute; the next one tells how many were left out."""
    for _ in range(25):
        world.reporter.report(InvalidPayload("bad"), PARSER)
    assert PARSER_LIMIT == len(world.reported())
    assert 25 == world.vitals.errors

    world.clock.now += 60
    world.reporter.report(InvalidPayload("bad"), PARSER)

    assert "bad (15 more reports were left out before this one)" == str(world.reported()[-1].exception)
    assert [0] * 10 + [15] == [getattr(context.exception, "omitted", None) for context in world.errors]
    world.reporter.report(InvalidPayload("bad"), PARSER)
    assert "bad" == str(world.reported()[-1].exception)


def test_other_sources_are_neither_limited_nor_counted_there(world: World) -> None:
    """NETWORK reports pass however many PARSER reports do not, and do not speak for them."""
    for _ in range(20):
        world.reporter.report(InvalidPayload("bad"), PARSER)
        world.reporter.report(ConnectionFailed("down"), NETWORK)

    passed = [context for context in world.reported() if context.source is NETWORK]
    assert [0] * 20 == [getattr(context.exception, "omitted", None) for context in passed]


def test_full_queue_is_counted(world: World) -> None:
    """While a handler blocks a hundred reports wait; those beyond are counted in the next of their source."""
    for _ in range(130):
        world.reporter.report(ConnectionFailed("down"), NETWORK)
    assert 100 == len(world.reported())
    world.reporter.report(ConnectionFailed("down"), NETWORK)

    assert "down (30 more reports were left out before this one)" == str(world.reported()[-1].exception)
    assert 131 == world.vitals.errors


def test_count_survives_another_full_queue(world: World) -> None:
    """A report that told the count and found no place hands it on to the next."""
    for _ in range(105):
        world.reporter.report(ConnectionFailed("down"), NETWORK)
    told = [context.exception for context in world.reported()]
    world.reporter.report(ConnectionFailed("down"), NETWORK)

    assert 100 == len(told)
    assert 5 == getattr(world.reported()[-1].exception, "omitted", None)


def test_foreign_errors_leave_the_count_to_the_next(world: World) -> None:
    """Only our own errors can carry the count; a foreign one in between loses nothing."""
    for _ in range(103):
        world.reporter.report(ConnectionFailed("down"), NETWORK)
    world.reported()
    world.reporter.report(RuntimeError("foreign"), NETWORK)
    world.reporter.report(ConnectionFailed("down"), NETWORK)

    assert ["foreign", "down (3 more reports were left out before this one)"] == [
        str(context.exception) for context in world.reported()[-2:]
    ]


def test_without_a_handler(caplog: pytest.LogCaptureFixture) -> None:
    """Nobody to tell: still counted, still logged, nothing queued."""
    callbacks, vitals = Callbacks(), Vitals()
    reporter = Reporter(None, callbacks, vitals, SECRET, time.monotonic)
    for _ in range(200):
        reporter.report(InvalidPayload("bad"), PARSER)

    assert 200 == vitals.errors
    assert 1 == len(warnings(caplog))
    assert all(callbacks.post(lambda: None) for _ in range(100))


def test_information_and_single_warnings(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """What is no error is logged at INFO; what an operator should see is warned of once, and counts nowhere."""
    caplog.set_level(logging.INFO)
    world.reporter.info("connected to %s", "it")
    for _ in range(3):
        world.reporter.warn_once("nothing can run here")

    assert ["connected to it", "soasap: nothing can run here"] == [record.message for record in caplog.records]
    assert 0 == world.vitals.errors


def test_two_tasks_report_and_recover_at_once(caplog: pytest.LogCaptureFixture) -> None:
    """One task's first warning of a kind and another's recovery may meet: neither fails."""
    caplog.set_level(logging.CRITICAL)
    reporter = Reporter(None, Callbacks(), Vitals(), SECRET, time.monotonic)
    kinds = [type(f"Kind{number}", (Exception,), {}) for number in range(50)]
    stop = threading.Event()

    def report() -> None:
        while not stop.is_set():
            for kind in kinds:
                reporter.report(kind("x"), NETWORK)
            reporter.recovered(NETWORK)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    reporting = threading.Thread(target=report)
    reporting.start()
    try:
        deadline = time.monotonic() + 0.5
        while time.monotonic() < deadline:
            reporter.recovered(DISK)
    finally:
        stop.set()
        reporting.join(10)
        sys.setswitchinterval(interval)
