"""The scripted flag server and its helpers do what the other tests believe of them."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time

import pytest
import trustme
import urllib3

from tests.addresses import FullBacklog, free_port
from tests.connect_proxy import ConnectProxy
from tests.flagserver import Connection, ScriptedServer, hold_open
from tests.scripted_connection import FRAMINGS, Framing
from tests.waiting import open_descriptors, thread_names, wait_until


def client_context(ca: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    ca.configure_trust(context)
    return context


def read_event(response: urllib3.BaseHTTPResponse) -> bytes:
    received = b""
    while not received.endswith(b"\n\n"):
        data = response.read1(65536)
        assert data, f"the stream ended after {received!r}"
        received += data
    return received


@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("secure", [False, True])
def test_event_is_readable_at_once_in_every_framing(framing: Framing, secure: bool, ca: trustme.CA) -> None:
    """An event followed by silence can be read in all four framings, with and without TLS."""

    def script(connection: Connection, index: int) -> None:
        connection.head(framing=framing)
        connection.event(b'{"a": 1,\n"b": 2}')
        connection.hang()

    with (
        ScriptedServer(script, tls=ca if secure else None) as server,
        urllib3.PoolManager(ssl_context=client_context(ca)) as pool,
    ):
        response = pool.request("GET", f"{server.base_url}/x", headers={"X-Api-Key": "k"}, preload_content=False)

        assert b'data: {"a": 1,\ndata: "b": 2}\n\n' == read_event(response)
        assert "text/event-stream" == response.headers["content-type"]
        response.close()

        assert server.connections[0].wait_closed()
        assert ("GET", "/x") == (server.requests[0].method, server.requests[0].target)
        assert "k" == server.requests[0].headers["x-api-key"]


def test_each_connection_runs_the_script_with_its_index() -> None:
    """The script is called once per connection, and a whole answer ends it."""

    def script(connection: Connection, index: int) -> None:
        connection.answer(503 if index == 0 else 200, b"%d" % index, headers={"retry-after": "1"})

    seen = []
    with ScriptedServer(script) as server:
        for _ in range(2):
            client = http.client.HTTPConnection("127.0.0.1", server.port)
            client.request("GET", "/")
            response = client.getresponse()
            seen.append((response.status, response.read(), response.getheader("retry-after")))
            client.close()
        server.wait_connections(2)

    assert [(503, b"0", "1"), (200, b"1", "1")] == seen


def test_end_of_body_and_comment() -> None:
    """A chunked body ends where the script ends it."""

    def script(connection: Connection, index: int) -> None:
        connection.head()
        connection.comment(b"hi")
        connection.flags({"x": True})
        connection.end()

    with ScriptedServer(script) as server, urllib3.PoolManager() as pool:
        body = pool.request("GET", server.base_url).data

    assert b':hi\n\ndata: {"x": true}\n\n' == body


def test_test_may_speak_while_the_script_hangs(ca: trustme.CA) -> None:
    """The test sends on a connection that its script only holds open."""
    with (
        ScriptedServer(hold_open(b"{}"), tls=ca) as server,
        urllib3.PoolManager(ssl_context=client_context(ca)) as pool,
    ):
        response = pool.request("GET", server.base_url, preload_content=False)
        first = read_event(response)
        started = time.monotonic()
        server.connections[0].event(b"[]")

        assert (b"data: {}\n\n", b"data: []\n\n") == (first, read_event(response))
        assert time.monotonic() - started < 0.2
        response.close()


def test_reset_is_seen_as_reset() -> None:
    """`reset` sends RST, not FIN."""

    def script(connection: Connection, index: int) -> None:
        connection.reset()

    with ScriptedServer(script) as server, socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")

        with pytest.raises(ConnectionResetError):
            client.recv(1)


def test_wait_closed_tells_open_from_closed() -> None:
    """`wait_closed` is false while the client is there, and true soon after it went."""
    with ScriptedServer(hold_open()) as server:
        client = socket.create_connection(("127.0.0.1", server.port))
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        server.wait_requests(1)

        assert not server.connections[0].wait_closed(0.05)

        client.close()

        assert server.connections[0].wait_closed(1.0)


def test_silent_handshake_and_refused_certificate(ca: trustme.CA) -> None:
    """A handshake may stay unanswered; one that fails is recorded and no request arrives."""
    with (
        ScriptedServer(hold_open(), answer_handshake=False) as silent,
        socket.create_connection(("127.0.0.1", silent.port), timeout=0.1) as client,
        pytest.raises(TimeoutError),
    ):
        client_context(ca).wrap_socket(client, server_hostname="localhost")

    with (
        ScriptedServer(hold_open(), tls=ca) as server,
        socket.create_connection(("127.0.0.1", server.port), timeout=10) as client,
        pytest.raises(ssl.SSLCertVerificationError),
    ):
        ssl.create_default_context().wrap_socket(client, server_hostname="localhost")

    assert isinstance(server.connections[0].handshake_error, ssl.SSLError)
    assert [] == server.requests


def test_client_certificate_is_demanded(ca: trustme.CA) -> None:
    """With `client_ca` a client without a certificate of it does not get through."""
    own = client_context(ca)
    ca.issue_cert("client").configure_cert(own)

    with (
        ScriptedServer(lambda connection, _: connection.answer(200, b"in"), tls=ca, client_ca=ca) as server,
        urllib3.PoolManager(ssl_context=own) as pool,
        urllib3.PoolManager(ssl_context=client_context(ca)) as stranger,
    ):
        assert b"in" == pool.request("GET", server.base_url).data
        with pytest.raises(urllib3.exceptions.HTTPError):
            stranger.request("GET", server.base_url, retries=False)


def test_scripts_own_error_fails_the_test() -> None:
    """What a script raises comes out at the end of the `with` block."""

    def script(connection: Connection, index: int) -> None:
        raise LookupError("in the script")

    def visit() -> None:
        with (
            ScriptedServer(script) as server,
            socket.create_connection(("127.0.0.1", server.port)) as client,
        ):
            client.sendall(b"GET / HTTP/1.1\r\n\r\n")
            client.recv(1)

    with pytest.raises(LookupError, match="in the script"):
        visit()


def test_stop_leaves_nothing_behind(ca: trustme.CA) -> None:
    """Stopping ends blocked sends, hanging scripts and half requests; no thread and no descriptor stays."""

    def script(connection: Connection, index: int) -> None:
        connection.head()
        if index == 0:
            connection.chunk(b"x" * 50_000_000)  # nobody reads: blocks
        connection.hang()

    before, threads = open_descriptors(), thread_names()
    started = time.monotonic()
    with ScriptedServer(script) as server:
        clients = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(3)]
        for client, request in zip(clients, [b"GET / HTTP/1.1\r\n\r\n"] * 2 + [b"GET /ha"], strict=True):
            client.sendall(request)
        server.wait_requests(2)
    for client in clients:
        client.close()

    assert before == open_descriptors()
    assert threads == thread_names()
    assert time.monotonic() - started < 2.0


def test_server_comes_back_on_the_same_port() -> None:
    """A port can be taken again at once after a stop."""
    with ScriptedServer(hold_open()) as first, socket.create_connection(("127.0.0.1", first.port)):
        first.wait_connections(1)
    with (
        ScriptedServer(lambda connection, _: connection.answer(200, b"again"), port=first.port) as second,
        urllib3.PoolManager() as pool,
    ):
        assert b"again" == pool.request("GET", second.base_url).data


def test_full_backlog_blocks_connect_and_free_port_refuses() -> None:
    """`connect` blocks on one and is refused by the other."""
    with (
        FullBacklog() as full,
        pytest.raises(TimeoutError),
    ):
        socket.create_connection(("127.0.0.1", full.port), timeout=0.2)

    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", free_port()), timeout=1)


def test_proxy_tunnels_and_forwards(ca: trustme.CA) -> None:
    """HTTPS goes through a tunnel, HTTP is passed on, and both are counted."""

    def script(connection: Connection, index: int) -> None:
        connection.answer(200, connection.request.target.encode())

    with (
        ScriptedServer(script, tls=ca) as secure,
        ScriptedServer(script) as plain,
        ConnectProxy() as proxy,
        urllib3.ProxyManager(proxy.url, ssl_context=client_context(ca)) as pool,
    ):
        bodies = [pool.request("GET", f"{server.base_url}/p?q").data for server in (secure, plain)]

    assert [b"/p?q", b"/p?q"] == bodies
    assert [f"127.0.0.1:{secure.port}"] == proxy.tunnels
    assert [f"{plain.base_url}/p?q"] == proxy.forwards


def test_proxy_demands_credentials(ca: trustme.CA) -> None:
    """Without the right user and password the proxy answers 407 and opens no tunnel."""
    with (
        ScriptedServer(lambda connection, _: connection.answer(200, b"in"), tls=ca) as server,
        ConnectProxy("user", "secret") as proxy,
        urllib3.ProxyManager(
            proxy.url,
            proxy_headers=urllib3.make_headers(proxy_basic_auth="user:secret"),
            ssl_context=client_context(ca),
        ) as pool,
        urllib3.ProxyManager(proxy.url, ssl_context=client_context(ca)) as stranger,
    ):
        assert b"in" == pool.request("GET", server.base_url).data
        with pytest.raises(urllib3.exceptions.ProxyError):
            stranger.request("GET", server.base_url, retries=False)

    assert 1 == proxy.refused
    assert 1 == len(proxy.tunnels)


def test_wait_until_names_what_it_waited_for() -> None:
    """`wait_until` returns when the condition holds and otherwise says what did not."""
    event = threading.Event()
    threading.Timer(0.01, event.set).start()
    wait_until(event.is_set)

    with pytest.raises(AssertionError, match="the moon"):
        wait_until(lambda: False, 0.01, "the moon")
