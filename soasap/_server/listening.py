"""What it takes to listen, and to leave."""

from __future__ import annotations

import os
import sys

from gevent.ssl import PROTOCOL_TLS_SERVER, SSLContext

from soasap._server.server import FlagServer

__all__ = ["CannotServe", "allow_many_descriptors", "leave", "listen", "tls_context"]

FAREWELL_SECONDS = 0.4
"""What readers have to take the rest of their event once all streams have ended."""


class CannotServe(Exception):
    """An address or a certificate cannot be used; the message opens with it."""


def tls_context(certificate: str | None, key: str | None) -> SSLContext | None:
    """
    A server's context; `None` for plain HTTP.

    Args:
        certificate: PEM file with the chain; `None` for plain HTTP.
        key: PEM file with its key; `None` if it is in `certificate`.

    Raises:
        CannotServe: The files are not there, or do not fit.
    """
    if certificate is None:
        return None
    context = SSLContext(PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate, key)
    except OSError as exc:  # an SSLError is one; it does not say which file it is about
        files = " and ".join(name for name in (certificate, key) if name is not None)
        raise CannotServe(f"{files}: not a certificate with its key: {exc.strerror or exc}") from exc
    return context


def allow_many_descriptors() -> str:
    """
    Use what the system allows: 1,024 descriptors is a common soft limit, and a stream needs one each.

    Returns:
        What to tell the operator; empty if there is nothing.
    """
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return ""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (OSError, ValueError):  # macOS says "unlimited" and means less
        return f"at most {soft} connections at a time (the limit of open files could not be raised)"
    return ""


def listen(server: FlagServer, host: str, port: int) -> None:
    """Start it. Raises `CannotServe` if the address cannot be had."""
    try:
        server.start()
    except OSError as exc:
        raise CannotServe(f"{host}:{port}: {exc.strerror or exc}") from exc


def leave(server: FlagServer) -> None:
    """
    Wait a moment for the readers, whose streams have all ended.

    Ends the process, with status 0, if some of them do not take their end in time: they stall, or are too many to part
    with one by one. Unwinding 9,900 greenlets and freeing them takes the interpreter 1.5 s; the kernel closes their
    sockets in no time.
    """
    server.readers.join(FAREWELL_SECONDS)
    if len(server.readers):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)
