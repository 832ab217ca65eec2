"""
A flag server that says exactly the bytes a test wants, over real sockets.

Each accepted connection runs `script(connection, index)` on a daemon thread of its own, after the request
head was read; when the script returns, the connection is closed. The methods of `Connection` may be called by
the script, or by the test while the script sits in `Connection.hang`.

    def script(connection: Connection, index: int) -> None:
        connection.head()
        connection.event(b'{"dark-mode": true}')
        connection.hang()

    with ScriptedServer(script) as server:
        ...

`tests.addresses` has ports where nobody answers, `tests.connect_proxy` a proxy.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable
from types import TracebackType
from typing import TypeAlias

import trustme

from tests.scripted_connection import ClientGone, Connection, Request
from tests.waiting import wait_until

__all__ = ["ClientGone", "Connection", "Request", "Script", "ScriptedServer", "hold_open"]

Script: TypeAlias = Callable[[Connection, int], None]
"""What one connection says; the index counts accepted connections from 0."""

JOIN_TIMEOUT = 10.0


def hold_open(*payloads: bytes) -> Script:
    """A script that sends these events, chunked, and then keeps the stream open."""

    def script(connection: Connection, index: int) -> None:
        connection.head()
        for payload in payloads:
            connection.event(payload)
        connection.hang()

    return script


class ScriptedServer:
    """
    A server on a loopback port.

    Args:
        script: Called for each connection whose request head arrived.
        tls: An authority that issues a certificate for `localhost` and `127.0.0.1`, or a ready certificate.
        answer_handshake: False: bytes of a TLS client are never answered, nor even read.
        client_ca: Demand a client certificate of this authority.
        port: 0 takes a free one; a number serves to come back where another server was.

    Attributes:
        connections: Everything accepted so far, in order, with or without a request.
    """

    def __init__(
        self,
        script: Script,
        *,
        tls: trustme.CA | trustme.LeafCert | None = None,
        answer_handshake: bool = True,
        client_ca: trustme.CA | None = None,
        port: int = 0,
    ) -> None:
        self.connections: list[Connection] = []
        self._script = script
        self._context = None if tls is None else _server_context(tls, client_ca)
        self._answer_handshake = answer_handshake
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._errors: list[BaseException] = []
        self._listener = socket.create_server(("127.0.0.1", port), backlog=512)
        self.port: int = self._listener.getsockname()[1]
        secure = tls is not None or not answer_handshake
        self.base_url = f"{'https' if secure else 'http'}://127.0.0.1:{self.port}"

    @property
    def requests(self) -> list[Request]:
        """The requests whose heads arrived whole, in the order of their connections."""
        return [connection.request for connection in self.connections if connection.has_request()]

    def wait_connections(self, count: int, timeout: float = 10.0) -> None:
        """Wait until this many connections were accepted."""
        wait_until(lambda: len(self.connections) >= count, timeout, f"{count} connections")

    def wait_requests(self, count: int, timeout: float = 10.0) -> None:
        """Wait until this many requests arrived."""
        wait_until(lambda: len(self.requests) >= count, timeout, f"{count} requests")

    def __enter__(self) -> ScriptedServer:
        accepting = threading.Thread(target=self._accept, name="flagserver-accept", daemon=True)
        self._threads.append(accepting)
        accepting.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()
        if error is None and self._errors:
            raise self._errors[0]

    def stop(self) -> None:
        """Close everything, as a server does that is killed. Again does nothing."""
        self._stopping.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes `accept`, which `close` does not
        self._threads[0].join(JOIN_TIMEOUT)
        self._listener.close()
        for connection in self.connections:
            connection.cut()
        for thread in self._threads:
            thread.join(JOIN_TIMEOUT)
            assert not thread.is_alive(), f"{thread.name} did not end: the script waits for something of its own"

    def _accept(self) -> None:
        while True:
            try:
                accepted, _ = self._listener.accept()
            except OSError:
                return
            if self._stopping.is_set():
                accepted.close()
                return
            connection = Connection(accepted, len(self.connections), self._stopping)
            self.connections.append(connection)
            handler = threading.Thread(
                target=self._handle, args=(connection,), name=f"flagserver-{connection.index}", daemon=True
            )
            self._threads.append(handler)
            handler.start()

    def _handle(self, connection: Connection) -> None:
        try:
            if not self._answer_handshake:
                self._stopping.wait()
                return
            if self._context is not None:
                connection.secure(self._context)
            connection.read_request()
            self._script(connection, connection.index)
        except ClientGone:
            pass
        except BaseException as error:  # raised again at exit, where the test sees it
            self._errors.append(error)
        finally:
            connection.close()


def _server_context(tls: trustme.CA | trustme.LeafCert, client_ca: trustme.CA | None) -> ssl.SSLContext:
    certificate = tls.issue_cert("localhost", "127.0.0.1") if isinstance(tls, trustme.CA) else tls
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    if client_ca is not None:
        client_ca.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED
    return context
