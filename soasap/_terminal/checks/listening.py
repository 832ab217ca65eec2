"""
One stream, opened and heard as the client does it, with a watch in the hand.

The client's transport, its judge and its decoder do the work. What is added: when the head came, what it said of its
framing, when the first event came, and whether the stream stayed open after it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from soasap._compose import STREAM_PATH, request_headers
from soasap._io.transport import HttpByteStream, HttpSettings, HttpTransport
from soasap._sansio.answers import judge
from soasap._sansio.snapshot import parse_snapshot
from soasap._sansio.sse import ServerSentEvent, SseDecoder
from soasap.concurrency.auto import make_backend
from soasap.exceptions import NetworkError, PayloadError
from soasap.protocols import ConcurrencyBackend

__all__ = ["AFTERWARDS", "Heard", "listen"]

AFTERWARDS = 1.0
"""Seconds for which the stream is watched after its first event: an answer that was collected ends with it."""


@dataclass(slots=True)
class Heard:
    """
    What came. Times are seconds since the attempt began.

    Attributes:
        error: What the transport raised, instead of a stream or during it.
        head: When the head of the (last) answer came; `None` if none did.
        status: Of that answer.
        headers: Its headers; any case will do.
        by_proxy: Whether a proxy answered in its own name.
        version: Of HTTP, times ten; 0 without a stream.
        redirects: How often we were sent elsewhere.
        comment: When the first bytes of the body came, an event or not.
        unfinished: Whether an event had begun when the watch rang.
        event: When the first event with data was complete.
        ended: When the stream ended by itself.
        seconds: How long all of it took.
        flags: How many flags the event brought; `None` if it was not believed.
        size: Bytes of data in it.
        payload_error: Why it was not believed.
    """

    error: NetworkError | None = None
    head: float | None = None
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    by_proxy: bool = False
    version: int = 0
    redirects: int = 0
    comment: float | None = None
    unfinished: bool = False
    event: float | None = None
    ended: float | None = None
    seconds: float = 0.0
    flags: int | None = None
    size: int = 0
    payload_error: PayloadError | None = None


def listen(
    base_url: str,
    api_key: str,
    *,
    ca_file: str | None,
    client_cert: str | None,
    timeout: float,
    afterwards: float = AFTERWARDS,
) -> Heard:
    """
    Ask for the stream once and hear its first event.

    Args:
        base_url, api_key: Checked.
        ca_file, client_cert: As the client's options.
        timeout: Seconds to connect, then to the end of the head, then to the first event.
        afterwards: Seconds to stay after it.
    """
    heard = Heard()
    started = time.monotonic()

    def since() -> float:
        return time.monotonic() - started

    def noting_judge(
        status: int, headers: Mapping[str, str], *, url: str, now: float, proxy: str, is_tunnel: bool
    ) -> str | None:
        heard.head, heard.status, heard.headers = since(), status, headers
        heard.by_proxy = is_tunnel or (bool(proxy) and status == 407)
        location = judge(status, headers, url=url, now=now, proxy=proxy, is_tunnel=is_tunnel)
        heard.redirects += location is not None
        return location

    backend = make_backend("auto")
    settings = HttpSettings(
        url=base_url + STREAM_PATH,
        headers=request_headers(api_key),
        connect_timeout=timeout,
        response_timeout=timeout,
        read_timeout=timeout + 5.0,  # the alarm comes first
        proxy=None,
        ca_file=ca_file,
        client_cert=client_cert,
        ssl_context=None,
    )
    try:
        transport = HttpTransport(settings, backend, noting_judge)
        try:
            stream = transport.open()
            try:
                heard.version = stream.http_version
                _hear(stream, heard, since, lambda seconds: _Alarm(backend, transport, seconds), timeout, afterwards)
            finally:
                stream.close()
        finally:
            transport.close()
    except NetworkError as error:
        heard.error = error
    heard.seconds = since()
    return heard


class _Alarm:
    """Wakes the transport after some seconds, unless it is switched off."""

    def __init__(self, backend: ConcurrencyBackend, transport: HttpTransport, seconds: float) -> None:
        self.rang = False
        self._off = backend.event()
        self._transport = transport
        self._seconds = seconds
        self._task = backend.spawn(self._wait, "soasap-doctor-alarm")

    def _wait(self) -> None:
        if not self._off.wait(self._seconds):
            self.rang = True
            self._transport.wake()

    def off(self) -> None:
        self._off.set()
        self._task.join(1.0)


def _hear(
    stream: HttpByteStream,
    heard: Heard,
    since: Callable[[], float],
    set_alarm: Callable[[float], _Alarm],
    timeout: float,
    afterwards: float,
) -> None:
    decoder = SseDecoder()
    alarm = set_alarm(timeout)
    try:
        while True:
            try:
                chunk = stream.read()
            except NetworkError:
                if alarm.rang:
                    return
                if heard.event is None:
                    raise
                chunk = b""  # after an event a stream that breaks is one that ends
            if alarm.rang:
                return
            if not chunk:
                heard.ended = since()
                return
            heard.comment = since() if heard.comment is None else heard.comment
            events = [event for event in decoder.feed(chunk) if not _is_blank(event)]
            heard.unfinished = decoder.is_inside_event
            if events and heard.event is None:
                heard.event = since()
                _judge_event(events[0], heard)
                alarm.off()
                alarm = set_alarm(afterwards)
    finally:
        alarm.off()


def _is_blank(event: object) -> bool:
    return isinstance(event, ServerSentEvent) and not event.data.strip()


def _judge_event(event: ServerSentEvent | PayloadError, heard: Heard) -> None:
    try:
        if not isinstance(event, ServerSentEvent):
            raise event
        heard.size = len(event.data)
        heard.flags = len(parse_snapshot(event.data, source="stream", received_at=None).flags)
    except PayloadError as error:
        heard.payload_error = error
