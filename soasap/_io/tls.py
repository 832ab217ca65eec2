"""The TLS settings of a run: certificates and host names are always checked, TLS 1.2 at least."""

from __future__ import annotations

import ssl

from soasap.protocols import ConcurrencyBackend

__all__ = ["make_context"]


def make_context(
    backend: ConcurrencyBackend,
    ca_file: str | None,
    client_cert: str | tuple[str, str] | None,
    ready: ssl.SSLContext | None,
) -> ssl.SSLContext:
    """
    A client context on the backend's sockets.

    To be called in the thread that starts the run, never in a background one: a fork that freezes a thread during
    OpenSSL's first work dead-locks the child (15 of 50 when measured).

    Raises:
        OSError: A file cannot be read, or is no PEM file (`ssl.SSLError`).
        ValueError: A key is protected by a pass phrase.
    """
    context = backend.tls_context(ready)
    if ready is not None:
        return context
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    if ca_file is None:
        context.load_default_certs()
    else:
        context.load_verify_locations(ca_file)
    if isinstance(client_cert, str):
        context.load_cert_chain(client_cert, password=_no_pass_phrase)
    elif client_cert is not None:
        context.load_cert_chain(*client_cert, password=_no_pass_phrase)
    return context


def _no_pass_phrase() -> str:
    """Asked for the pass phrase of a key. Without it OpenSSL would ask the terminal, and the application would wait."""
    raise ValueError("the key is protected by a pass phrase; load it into a context of your own, see ssl_context")
