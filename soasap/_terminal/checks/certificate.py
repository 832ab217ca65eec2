"""
The TLS handshake, on its own: with the client's settings, and if it fails a look at what was shown.

Directly, or through the tunnel of an http proxy. An https proxy is left to the look at the stream, which goes through
it as the client does.
"""

from __future__ import annotations

import http.client
import os
import ssl
import tempfile
import time
from typing import Any
from urllib.parse import urlsplit

import urllib3

from soasap._io.connections import connect
from soasap._io.proxies import credentials, without_credentials
from soasap._io.tls import make_context
from soasap._io.waker import Waker
from soasap._terminal.checks.network import endpoint
from soasap._terminal.finding import Finding, failure, ok, warning
from soasap._terminal.troubles import Trouble
from soasap.concurrency.auto import make_backend

__all__ = ["check_certificate"]

SOON = 14 * 86400.0
"""Seconds of life left from which on a certificate is worth a word, if that is also less than a third of its life."""

_EXPIRED, _NOT_YET, _OTHER_NAME = {10}, {9}, {62, 64}
"""OpenSSL's `X509_V_ERR_*`: has expired, is not yet valid, is of another host name or address."""


def check_certificate(
    url: str, proxy: str | None, *, ca_file: str | None, client_cert: str | None, timeout: float, now: float
) -> Finding | None:
    """
    Whether the service shows a certificate that the client takes, and for how long; `None` if it cannot be seen here.

    Args:
        url: The address of the service, one that was checked.
        proxy: Its proxy, with credentials.
        ca_file, client_cert, timeout: As the client's options.
        now: Seconds since the epoch.
    """
    if urlsplit(url).scheme != "https" or urlsplit(proxy or "").scheme == "https":
        return None
    backend = make_backend("auto")
    try:
        context = make_context(backend, ca_file, client_cert, None)
    except (OSError, ValueError) as error:
        return failure(
            "tls",
            f"ca_file={ca_file!r} or client_cert={client_cert!r} cannot be used: {error}",
            "give PEM files that this user can read; a key without a pass phrase",
            Trouble.TLS,
        )
    host, _ = endpoint(url)
    started = time.monotonic()
    try:
        with _reach(url, proxy, timeout) as bare, context.wrap_socket(bare, server_hostname=host) as sock:
            return _judged(host, sock.getpeercert() or {}, sock.version(), time.monotonic() - started, now)
    except ssl.SSLCertVerificationError as error:
        return _refused(host, error, _shown(url, proxy, timeout))
    except _NoTunnel:
        return None
    except OSError as error:
        return failure(
            "tls",
            f"{host}: no TLS handshake: {error.strerror or error}",
            "see whether that port speaks TLS 1.2 or later; an address of http:// goes to a port that does not",
            Trouble.TLS,
        )


def _judged(host: str, certificate: Any, version: str | None, seconds: float, now: float) -> Finding:
    ends = ssl.cert_time_to_seconds(certificate["notAfter"])
    life = ends - ssl.cert_time_to_seconds(certificate["notBefore"])
    left = ends - now
    words = f"{version}; the certificate of {host}, issued by {_name(certificate['issuer'])}, is good for {_days(left)}"
    facts = {"version": version, "expires": _date(ends), "seconds": seconds}
    if left < min(SOON, life / 3):
        return warning("tls", words, "see why it was not renewed yet", Trouble.TLS, **facts)
    return ok("tls", words, **facts)


def _refused(host: str, error: ssl.SSLCertVerificationError, shown: dict[str, Any]) -> Finding:
    code = error.verify_code
    words = f"the certificate of {host} was refused: {error.verify_message.rstrip('.')}"
    if shown:
        words += (
            f" (for {_name(shown['subject'])}, issued by {_name(shown['issuer'])}, until {_date(shown['notAfter'])})"
        )
    if code in _EXPIRED:
        advice = "renew it; if it looks good, set this machine's clock"
    elif code in _NOT_YET:
        advice = "set this machine's clock"
    elif code in _OTHER_NAME:
        advice = "use a name that is in the certificate, or see who answers in its place"
    else:
        advice = "if it is your own authority's, or that of a proxy that opens TLS, pass ca_file (here: --ca-file)"
    return failure("tls", words, advice, Trouble.TLS, code=code)


class _NoTunnel(Exception):
    """The proxy makes no tunnel; the look at the stream says what it answered."""


def _reach(url: str, proxy: str | None, timeout: float) -> Any:
    """A connected socket to the service, as the client's backend makes them."""
    host, port = endpoint(url)
    if proxy is None:
        return connect(make_backend("auto"), _Forgetful(), host, port, timeout)
    tunnel = http.client.HTTPConnection(*endpoint(proxy), timeout=timeout)
    user = credentials(proxy)
    tunnel.set_tunnel(host, port, urllib3.make_headers(proxy_basic_auth=user) if user else {})
    try:
        tunnel.connect()
    except (OSError, http.client.HTTPException) as error:
        raise _NoTunnel(f"no tunnel through {without_credentials(proxy)}") from error
    return tunnel.sock


class _Forgetful(Waker):
    """A waker for a connection that nobody else wakes: keeps no second descriptor."""

    def add(self, sock: object) -> None:
        pass


def _shown(url: str, proxy: str | None, timeout: float) -> dict[str, Any]:
    """The certificate that was refused, as `getpeercert` gives one that was not; empty if it cannot be seen."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False  # nothing is sent on this connection, the key least of all
    context.verify_mode = ssl.CERT_NONE
    try:
        with (
            _reach(url, proxy, timeout) as bare,
            context.wrap_socket(bare, server_hostname=endpoint(url)[0]) as sock,
        ):
            return _decoded(sock.getpeercert(binary_form=True) or b"")
    except (OSError, _NoTunnel):
        return {}


def _decoded(certificate: bytes) -> dict[str, Any]:
    """
    What a DER certificate says; empty if this Python does not read it.

    The standard library decodes only those that it trusts, but for one function of its own tests.
    """
    decode = getattr(getattr(ssl, "_ssl", None), "_test_decode_cert", None)
    if decode is None:
        return {}
    descriptor, path = tempfile.mkstemp(suffix=".pem")
    try:
        os.write(descriptor, ssl.DER_cert_to_PEM_cert(certificate).encode())
        decoded: dict[str, Any] = decode(path)
        return decoded
    except (ssl.SSLError, ValueError):
        return {}
    finally:
        os.close(descriptor)
        os.unlink(path)


def _name(distinguished: Any) -> str:
    """The telling part of a distinguished name."""
    parts = {key: value for relative in distinguished for key, value in relative}
    for key in ("commonName", "organizationName", "organizationalUnitName"):
        if key in parts:
            return repr(parts[key])
    return "somebody without a name"


def _date(moment: str | float) -> str:
    seconds = ssl.cert_time_to_seconds(moment) if isinstance(moment, str) else moment
    return time.strftime("%Y-%m-%d", time.gmtime(seconds))


def _days(seconds: float) -> str:
    days = int(seconds // 86400)
    return f"{days} days" if days > 1 else f"{int(seconds // 3600)} hours"
