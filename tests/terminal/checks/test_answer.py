"""What was heard, judged: by the kind of error and by what was seen, never by words."""

from __future__ import annotations

from typing import Any

import pytest

from soasap._terminal.checks.answer import check_answer, check_event, check_framing
from soasap._terminal.checks.listening import Heard
from soasap._terminal.troubles import Trouble
from soasap.exceptions import (
    CertificateRefused,
    ConnectionFailed,
    InvalidPayload,
    NetworkError,
    RedirectRefused,
    UnexpectedAnswer,
)

TIMEOUT = 10.0


def good(**other: Any) -> Heard:
    fields = {
        "head": 0.01,
        "status": 200,
        "headers": {"Transfer-Encoding": "chunked"},
        "version": 11,
        "comment": 0.02,
        "event": 0.02,
        "seconds": 1.02,
        "flags": 2,
        "size": 30,
    }
    return Heard(**{**fields, **other})


def unexpected(status: int) -> NetworkError:
    return UnexpectedAnswer("unexpected", status=status, is_transient=False)


def test_all_is_well() -> None:
    """A stream whose first event follows its head, in chunks, is fine three times over."""
    heard = good()

    assert ["ok"] * 3 == [
        check_answer(heard, TIMEOUT).verdict,
        check_event(heard, TIMEOUT).verdict,
        check_framing(heard).verdict,
    ]
    assert "2 flags, 30 bytes, 20.0 ms after the start, 10.0 ms after the head" == check_event(heard, TIMEOUT).words


@pytest.mark.parametrize(
    ("error", "status", "by_proxy", "trouble"),
    [
        (unexpected(401), 401, False, Trouble.REFUSED),
        (unexpected(403), 403, False, Trouble.REFUSED),
        (unexpected(404), 404, False, Trouble.ANSWER),
        (unexpected(200), 200, False, Trouble.ANSWER),
        (unexpected(503), 503, False, Trouble.ANSWER),
        (unexpected(407), 407, True, Trouble.PROXY),
        (unexpected(403), 403, True, Trouble.PROXY),
        (CertificateRefused("certificate"), 0, False, Trouble.TLS),
        (RedirectRefused("redirect"), 302, False, Trouble.URL),
        (ConnectionFailed("reset"), 0, False, Trouble.ANSWER),
    ],
)
def test_no_stream(error: NetworkError, status: int, by_proxy: bool, trouble: Trouble) -> None:
    """An answer that is no stream is a failure under the heading that fits, in the client's own words."""
    finding = check_answer(Heard(error=error, status=status, by_proxy=by_proxy, seconds=0.1), TIMEOUT)

    assert ("failure", trouble, str(error)) == (finding.verdict, finding.trouble, finding.words)


def test_no_head_in_time() -> None:
    """A head that was waited for in vain points to somebody who holds it back."""
    finding = check_answer(Heard(error=ConnectionFailed("late"), seconds=TIMEOUT + 0.1), TIMEOUT)

    assert ("failure", Trouble.BUFFERING) == (finding.verdict, finding.trouble)


@pytest.mark.parametrize(("other", "trouble"), [({"redirects": 2}, Trouble.URL), ({"head": 4.0}, Trouble.BUFFERING)])
def test_a_stream_the_long_way(other: dict[str, Any], trouble: Trouble) -> None:
    """Redirects and a late head are warnings."""
    finding = check_answer(good(**other), TIMEOUT)

    assert ("warning", trouble) == (finding.verdict, finding.trouble)


@pytest.mark.parametrize(
    ("other", "verdict", "trouble", "words"),
    [
        ({"comment": None}, "failure", Trouble.BUFFERING, "nothing came in the 10 s after it"),
        ({"comment": 0.1}, "failure", Trouble.BUFFERING, "no event came, only signs of life"),
        ({"comment": 0.1, "unfinished": True}, "failure", Trouble.BUFFERING, "an event began and did not end"),
        ({"ended": 0.5}, "failure", Trouble.ENDING, "ended 490.0 ms after its head, without an event"),
        ({"error": ConnectionFailed("reset")}, "failure", Trouble.ENDING, "broke before its first event: reset"),
    ],
)
def test_no_event(other: dict[str, Any], verdict: str, trouble: Trouble, words: str) -> None:
    """A stream without an event is a failure: somebody holds it back, or ends it."""
    finding = check_event(good(event=None, flags=None, **other), TIMEOUT)

    assert (verdict, trouble) == (finding.verdict, finding.trouble)
    assert words in finding.words


def test_a_late_event() -> None:
    """An event long after the head is a warning: service and head were there."""
    finding = check_event(good(event=5.0), TIMEOUT)

    assert ("warning", Trouble.BUFFERING) == (finding.verdict, finding.trouble)


def test_an_event_that_is_not_believed() -> None:
    """An event that is no flags is a failure, with the reason."""
    finding = check_event(good(flags=None, payload_error=InvalidPayload("no object")), TIMEOUT)

    assert ("failure", Trouble.PAYLOAD) == (finding.verdict, finding.trouble)
    assert "no object" in finding.words


@pytest.mark.parametrize(
    ("other", "verdict", "framing", "trouble"),
    [
        ({"headers": {}}, "ok", "close", None),
        ({"headers": {"Content-Length": "1000"}}, "warning", "length", Trouble.BUFFERING),
        ({"headers": {}, "version": 10}, "warning", "http10", Trouble.BUFFERING),
        ({"ended": 0.03}, "warning", "chunked", Trouble.ENDING),
        ({"headers": {"Transfer-Encoding": "chunked", "Age": "7"}}, "warning", "chunked", Trouble.BUFFERING),
        (
            {"headers": {"Transfer-Encoding": "chunked", "X-Cache": "Hit from x"}},
            "warning",
            "chunked",
            Trouble.BUFFERING,
        ),
    ],
)
def test_framing(other: dict[str, Any], verdict: str, framing: str, trouble: Trouble | None) -> None:
    """Framings that a stream does not have, caches, and early ends are warnings."""
    finding = check_framing(good(**other))

    assert (verdict, framing, trouble) == (finding.verdict, finding.facts["framing"], finding.trouble)


def test_who_passed_it_on() -> None:
    """Those in between who name themselves are named, without what a terminal might obey."""
    heard = good(headers={"Transfer-Encoding": "chunked", "Via": "1.1 varnish\x1b[2J", "Server": "nginx"})

    assert "(Via: 1.1 varnish?[2J, Server: nginx)" in check_framing(heard).words
