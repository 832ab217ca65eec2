"""What a stream that was listened to says about the service, and about who stands in between."""

from __future__ import annotations

import re

from soasap._terminal.checks.listening import Heard
from soasap._terminal.finding import Fact, Finding, failure, ok, warning
from soasap._terminal.troubles import Trouble
from soasap.exceptions import CertificateRefused, RedirectRefused, UnexpectedAnswer

__all__ = ["LATE", "check_answer", "check_event", "check_framing"]

LATE = 2.0
"""Seconds. The service writes head and first event together, so this much between them is somebody's buffer."""

IN_BETWEEN = ("Via", "X-Cache", "CF-Cache-Status", "X-Served-By", "Server")
"""Headers by which those name themselves who passed the answer on."""


def check_answer(heard: Heard, timeout: float) -> Finding:
    """Whether the answer is a flag stream, and how soon its head came. `timeout` is what it was given, in seconds."""
    if heard.version == 0:
        return _no_stream(heard, timeout)
    assert heard.head is not None, "a stream has a head"
    words = f"a flag stream; its head came after {_ms(heard.head)}"
    facts: dict[str, Fact] = {"status": heard.status, "seconds": heard.head, "redirects": heard.redirects}
    if heard.redirects:
        return warning(
            "answer",
            f"{words}, and {heard.redirects} redirect{'s' * (heard.redirects > 1)}",
            "set the address to where the flags are: each reconnect goes the long way",
            Trouble.URL,
            **facts,
        )
    if heard.head > LATE:
        return warning(
            "answer",
            words,
            "something in between may hold it back until the first bytes of the body come",
            Trouble.BUFFERING,
            **facts,
        )
    return ok("answer", words, **facts)


def check_event(heard: Heard, timeout: float) -> Finding:
    """Whether the first event came, when, and whether it is flags. There was a stream."""
    assert heard.head is not None, "a stream has a head"
    if heard.event is None:
        return _no_event(heard, heard.head, timeout)
    facts: dict[str, Fact] = {
        "seconds": heard.event,
        "seconds_after_head": heard.event - heard.head,
        "flags": heard.flags,
        "bytes": heard.size,
    }
    when = f"{_ms(heard.event)} after the start, {_ms(heard.event - heard.head)} after the head"
    if heard.payload_error is not None:
        return failure(
            "event",
            f"the first event came {when}, and is not believed: {heard.payload_error}",
            "an event is one JSON object with all flags, in UTF-8, of at most 5 MiB: see what writes it",
            Trouble.PAYLOAD,
            **facts,
        )
    words = f"{heard.flags} flag{'s' * (heard.flags != 1)}, {heard.size} bytes, {when}"
    if heard.event - heard.head > LATE:
        return warning(
            "event",
            words,
            "somebody in between collects the stream (nginx: proxy_buffering off); a change may come as late",
            Trouble.BUFFERING,
            **facts,
        )
    return ok("event", words, **facts)


def check_framing(heard: Heard) -> Finding:
    """How the body is framed, and whether the stream stayed open. There was an event."""
    header = heard.headers.get
    framing, verdict = _framing(heard)
    passed_on = [f"{name}: {_shown(header(name, ''))}" for name in IN_BETWEEN if header(name)]
    via = f" ({', '.join(passed_on)})" if passed_on else ""
    facts: dict[str, Fact] = {"framing": framing, "http": heard.version / 10, "ended": heard.ended is not None}
    if header("Age") or "HIT" in header("X-Cache", "").upper():
        return warning(
            "framing",
            f"a cache answered{via}",
            "no cache may answer for the path of the stream: each answer must come from the service",
            Trouble.BUFFERING,
            **facts,
        )
    if heard.ended is not None and heard.event is not None:
        return warning(
            "framing",
            f"{verdict}{via}; the stream ended {_ms(heard.ended - heard.event)} after its first event",
            "a stream stays open: see what collects or cuts it on the way",
            Trouble.ENDING,
            **facts,
        )
    if framing in ("length", "http10"):
        return warning(
            "framing",
            f"{verdict}{via}",
            "see who answers so (nginx: proxy_http_version 1.1 and proxy_buffering off)",
            Trouble.BUFFERING,
            **facts,
        )
    return ok("framing", f"{verdict}{via}", **facts)


def _framing(heard: Heard) -> tuple[str, str]:
    """How the body ends, for programs and in words."""
    if heard.version < 11:
        return "http10", "HTTP/1.0, the language of old proxies: the answer was made in between"
    if heard.headers.get("Transfer-Encoding", "").lower() == "chunked":
        return "chunked", "HTTP/1.1 in chunks, passed on as they come"
    if heard.headers.get("Content-Length"):
        return "length", "the answer announces a length, which a stream does not have: somebody collects it, or will"
    return "close", "HTTP/1.1 up to the end of the connection"


def _no_stream(heard: Heard, timeout: float) -> Finding:
    """Why there is no stream, by the kind of error and by what was seen before it: never by its words."""
    error = heard.error
    assert error is not None, "neither a stream nor an error"
    facts: dict[str, Fact] = {"status": heard.status or None, "seconds": heard.seconds}
    if isinstance(error, CertificateRefused):
        return failure("answer", str(error), "see the finding about TLS", Trouble.TLS, **facts)
    if isinstance(error, RedirectRefused):
        return failure("answer", str(error), "set the address to the service itself", Trouble.URL, **facts)
    if isinstance(error, UnexpectedAnswer):
        if heard.by_proxy:
            advice, trouble = "see what the proxy lets pass, and as whom", Trouble.PROXY
        elif heard.status in (401, 403):
            advice, trouble = "take the key of this environment, as it is shown where it was made", Trouble.REFUSED
        elif heard.status == 404:
            advice, trouble = (
                "see that the address is that of the service, without more path than it has",
                Trouble.ANSWER,
            )
        else:
            advice, trouble = "see who answers at this address", Trouble.ANSWER
        return failure("answer", str(error), advice, trouble, **facts)
    if heard.head is None and heard.seconds >= timeout:
        return failure(
            "answer",
            str(error),
            "if the service is well, somebody in between waits for more of the answer before passing on its head",
            Trouble.BUFFERING,
            **facts,
        )
    return failure("answer", str(error), "see that host and port are those of the service", Trouble.ANSWER, **facts)


def _no_event(heard: Heard, head: float, timeout: float) -> Finding:
    facts: dict[str, Fact] = {"seconds": None, "seconds_after_head": None, "flags": None, "bytes": None}
    if heard.error is not None:
        return failure(
            "event",
            f"the stream broke before its first event: {heard.error}",
            "see what cuts it on the way",
            Trouble.ENDING,
            **facts,
        )
    if heard.ended is not None:
        return failure(
            "event",
            f"the stream ended {_ms(heard.ended - head)} after its head, without an event",
            "see whether the service has flags for this key, and what ends the answer on the way",
            Trouble.ENDING,
            **facts,
        )
    came = "nothing came" if heard.comment is None else "no event came, only signs of life"
    if heard.unfinished:
        came = "an event began and did not end"
    return failure(
        "event",
        f"the head came after {_ms(head)}, and {came} in the {timeout:g} s after it",
        "the service sends the first event at once: somebody in between holds it back (nginx: proxy_buffering off)",
        Trouble.BUFFERING,
        **facts,
    )


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms" if seconds < 1 else f"{seconds:.1f} s"


def _shown(value: str) -> str:
    """What came over the wire, fit for a terminal."""
    return re.sub(r"[^ -~]", "?", value)[:60]
