"""An HTTP proxy on loopback that counts what goes through it."""

from __future__ import annotations

import base64
import contextlib
import selectors
import socket
from urllib.parse import urlsplit

import trustme

from tests.flagserver import ScriptedServer
from tests.scripted_connection import Connection


class ConnectProxy(ScriptedServer):
    """
    A proxy: tunnels by `CONNECT`, and passes on plain `GET http://...` requests.

    Args:
        user: With `password`: demand basic authentication, answer 407 without it.
        tls: Speak TLS to clients, as `ScriptedServer`.

    Attributes:
        tunnels: The `host:port` of each tunnel, in order.
        forwards: The URL of each plain request passed on, in order.
        refused: Requests that came without the right credentials.
        url: Without credentials.
        url_with_credentials: For clients that should pass.
    """

    def __init__(self, user: str = "", password: str = "", *, tls: trustme.CA | None = None) -> None:
        super().__init__(self._serve, tls=tls)
        self.tunnels: list[str] = []
        self.forwards: list[str] = []
        self.refused = 0
        self.url = self.base_url
        self.url_with_credentials = self.url.replace("://", f"://{user}:{password}@") if user else self.url
        token = base64.b64encode(f"{user}:{password}".encode()).decode()
        self._expected = f"Basic {token}" if user else None

    def __enter__(self) -> ConnectProxy:
        super().__enter__()
        return self

    def _serve(self, connection: Connection, index: int) -> None:
        request = connection.request
        if self._expected is not None and request.headers.get("proxy-authorization") != self._expected:
            self.refused += 1
            connection.answer(407, headers={"proxy-authenticate": 'Basic realm="test"', "content-type": None})
            return
        if request.method == "CONNECT":
            self.tunnels.append(request.target)
            host, _, port = request.target.rpartition(":")
            opening = b""
        else:
            self.forwards.append(request.target)
            url = urlsplit(request.target)
            host, port = url.hostname or "", str(url.port or 80)
            origin_form = (url.path or "/") + (f"?{url.query}" if url.query else "")
            opening = request.raw.replace(request.target.encode(), origin_form.encode(), 1)
        try:
            upstream = socket.create_connection((host, int(port)), timeout=10)
        except OSError:
            connection.answer(502, headers={"content-type": None})
            return
        # A server that resets ends the tunnel: that is weather, not a fault of the test.
        with upstream, contextlib.suppress(OSError):
            upstream.settimeout(None)
            upstream.sendall(opening)
            if request.method == "CONNECT":
                connection.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
            relay(connection, upstream)


def relay(connection: Connection, upstream: socket.socket) -> None:
    """Carry bytes both ways until one side ends."""
    with selectors.DefaultSelector() as selector:
        selector.register(connection, selectors.EVENT_READ)
        selector.register(upstream, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is connection:
                    data = connection.receive()
                    if data:
                        upstream.sendall(data)
                else:
                    data = upstream.recv(65536)
                    if data:
                        connection.send(data)
                if not data:
                    return
