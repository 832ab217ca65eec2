"""`close()` in every phase of a connection: prompt, for good, and nothing is left behind."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme

from soasap import SoasapClientImpl, SoasapErrorContext
from tests.addresses import FullBacklog, connecting_to, free_port
from tests.clients import API_KEY, open_client
from tests.flagserver import Connection, ScriptedServer, hold_open
from tests.waiting import open_descriptors, thread_names, wait_until

PROMPT = 1.0
"""Seconds; under 0.1 are usual, and printed. A task that must be waited for takes 5."""

TimedClose = Callable[[SoasapClientImpl], None]


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """No test here leaves a thread or a descriptor."""
    threads, descriptors = thread_names(), open_descriptors()
    yield
    wait_until(lambda: threads == thread_names(), 2.0, f"the threads {threads}, not {thread_names()}")
    # Not by number: a hub's epoll set may be replaced by another one.
    wait_until(
        lambda: Counter(open_descriptors().values()) <= Counter(descriptors.values()), 2.0, f"only {descriptors}"
    )


@pytest.fixture
def timed_close(record_property: Callable[[str, object], None]) -> TimedClose:
    """Closes a client, measures, and looks for its threads at once."""

    def timed_close(client: SoasapClientImpl) -> None:
        started = time.perf_counter()
        client.close()
        taken = time.perf_counter() - started
        record_property("close_ms", round(taken * 1000, 2))
        print(f"close() took {taken * 1000:.2f} ms")

        assert taken < PROMPT
        assert [] == [name for name in thread_names() if name.startswith("soasap")]
        assert "closed" == client.status().state

    return timed_close


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
def test_idle_stream(secure: bool, ca: trustme.CA, ca_file: str, timed_close: TimedClose) -> None:
    """On a silent stream `close()` is prompt, and the server sees the connection's end."""
    with (
        ScriptedServer(hold_open(b'{"on": true}'), tls=ca if secure else None) as server,
        open_client(server.base_url, ca_file=ca_file) as client,
    ):
        assert client.wait_ready(10)
        timed_close(client)

        assert server.connections[0].wait_closed(2.0)
        assert client.get_bool("on") is True


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
def test_busy_stream(secure: bool, ca: trustme.CA, ca_file: str, timed_close: TimedClose) -> None:
    """While events pour in `close()` is prompt, and nothing is believed that was not sent."""
    errors: list[SoasapErrorContext] = []

    def script(connection: Connection, index: int) -> None:
        connection.head()
        while True:
            connection.event(b'{"on": true}')

    with (
        ScriptedServer(script, tls=ca if secure else None) as server,
        open_client(server.base_url, ca_file=ca_file, on_error=errors.append) as client,
    ):
        assert client.wait_ready(10)
        timed_close(client)

        assert [] == errors


def test_during_connect(timed_close: TimedClose) -> None:
    """A connection attempt that nobody answers is given up at once."""
    with FullBacklog() as nobody:
        before = connecting_to(nobody.port)  # the one that found the queue full
        with open_client(nobody.base_url, preload=True) as client:
            wait_until(lambda: connecting_to(nobody.port) > before, message="a connection attempt")
            timed_close(client)

            assert before == connecting_to(nobody.port)


def test_during_the_handshake(timed_close: TimedClose) -> None:
    """A TLS handshake that is not answered is given up at once."""
    with (
        ScriptedServer(hold_open(), answer_handshake=False) as server,
        open_client(server.base_url, preload=True) as client,
    ):
        server.wait_connections(1)
        timed_close(client)


@pytest.mark.parametrize("part", [b"", b"HTTP/1.1 200 OK\r\nContent-Ty"], ids=["nothing", "half"])
def test_during_the_wait_for_the_head(part: bytes, timed_close: TimedClose) -> None:
    """An answer that does not come, or stops in its head, is waited for no longer."""

    def script(connection: Connection, index: int) -> None:
        connection.send(part)
        connection.hang()

    with ScriptedServer(script) as server, open_client(server.base_url, preload=True) as client:
        server.wait_requests(1)
        timed_close(client)


def test_during_backoff(timed_close: TimedClose) -> None:
    """A pause between two attempts ends at once."""
    with open_client(f"http://127.0.0.1:{free_port()}", preload=True) as client:
        wait_until(lambda: 1 == client.status().errors, message="a failed attempt")
        timed_close(client)


def test_at_any_moment_of_a_start() -> None:
    """A start that `close()` meets half way, at whatever line, does not go on to wait for a silent server."""
    delays = random.Random(7)
    slowest = 0.0
    with ScriptedServer(lambda connection, index: connection.hang()) as server:
        for number in range(100):
            with open_client(server.base_url, preload=True) as client:
                until = time.perf_counter() + delays.random() * 0.004 * (number % 3) / 2
                while time.perf_counter() < until:
                    pass
                started = time.perf_counter()
                client.close()
                slowest = max(slowest, time.perf_counter() - started)
    print(f"the slowest close() of 100 took {slowest * 1000:.1f} ms")

    assert slowest < PROMPT


def test_never_started(timed_close: TimedClose) -> None:
    """A client that was never read closes too, and reads start nothing afterwards."""
    with ScriptedServer(hold_open(b'{"on": true}')) as server, open_client(server.base_url) as client:
        timed_close(client)

        assert client.get_bool("on") is False
        assert client.wait_ready(0.05) is False
        assert "closed" == client.status().state
        assert [] == server.connections


def test_twice_and_from_another_thread(timed_close: TimedClose) -> None:
    """Any thread may close, and closing again does nothing."""
    with ScriptedServer(hold_open(b"{}")) as server, open_client(server.base_url) as client:
        assert client.wait_ready(10)
        closers = [threading.Thread(target=client.close) for _ in range(4)]
        for closer in closers:
            closer.start()
        for closer in closers:
            closer.join(PROMPT)
            assert not closer.is_alive()
        timed_close(client)
        timed_close(client)


def test_inside_a_callback() -> None:
    """A handler of the application may close the client: it does not wait for itself."""
    taken: list[float] = []

    def close(context: SoasapErrorContext) -> None:
        started = time.perf_counter()
        client.close()
        taken.append(time.perf_counter() - started)

    with (
        ScriptedServer(hold_open(b"not json")) as server,
        open_client(server.base_url, on_error=close) as client,
    ):
        client.get_bool("on")
        wait_until(lambda: taken, message="the handler")

        assert taken[0] < PROMPT
        assert "closed" == client.status().state
        assert server.connections[0].wait_closed(2.0)


def test_inside_an_opener() -> None:
    """Even what runs on the stream's own task may close the client."""
    done = threading.Event()

    def opener(url: str, headers: dict[str, str], stop_event: object) -> object:
        client.close()
        done.set()
        raise OSError("closed")

    with open_client("http://localhost", preload=False, http_opener=opener) as client:
        client.get_bool("on")

        assert done.wait(PROMPT)


def test_blocked_callback() -> None:
    """A handler that never comes back does not hold up `close()`."""
    entered, leave = threading.Event(), threading.Event()

    def block(context: SoasapErrorContext) -> None:
        entered.set()
        leave.wait(30)

    with (
        ScriptedServer(hold_open(b"not json")) as server,
        open_client(server.base_url, on_error=block, preload=True) as client,
    ):
        assert entered.wait(10)
        started = time.perf_counter()
        client.close()
        taken = time.perf_counter() - started
        leave.set()

        assert taken < PROMPT


class SlowCache:
    """A disk on which every save takes its time."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.leave = threading.Event()
        self.saved: list[bytes] = []

    def load(self) -> bytes | None:
        return None

    def save(self, payload: bytes) -> None:
        self.entered.set()
        self.leave.wait(30)
        self.saved.append(payload)


def test_slow_disk() -> None:
    """A disk that hangs delays neither stream nor reads, and `close()` no longer than its timeout."""
    cache = SlowCache()
    with (
        ScriptedServer(hold_open(b'{"n": 1}')) as server,
        open_client(server.base_url, cache=cache, preload=True) as client,
    ):
        assert cache.entered.wait(10)
        server.connections[0].event(b'{"n": 2}')
        wait_until(lambda: 2 == client.get_int("n"), message="the second event")
        started = time.perf_counter()
        client.close(timeout=0.3)
        taken = time.perf_counter() - started
        cache.leave.set()
        wait_until(lambda: [b'{"n": 1}', b'{"n": 2}'] == cache.saved, message="the last snapshot in the cache")

    assert 0.3 <= taken < 0.3 + PROMPT


def test_pending_snapshot_is_saved(tmp_path: Path) -> None:
    """What the disk has not got yet is written before `close()` returns."""
    with (
        ScriptedServer(hold_open(b'{"n": 0}')) as server,
        open_client(server.base_url, cache="disk", cache_directory=str(tmp_path / "cache")) as client,
    ):
        assert client.wait_ready(10)
        for number in range(1, 20):
            server.connections[0].event(b'{"n": %d}' % number)
        wait_until(lambda: 19 == client.get_int("n"), message="the last change")
        client.close()
        (path,) = (tmp_path / "cache").iterdir()

        assert b'{"n": 19}' == path.read_bytes()


def test_many_clients_in_one_process() -> None:
    """Clients that come and go leave threads and descriptors as they were, and the server has no stream left."""
    with ScriptedServer(hold_open(b"{}")) as server:
        for _ in range(100):
            with open_client(server.base_url) as client:
                assert client.wait_ready(10)

        assert all(connection.wait_closed(2.0) for connection in server.connections)


def test_with_closes() -> None:
    """The client is a context manager."""
    with ScriptedServer(hold_open(b"{}")) as server, open_client(server.base_url) as client:
        with client as entered:
            assert entered is client
            assert client.wait_ready(10)

        assert "closed" == client.status().state
        assert f"<soasap client, closed, {0} flags>" == repr(client)
        assert API_KEY not in repr(client)
