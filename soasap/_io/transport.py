"""
Opens flag streams over HTTP with urllib3.

Everything foreign ends here: what urllib3, http.client, ssl and the backend's sockets raise leaves as one of ours, in
plain words and without the API key. Redirects are followed by hand: urllib3 would carry the key to another origin.
"""

from __future__ import annotations

import http.client
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import urlsplit

import urllib3

from soasap._io.connections import pool_classes
from soasap._io.proxies import choose_proxy, credentials, without_credentials
from soasap._io.response_head import TunnelRefused
from soasap._io.tls import make_context
from soasap._io.waker import Waker
from soasap.exceptions import CertificateRefused, ConnectionFailed, NetworkError, RedirectRefused
from soasap.protocols import ConcurrencyBackend

__all__ = ["MAX_REDIRECTS", "HttpByteStream", "HttpSettings", "HttpTransport", "Judge"]

MAX_REDIRECTS = 3

READ_SIZE = 64 * 1024
"""Bytes of one `read1`, the only read of urllib3 that is prompt under every framing: it returns what has come."""

MAX_REASON = 200
"""Characters quoted of a foreign error: a proxy's refusal, for one, is as long as the proxy likes."""

_UNKNOWN_ISSUER = frozenset({2, 18, 19, 20, 21})
"""Numbers of OpenSSL's `X509_V_ERR_*` that one's own `ca_file` may cure; not a wrong name, nor a wrong date."""

Judge: TypeAlias = Callable[..., "str | None"]
"""`soasap._sansio.answers.judge`."""


@dataclass(frozen=True, slots=True, repr=False)
class HttpSettings:
    """
    What to ask, and how. Times are seconds; see `soasap.SoasapClientOptions`.

    Attributes:
        url: The absolute URL of the stream.
        headers: Sent with each request; they hold the API key.
    """

    url: str
    headers: Mapping[str, str]
    connect_timeout: float
    response_timeout: float
    read_timeout: float
    proxy: str | None
    ca_file: str | None
    client_cert: str | tuple[str, str] | None
    ssl_context: ssl.SSLContext | None


class HttpByteStream:
    """The body of one accepted answer."""

    def __init__(
        self,
        response: urllib3.BaseHTTPResponse,
        waker: Waker,
        translate: Callable[[Exception], NetworkError],
    ) -> None:
        self._response = response
        self._waker = waker
        self._translate = translate

    @property
    def http_version(self) -> int:
        """The version of HTTP that the answer was given in, times ten: 10 or 11."""
        return self._response.version

    def read(self) -> bytes:
        try:
            return self._response.read1(READ_SIZE)
        except Exception as error:
            raise self._translate(error) from error

    def close(self) -> None:
        self._response.close()
        self._waker.close()  # now, not before the next attempt: the server would believe that we still listen


class HttpTransport:
    """
    One connection at a time to the flag service, for one run.

    Args:
        settings: What to ask.
        backend: Gives sockets and TLS contexts.
        judge: Says whether an answer is a flag stream.

    Raises:
        NetworkError: A certificate file or the URL of the proxy cannot be used.
    """

    def __init__(self, settings: HttpSettings, backend: ConcurrencyBackend, judge: Judge) -> None:
        self._settings = settings
        self._judge = judge
        self._waker = Waker()
        self._proxy = self._choose_proxy()
        self._pools = self._make_pools(backend)

    def open(self) -> HttpByteStream:
        url = self._settings.url
        for _ in range(MAX_REDIRECTS + 1):
            response = self._ask(url)
            try:
                location = self._judged(response.status, response.headers, url)
            except BaseException:
                self._drop(response)
                raise
            if location is None:
                return HttpByteStream(response, self._waker, self._translate)
            self._drop(response)
            url = location
        raise RedirectRefused(f"the flag service redirected more than {MAX_REDIRECTS} times; check base_url")

    def wake(self) -> None:
        self._waker.wake()

    def abandon(self) -> None:
        self._waker.neutralise()

    def close(self) -> None:
        self._waker.close()
        self._pools.clear()

    def _ask(self, url: str) -> urllib3.BaseHTTPResponse:
        self._waker.close()  # of the connection before
        try:
            return self._pools.request(
                "GET",
                url,
                headers=self._settings.headers,
                preload_content=False,
                redirect=False,
                retries=False,
            )
        except Exception as error:
            self._waker.close()
            raise self._translate(error) from error

    def _judged(self, status: int, headers: Mapping[str, str], url: str, *, is_tunnel: bool = False) -> str | None:
        """Where to go, `None` to stay. Raises what `judge` raises. What comes out of a tunnel is no proxy's answer."""
        is_between = is_tunnel or urlsplit(url).scheme == "http"
        proxy = without_credentials(self._proxy) if self._proxy is not None and is_between else ""
        return self._judge(status, headers, url=url, now=time.time(), proxy=proxy, is_tunnel=is_tunnel)

    def _drop(self, response: urllib3.BaseHTTPResponse) -> None:
        response.close()
        self._waker.close()

    def _choose_proxy(self) -> str | None:
        try:
            return choose_proxy(self._settings.url, self._settings.proxy)
        except ValueError as error:
            raise ConnectionFailed(str(error)) from None  # the cause might quote a password

    def _make_pools(self, backend: ConcurrencyBackend) -> urllib3.PoolManager:
        settings = self._settings
        context = None
        if "https" in (urlsplit(settings.url).scheme, urlsplit(self._proxy or "").scheme):  # in lower case, both
            try:
                context = make_context(backend, settings.ca_file, settings.client_cert, settings.ssl_context)
            except (OSError, ValueError) as error:
                raise CertificateRefused(
                    f"ca_file={settings.ca_file!r} or client_cert={settings.client_cert!r} cannot be used: {error}"
                ) from error
        timeout = urllib3.Timeout(connect=settings.connect_timeout, read=settings.response_timeout)
        pools: urllib3.PoolManager
        if self._proxy is None:
            pools = urllib3.PoolManager(num_pools=1, maxsize=1, ssl_context=context, timeout=timeout)
        else:
            user = credentials(self._proxy)
            pools = urllib3.ProxyManager(
                without_credentials(self._proxy),
                num_pools=1,
                proxy_headers=urllib3.make_headers(proxy_basic_auth=user) if user else None,
                proxy_ssl_context=context,
                maxsize=1,
                ssl_context=context,
                timeout=timeout,
            )
        pools.pool_classes_by_scheme = pool_classes(
            backend, self._waker, settings.connect_timeout, settings.response_timeout, settings.read_timeout
        )
        return pools

    def _translate(self, error: Exception) -> NetworkError:
        """
        One of ours for anything foreign, ValueErrors of http.client included.

        The causes lose their frames: urllib3's have the request's headers in local variables, and error trackers like
        to send those along.
        """
        where = urlsplit(self._settings.url).netloc
        if self._proxy is not None:
            where += f" through the proxy {without_credentials(self._proxy)}"
        causes = list(_causes(error))
        for cause in causes:
            cause.__traceback__ = None
        for cause in causes:
            if isinstance(cause, ssl.SSLCertVerificationError):
                advice = "; if it is signed by your own authority, pass ca_file"
                return CertificateRefused(
                    f"the certificate of {where} was refused: {cause.verify_message.rstrip('.')}"
                    f"{advice if cause.verify_code in _UNKNOWN_ISSUER else ''}"
                )
            if isinstance(cause, TunnelRefused):
                try:
                    self._judged(cause.status, {}, self._settings.url, is_tunnel=True)
                except NetworkError as verdict:
                    return verdict
        return ConnectionFailed(f"no stream from {where}: {_reason(causes)}")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what it came from, outermost first. urllib3 keeps causes in several places."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        current = waiting.pop()
        if isinstance(current, BaseException) and id(current) not in seen:
            seen.add(id(current))
            yield current
            nested = [argument for argument in current.args if isinstance(argument, BaseException)]
            waiting += [
                current.__context__,
                current.__cause__,
                getattr(current, "original_error", None),
                *nested,
            ]


def _reason(causes: list[BaseException]) -> str:
    """
    What happened, in words. urllib3's own quote objects: they count only where nobody below says more.

    No other kinds: a `ValueError` of http.client quotes headers. `RuntimeError` is "can't start new thread", where
    gevent resolves names.
    """
    for cause in causes:
        if isinstance(cause, http.client.IncompleteRead):
            return "the answer broke off, or its chunks are not well-formed"
    for kind in (OSError, http.client.HTTPException, RuntimeError, urllib3.exceptions.HTTPError):
        for cause in causes:
            if isinstance(cause, kind) and str(cause):
                return str(cause)[:MAX_REASON]
    return type(causes[0]).__name__
