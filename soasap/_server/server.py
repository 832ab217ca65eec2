"""
gevent's pywsgi, set up for thousands of answers that never end.

pywsgi frames them (chunks for HTTP/1.1, the connection's end for 1.0) and writes each piece at once. What is
set here is about readers that do not read, do not finish their handshake, or leave: none of them is worth a
traceback.
"""

from __future__ import annotations

import socket
import sys
from types import TracebackType
from typing import TYPE_CHECKING, Any, cast

from gevent.pool import Pool
from gevent.pywsgi import WSGIHandler, WSGIServer
from gevent.ssl import SSLContext

from soasap._server.stream_body import SOCKET

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

__all__ = ["FlagServer"]

SEND_BUFFER_BYTES = 128 * 1024
"""The kernel's buffer per stream. Left alone it grows to megabytes of snapshots that nobody wants by then."""

BACKLOG = 4096
"""Connections waiting to be accepted: a fleet that reconnects comes all at once. The system may cap it."""

HANDSHAKE_SECONDS = 10.0


class _Handler(WSGIHandler):
    def get_environ(self) -> WSGIEnvironment:
        environ = super().get_environ()
        environ[SOCKET] = self.socket
        return environ

    def read_request(self, raw_requestline: str) -> Any:
        try:
            return super().read_request(raw_requestline)
        except OSError as exc:
            # A request that stops half way. pywsgi prints a traceback for anything but a ValueError here.
            raise ValueError(f"incomplete request: {exc}") from exc

    def handle_one_response(self) -> None:
        super().handle_one_response()
        if not self.server.started:
            self.close_connection = True  # stopping: do not wait for this connection's next request

    def handle_error(self, t: type[BaseException] | None, v: BaseException | None, tb: TracebackType | None) -> None:
        if isinstance(v, OSError):
            # The reader stalled or vanished. Half an event may be out: only closing is left.
            self.close_connection = True
            if isinstance(v, TimeoutError):
                cast("FlagServer", self.server).say(self.client_address, "did not read on for too long and was dropped")
            return
        super().handle_error(t, v, tb)


class FlagServer(WSGIServer):
    """
    A WSGI server for event streams, on the current thread's hub.

    Args:
        address: Host and port, port 0 for a free one; after `start()` the attribute `address` has the real
            one.
        application: Answers the requests.
        tls: Speak TLS with this context, which must be gevent's.
        stall_timeout: Seconds a reader has for each piece of 64 KiB. One that takes longer is dropped; it
            will come back for the newest. Also what an idle connection has to send its next request.
        verbose: Log each request to stderr when it has ended.
        program: Who speaks on stderr.

    `start()` raises `OSError` if the address cannot be had. `close()` stops accepting only; `readers.join()`
    then waits for the open requests.

    Attributes:
        readers: The greenlets of all open connections.
    """

    def __init__(
        self,
        address: tuple[str, int],
        application: WSGIApplication,
        *,
        tls: SSLContext | None = None,
        stall_timeout: float = 60.0,
        verbose: bool = False,
        program: str = "soasap serve",
    ) -> None:
        self._stall_timeout = stall_timeout
        self._program = program
        self.readers = Pool()  # without a limit
        options: dict[str, Any] = {} if tls is None else {"ssl_context": tls}
        super().__init__(
            address,
            application,
            backlog=BACKLOG,
            spawn=self.readers,
            log="default" if verbose else None,
            handler_class=_Handler,
            environ={"SERVER_NAME": address[0]},  # else pywsgi asks DNS for it, which takes its time offline
            **options,
        )

    @property
    def url(self) -> str:
        """What clients use as `base_url`."""
        host, port = str(self.server_host), self.server_port
        scheme = "https" if self.ssl_enabled else "http"
        return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"

    def handle(self, sock: Any, address: Any) -> None:
        try:
            sock.settimeout(self._stall_timeout)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
            super().handle(sock, address)
        except OSError:
            pass  # reset before or between requests

    def wrap_socket_and_handle(self, client_socket: Any, address: Any) -> Any:
        client_socket.settimeout(HANDSHAKE_SECONDS)
        try:
            return super().wrap_socket_and_handle(client_socket, address)
        except OSError as exc:
            # An SSLError is one. Mostly a client that does not trust the certificate.
            self.say(address, f"did not finish the TLS handshake: {exc}")
            return None

    def say(self, address: Any, what: str) -> None:
        """Tell the operator about one reader."""
        print(f"{self._program}: {address[0]}:{address[1]} {what}", file=sys.stderr, flush=True)
