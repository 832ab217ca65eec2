"""The network as it is: silence, cuts, dead addresses, servers that die or freeze, proxies and certificates."""

from __future__ import annotations

import ctypes
import datetime
import errno
import os
import signal
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import trustme

from soasap import SoasapClientImpl, SoasapErrorContext, SoasapErrorSource
from soasap._devserver.process import ServerProcess
from soasap._sansio.backoff import FAILURE_PAUSE, FIRST_SPREAD, MAX_DELAY
from soasap.concurrency.auto import make_backend
from soasap.exceptions import CertificateRefused, ConnectionFailed
from soasap.protocols import AddressInfo
from tests.addresses import free_port
from tests.clients import open_client
from tests.connect_proxy import ConnectProxy
from tests.faults.weather import BEFORE, Fault, survive
from tests.flagserver import Connection, ScriptedServer, hold_open
from tests.time_lapse import TimeLapse
from tests.waiting import wait_until

TRANSIENT = [("ConnectionFailed", True)]

SILENCE = 0.3
"""Seconds that a test grants a server: ours are 10, 15 and 300."""

ATTEMPTS = 16
SHORT = 6.0
"""Seconds: the first pause is shorter, and of a dozen that have grown one is longer, but for once in a million."""

LONGEST = FAILURE_PAUSE + MAX_DELAY

# --- Silence.


def half_open(connection: Connection) -> None:
    """One event, and nothing more, while the connection stays."""
    connection.head()
    connection.event(BEFORE)
    connection.hang()


def silent_inside_an_event(connection: Connection) -> None:
    connection.head()
    connection.chunk(b'data: {"n": 5')
    connection.hang()


def silent_inside_a_chunk(connection: Connection) -> None:
    connection.head()
    connection.send(b'400\r\ndata: {"n": 5}\n')
    connection.hang()


@pytest.mark.parametrize("fault", [half_open, silent_inside_an_event, silent_inside_a_chunk])
def test_silence_on_an_open_stream(fault: Fault) -> None:
    """After the silence allowed the connection counts as dead: one report, and another connection is good."""
    survival = survive(fault, read_timeout=SILENCE)

    assert TRANSIENT == survival.kinds()
    assert f"nothing was heard for {SILENCE:g} s" in survival.words()


def unanswered(connection: Connection) -> None:
    connection.hang()


def dripping_head(connection: Connection) -> None:
    """A header every 20 ms: each read is quick, and the head never ends."""
    connection.send(b"HTTP/1.1 200 OK\r\n")
    while True:
        connection.send(b"X-More: to come\r\n")
        time.sleep(0.02)


@pytest.mark.parametrize("fault", [unanswered, dripping_head])
def test_no_answer_in_time(fault: Fault) -> None:
    """A request that is read and not answered, or not to the end, is given up after the response timeout."""
    survival = survive(fault, response_timeout=SILENCE)

    assert TRANSIENT == survival.kinds()
    assert f"did not end within {SILENCE:g} s" in survival.words()


ENDLESS: dict[str, tuple[bytes, str]] = {
    "one line": (b"x" * 4096, "got more than 65536 bytes"),
    "short lines": (b"X: y\r\n", "got more than 100 headers"),
    "long lines": (b"X: " + b"y" * 30_000 + b"\r\n", "the response head is longer than 65536 bytes"),
}


@pytest.mark.parametrize(("piece", "words"), ENDLESS.values(), ids=ENDLESS)
def test_head_without_end(piece: bytes, words: str) -> None:
    """A head that is too long is given up by its size, long before the time is up."""
    sent = 0

    def fault(connection: Connection) -> None:
        nonlocal sent
        connection.send(b"HTTP/1.1 200 OK\r\nX-First: ")
        while sent < 200_000_000:
            connection.send(piece * 10)
            sent += len(piece) * 10

    started = time.monotonic()
    survival = survive(fault, response_timeout=60)

    assert TRANSIENT == survival.kinds()
    assert words in survival.words()
    assert time.monotonic() - started < 30
    assert sent < 50_000_000  # what fits into the buffers of the two kernels' ends, and no more


# --- A path that is dead: nobody tells us.


def probe_faster(client: SoasapClientImpl) -> None:
    """Let the kernel probe the client's connection ten times as often: after 3 s, then 3 times a second apart."""
    run = client._supervisor.run
    assert run is not None
    transport: Any = run.transport
    ((duplicate, _),) = transport._waker._watched  # of the very connection, whatever the backend's socket is
    for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL):
        duplicate.setsockopt(socket.IPPROTO_TCP, option, duplicate.getsockopt(socket.IPPROTO_TCP, option) // 10)


SO_ATTACH_FILTER = 26


def go_dead(connection: Connection) -> None:
    """
    Let the kernel drop whatever reaches this end from now on, acknowledgements and probes of the other end included.

    A socket filter of one instruction, "keep 0 bytes" (Linux). The other end sees what it would see if a router on the
    way had forgotten the connection: nothing at all.
    """
    instruction = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))
    program = struct.pack("HL", 1, ctypes.addressof(instruction))
    with socket.socket(fileno=os.dup(connection.fileno())) as bare:
        bare.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program)


def test_dead_path() -> None:
    """
    A path that swallows everything is noticed by the probes of TCP, though nothing is sent and no timeout is near.

    Here at ten times the pace: within 6 s. `test_connections.TestConnect.test_keep_alive` has the real figures, which
    make a minute.
    """
    errors: list[SoasapErrorContext] = []
    with (
        ScriptedServer(hold_open(BEFORE)) as server,
        open_client(server.base_url, on_error=errors.append) as client,
    ):
        assert client.wait_ready(10)
        probe_faster(client)
        died = time.monotonic()
        go_dead(server.connections[0])
        server.wait_connections(2, 30)
        noticed = time.monotonic() - died
        wait_until(lambda: "live" == client.status().state, message="the next stream")

        assert 1 == client.get_int("n")
        assert [True] == [error.is_transient for error in errors]
        assert os.strerror(errno.ETIMEDOUT) in str(errors[0].exception)
        assert 3 < noticed < 20
        server.connections[0].reset()


def test_idle_stream_is_probed() -> None:
    """The kernel has a probe scheduled for the connection of an idle stream, within 30 s."""
    with ScriptedServer(hold_open(BEFORE)) as server, open_client(server.base_url) as client:
        assert client.wait_ready(10)

        wait_until(lambda: 0 < next_probe(server.port) <= 30, message=f"a probe, not {next_probe(server.port)}")


def next_probe(server_port: int) -> float:
    """Seconds until the kernel probes our connection to that port; -1 if it does not mean to."""
    with open("/proc/net/tcp", encoding="ascii") as table:
        for line in table.readlines()[1:]:
            _, _, remote, state, _, timer = line.split()[:6]
            if remote.endswith(f":{server_port:04X}") and state == "01":
                kind, due = timer.split(":")
                return int(due, 16) / os.sysconf("SC_CLK_TCK") if kind == "02" else -1.0
    return -1.0


# --- Nobody there.


def test_nothing_listens_and_then_something_does() -> None:
    """A refused connection is transient and tried again for ever; the first server that listens is heard."""
    errors: list[SoasapErrorContext] = []
    lapse = TimeLapse()
    port = free_port()
    with open_client(f"http://127.0.0.1:{port}", on_error=errors.append, backend=lapse) as client:
        client.get_int("n")
        wait_until(lambda: ATTEMPTS <= len(lapse.delays), message="attempts")
        with ScriptedServer(hold_open(BEFORE), port=port):
            wait_until(lambda: 1 == client.get_int("n"), message="the flags")

    assert all(isinstance(error.exception, ConnectionFailed) and error.is_transient for error in errors)
    assert {SoasapErrorSource.NETWORK} == {error.source for error in errors}
    assert f"127.0.0.1:{port}" in str(errors[0].exception)
    delays = lapse.delays[:ATTEMPTS]  # the end of the server is followed by another one
    assert all(FAILURE_PAUSE <= delay <= LONGEST for delay in delays)
    assert delays[0] < SHORT < max(delays[4:])


def test_unknown_host() -> None:
    """A host that no name server knows is transient: it may be known in a moment."""
    lapse = TimeLapse()
    with open_client("http://flags.invalid", backend=lapse) as client:
        client.get_int("n")
        wait_until(lambda: 2 <= len(lapse.delays), 60, "two attempts")
        error = client.status().last_error

    assert error is not None
    assert isinstance(error.exception, ConnectionFailed)
    assert (SoasapErrorSource.NETWORK, True) == (error.source, error.is_transient)
    assert "flags.invalid" in str(error.exception)


def test_first_address_is_dead() -> None:
    """Of a name with two addresses, the first one dead, the second one serves, without a report."""
    dead = free_port()

    class TwoAddresses:
        def __init__(self) -> None:
            self._backend: Any = make_backend("auto")

        def __getattr__(self, name: str) -> Any:
            return getattr(self._backend, name)

        def getaddrinfo(self, host: str, port: int) -> Sequence[AddressInfo]:
            (alive,) = self._backend.getaddrinfo("127.0.0.1", port)
            return [(*alive[:4], ("127.0.0.1", dead)), alive]

    with (
        ScriptedServer(hold_open(BEFORE)) as server,
        open_client(f"http://flags.example:{server.port}", backend=TwoAddresses) as client,
    ):
        assert client.wait_ready(10)
        assert (1, 0) == (client.status().connects, client.status().errors)


# --- Servers that die and freeze.


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[[int, int], ServerProcess]]:
    """Starts `soasap serve` on a port (0: a free one) with the flag `n`; kills it in the end."""
    file = tmp_path / "flags.json"
    started: list[ServerProcess] = []

    def serve(port: int, n: int) -> ServerProcess:
        file.write_text(f'{{"n": {n}}}')
        process = ServerProcess(str(file), port=port, options=["--keep-alive", "0.5"], ready_timeout=60)
        started.append(process)
        return process

    yield serve
    for process in started:
        process.kill()


def test_server_is_killed_and_restarted(serve: Callable[[int, int], ServerProcess]) -> None:
    """A server killed without warning is missed, and found again on its port, with one stream and its news."""
    errors: list[SoasapErrorContext] = []
    server = serve(0, 1)
    with open_client(server.url, on_error=errors.append) as client:
        assert client.wait_ready(30)
        server.kill()
        wait_until(lambda: "stale" == client.status().state, message="the loss")
        assert 1 == client.get_int("n")
        back = serve(server.port, 2)
        wait_until(lambda: 2 == client.get_int("n"), LONGEST, "news")

        assert 1 == len(back.streams())
    assert all(isinstance(error.exception, ConnectionFailed) for error in errors)


def test_server_is_stopped_and_continued(serve: Callable[[int, int], ServerProcess]) -> None:
    """A server that freezes is given up after the silence allowed; thawed, it has one stream of ours, not two."""
    server = serve(0, 1)
    with open_client(server.url, read_timeout=1.0, response_timeout=1.0) as client:
        assert client.wait_ready(30)
        os.kill(server.pid, signal.SIGSTOP)
        try:
            wait_until(lambda: 2 <= client.status().errors, 30, "the loss, and an attempt that is not answered")
            assert 1 == client.get_int("n")
        finally:
            os.kill(server.pid, signal.SIGCONT)
        wait_until(lambda: "live" == client.status().state, 30, "the next stream")
        wait_until(lambda: 1 == len(server.streams()), 30, f"one stream, not {server.streams()}")


# --- Cuts.


def reset_inside_an_event(connection: Connection) -> None:
    connection.head()
    connection.chunk(b'data: {"n": 5')
    connection.reset()


def end_inside_a_chunk(connection: Connection) -> None:
    connection.head()
    connection.send(b'400\r\ndata: {"n": 5}\n')


def end_inside_a_length(connection: Connection) -> None:
    connection.head(framing="length")
    connection.send(b'data: {"n": 5}\n')


def end_inside_the_head(connection: Connection) -> None:
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-st")


def end_without_an_answer(connection: Connection) -> None:
    pass


CUTS = [reset_inside_an_event, end_inside_a_chunk, end_inside_a_length, end_inside_the_head, end_without_an_answer]


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("fault", CUTS)
def test_cut(fault: Fault, secure: bool, ca: trustme.CA, ca_file: str) -> None:
    """A connection that breaks is one transient report; half an event is dropped, the next connection is good."""
    survival = survive(fault, secure=ca if secure else None, ca_file=ca_file)

    assert TRANSIENT == survival.kinds()


def end_inside_an_event(connection: Connection) -> None:
    """A whole body, as HTTP sees it."""
    connection.head()
    connection.chunk(b'data: {"n": 5}\n')
    connection.end()


def test_end_inside_an_event() -> None:
    """Where HTTP sees no fault half an event is one all the same: it is reported and not believed."""
    survival = survive(end_inside_an_event)

    assert TRANSIENT == survival.kinds()
    assert "the stream ended inside an event" == survival.words()


def end_between_events(connection: Connection) -> None:
    """As nginx and load balancers end a stream that was silent for too long: without the last chunk."""
    connection.head()
    connection.event(BEFORE)
    connection.comment(b" alive")


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
def test_end_between_events(secure: bool, ca: trustme.CA, ca_file: str) -> None:
    """A stream may end at any time between two events: the client comes back and reports nothing."""
    assert [] == survive(end_between_events, secure=ca if secure else None, ca_file=ca_file).kinds()


def flap(connection: Connection) -> None:
    """Works, and ends at once."""
    connection.head()
    connection.event(BEFORE)
    connection.end()


def test_flapping() -> None:
    """A server that takes each connection and ends it at once is asked less and less often, without a report."""
    survival = survive(*[flap] * ATTEMPTS)

    assert [] == survival.kinds()
    assert all(0 <= delay <= LONGEST for delay in survival.delays)
    assert survival.delays[0] < SHORT < max(survival.delays[4:])


CLIENTS = 40


def test_all_clients_are_cut_at_once() -> None:
    """Clients that lose their streams at the same moment come back spread over two seconds, every one of them."""
    cut = threading.Event()

    def script(connection: Connection, index: int) -> None:
        connection.head()
        connection.event(BEFORE)
        if index < CLIENTS:
            cut.wait(60)
            connection.end()
        else:
            connection.hang()

    with ScriptedServer(script) as server:
        with_clients = [open_client(server.base_url) for _ in range(CLIENTS)]
        clients = [each.__enter__() for each in with_clients]
        try:
            wait_until(lambda: all(client.wait_ready(30) for client in clients), 60, "all streams")
            moment = time.monotonic()
            cut.set()
            server.wait_connections(2 * CLIENTS, 30)
        finally:
            for each in with_clients:
                each.__exit__(None, None, None)
        arrivals = sorted(connection.accepted - moment for connection in server.connections[CLIENTS:])

    assert CLIENTS == len(arrivals)
    assert (
        1.0 < arrivals[-1] - arrivals[0]
    )  # 1.8 s are usual; release 1.0.3 has them all back within 0.4 s of each other
    assert arrivals[-1] < FIRST_SPREAD + 8.0


# --- Slow, but alive.


@pytest.mark.parametrize(("size", "pause"), [(2, 0.03), (1, 0.005)], ids=["two bytes per 30 ms", "byte by byte"])
def test_dripping_event(size: int, pause: float) -> None:
    """Bytes that drip in keep the stream alive for longer than silence may last, and the event arrives."""
    event = b"data: {" + b" " * 50 + b'"n": 2}\n\n'
    with (
        ScriptedServer(hold_open(BEFORE)) as server,
        open_client(server.base_url, read_timeout=SILENCE) as client,
    ):
        assert client.wait_ready(10)
        began = time.monotonic()
        for start in range(0, len(event), size):
            server.connections[0].chunk(event[start : start + size])
            time.sleep(pause)
        wait_until(lambda: 2 == client.get_int("n"), message="the event")

        assert time.monotonic() - began > SILENCE
        assert (1, 0) == (client.status().connects, client.status().errors)


# --- Proxies.


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy"])
def test_proxy_variable_points_nowhere(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The report names the proxy, so that nobody looks for the fault at the service; NO_PROXY leads around it."""
    port = free_port()
    monkeypatch.setenv(name, f"http://someone:s3cret@127.0.0.1:{port}")
    errors: list[SoasapErrorContext] = []
    with ScriptedServer(hold_open(BEFORE)) as server:
        with open_client(server.base_url, on_error=errors.append) as client:
            client.get_int("n")
            wait_until(lambda: errors, message="the report")

        assert isinstance(errors[0].exception, ConnectionFailed)
        assert errors[0].is_transient
        assert f"through the proxy http://127.0.0.1:{port}" in str(errors[0].exception)
        assert "s3cret" not in repr(errors[0])
        assert [] == server.connections
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        with open_client(server.base_url) as client:
            assert client.wait_ready(10)


def test_proxy_that_needs_connect(ca: trustme.CA, ca_file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over https the proxy of the environment is asked for a tunnel, and never sees the key."""
    with ScriptedServer(hold_open(BEFORE), tls=ca) as server, ConnectProxy("someone", "s3cret") as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url_with_credentials)
        with open_client(server.base_url, ca_file=ca_file) as client:
            assert client.wait_ready(10)

        assert [f"127.0.0.1:{server.port}"] == proxy.tunnels
        assert "x-api-key" not in proxy.requests[0].headers


# --- Certificates.


def expired(ca: trustme.CA) -> trustme.LeafCert:
    return ca.issue_cert("127.0.0.1", not_after=datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc))


CERTIFICATES: dict[str, tuple[Callable[[trustme.CA], trustme.LeafCert], str]] = {
    "unknown": (lambda ca: trustme.CA().issue_cert("127.0.0.1"), "pass ca_file"),
    "wrong host": (lambda ca: ca.issue_cert("elsewhere.example"), "127.0.0.1"),
    "expired": (expired, "expired"),
}


@pytest.mark.parametrize(("issue", "words"), CERTIFICATES.values(), ids=CERTIFICATES)
def test_certificate_is_refused(
    issue: Callable[[trustme.CA], trustme.LeafCert], words: str, ca: trustme.CA, ca_file: str
) -> None:
    """A certificate that does not pass is reported in plain words, as nothing that passes; no request leaves."""
    errors: list[SoasapErrorContext] = []
    lapse = TimeLapse()
    with (
        ScriptedServer(hold_open(BEFORE), tls=issue(ca)) as server,
        open_client(server.base_url, ca_file=ca_file, on_error=errors.append, backend=lapse) as client,
    ):
        client.get_int("n")
        wait_until(lambda: 8 <= len(errors), 30, "eight attempts")

        assert [] == server.requests
        assert 0 == client.get_int("n")
    assert {(SoasapErrorSource.NETWORK, False)} == {(error.source, error.is_transient) for error in errors}
    assert all(isinstance(error.exception, CertificateRefused) for error in errors)
    assert words in str(errors[0].exception)
    assert max(lapse.delays) <= LONGEST  # ordinary delays: whoever renews it does not wait an hour
