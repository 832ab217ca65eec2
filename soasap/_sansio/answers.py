"""
Is this HTTP answer a flag stream? The head of an answer goes in; go on, go elsewhere, or an error comes out.

::

    200, text/event-stream, no encoding     accepted
    200, anything else                      transient: captive portals and error pages pass
    301 302 303 307 308, same origin        followed; the caller counts, and stops after a few
    any other 3xx                           refused: the API key must not travel
    408 429 400 5xx                         transient; 429 and 503 may say for how long
    any other 2xx or 4xx                    refused: stays until somebody acts
    anything but 200 from a proxy           the same, except that 1xx, 2xx and 3xx are transient

Refused (`is_refusal`) leads to long delays, see `backoff`. 400 is transient because load balancers answer so
when *they* are confused. Messages quote the content type and the origin of a redirect, nothing else that
came over the wire.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.utils import mktime_tz, parsedate_tz
from urllib.parse import SplitResult, urljoin, urlsplit, urlunsplit

from soasap._sansio.backoff import MAX_RETRY_AFTER
from soasap.exceptions import RedirectRefused, UnexpectedAnswer

__all__ = ["judge"]

_FOLLOWED = frozenset({301, 302, 303, 307, 308})
_DEFAULT_PORTS = {"http": 80, "https": 443}
_NOT_IN_A_URL = re.compile(r"[^!-~]")

_ADVICE = {
    401: "check the API key",
    403: "check that the API key is allowed to read this environment",
    404: "check base_url",
    407: "check the user name and password of the proxy",
    410: "check base_url",
}


def judge(
    status: int, headers: Mapping[str, str], *, url: str, now: float, proxy: str = "", is_tunnel: bool = False
) -> str | None:
    """
    Judge the head of an answer.

    Args:
        status: The HTTP status code.
        headers: Header name to value. Must not care about the case of names, as urllib3's `HTTPHeaderDict`.
        url: The absolute URL that was asked.
        now: Wall-clock seconds since the epoch, for a `Retry-After` that is a date.
        proxy: The proxy that passed the answer on, or made it up, without its password; empty if none could.
        is_tunnel: A tunnel was asked for, so the answer is the proxy's own.

    Returns:
        `None` if the body is a flag stream: read it. Otherwise the absolute URL to ask next, of the same
        origin.

    Raises:
        UnexpectedAnswer: Neither a stream nor a redirect.
        RedirectRefused: A redirect that is not followed.
    """
    if is_tunnel or (proxy and status == 407):
        raise _refused_by_proxy(status, proxy)
    if status == 200:
        _check_stream(headers)
        return None
    if status in _FOLLOWED:
        return _redirected(status, headers.get("Location", ""), url)
    if 300 <= status < 400:
        raise RedirectRefused(f"the flag service answered {status}, expected 200; check base_url")
    is_lasting = 200 <= status < 300 or _is_lasting_error(status)
    advice = _ADVICE.get(status, "check base_url and what stands before the service" if is_lasting else "trying again")
    raise UnexpectedAnswer(
        f"the flag service answered {status}{f' through the proxy {proxy}' if proxy else ''}, expected 200; {advice}",
        status=status,
        is_transient=not is_lasting,
        is_refusal=is_lasting,
        retry_after=_seconds_asked(headers.get("Retry-After", ""), now) if status in (429, 503) else 0.0,
    )


def _is_lasting_error(status: int) -> bool:
    return 400 <= status < 500 and status not in (400, 408, 429)


def _refused_by_proxy(status: int, proxy: str) -> UnexpectedAnswer:
    is_lasting = _is_lasting_error(status)
    advice = "check that it lets this host pass" if is_lasting else "trying again"
    return UnexpectedAnswer(
        f"the proxy {proxy} answered {status}, expected 200; {_ADVICE[407] if status in (401, 407) else advice}",
        status=status,
        is_transient=not is_lasting,
        is_refusal=is_lasting,
    )


def _check_stream(headers: Mapping[str, str]) -> None:
    content_type = headers.get("Content-Type", "")
    encoding = headers.get("Content-Encoding", "").strip().lower()
    if content_type.partition(";")[0].strip().lower() != "text/event-stream":
        seen = f"content type {content_type[:80]!r}" if content_type else "no content type"
        expected = "text/event-stream; a proxy or a login page may have answered in its place"
    elif encoding not in ("", "identity"):
        seen = "a compressed body"
        expected = "none, as asked for; check what stands before the service"
    else:
        return
    raise UnexpectedAnswer(
        f"the flag service answered 200 with {seen}, expected {expected}",
        status=200,
        is_transient=True,
    )


def _redirected(status: int, location: str, url: str) -> str:
    """The URL to follow, with the scheme, host and port of `url`."""
    seen = f"the flag service answered {status}"
    location = location.strip()
    if not location:
        raise RedirectRefused(f"{seen} without saying where to go")
    asked = urlsplit(url)
    try:
        target = urlsplit(urljoin(url, location))
        origin = _origin(target)
    except ValueError:
        origin = None
    if origin is None or _NOT_IN_A_URL.search(location):
        raise RedirectRefused(f"{seen} and points to something that is not an http or https URL; check base_url")
    if origin != _origin(asked):
        raise RedirectRefused(
            f"{seen} and points to another origin, {origin}; the API key is not sent there. "
            "If that is where the flags are, set base_url to it"
        )
    # Our own origin, not the equal one that was sent: parsers disagree on odd URLs (a backslash, a user
    # name), and the one that opens the connection is not the one that compared.
    return urlunsplit((asked.scheme, asked.netloc, target.path or "/", target.query, ""))


def _origin(parts: SplitResult) -> str | None:
    """`scheme://host:port`, the port spelled out; `None` if it is not HTTP. `ValueError` for a bad port."""
    port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        return None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}:{port}"


def _seconds_asked(value: str, now: float) -> float:
    """Seconds from a `Retry-After` (RFC 9110, 10.2.3): a number or a date. 0 for garbage and the past."""
    value = value.strip()
    if value.isascii() and value.isdigit():
        return min(float(value), MAX_RETRY_AFTER)  # of any length: float gives infinity where int refuses
    try:
        date = parsedate_tz(value)
        # A date without a zone means GMT in HTTP, and local time to mktime_tz.
        due = 0.0 if date is None else mktime_tz((*date[:9], date[9] or 0))
    except Exception:  # garbage makes email.utils raise whatever its parts raise
        return 0.0
    return max(0.0, min(due - now, MAX_RETRY_AFTER))
