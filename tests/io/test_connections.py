from __future__ import annotations

import contextlib
import errno
import http.client
import queue
import socket
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import pytest
import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.exceptions import NewConnectionError

from soasap._io.connections import connect, pool_classes
from soasap._io.waker import Waker
from soasap.concurrency.threads import ThreadsBackend
from soasap.protocols import AddressInfo
from tests.addresses import FullBacklog, free_port
from tests.flagserver import Connection, ScriptedServer, hold_open
from tests.io.streaming import Background, is_connecting
from tests.waiting import open_descriptors, wait_until

pytestmark = pytest.mark.usefixtures("nothing_left")


class Killed(BaseException):
    """As `gevent.GreenletExit`: no `Exception`."""


class NamesBackend(ThreadsBackend):
    """Knows the addresses of every name itself, as a name server would give them."""

    def __init__(self, *addresses: tuple[int, tuple[Any, ...]]) -> None:
        super().__init__()
        self._addresses = addresses

    def getaddrinfo(self, host: str, port: int) -> Sequence[AddressInfo]:
        return [(family, socket.SOCK_STREAM, 0, "", address) for family, address in self._addresses]


def loopback(port: int) -> tuple[int, tuple[Any, ...]]:
    return socket.AF_INET, ("127.0.0.1", port)


@pytest.fixture
def waker() -> Any:
    waker = Waker()
    yield waker
    waker.close()


class TestConnect:
    def test_keep_alive(self, waker: Waker) -> None:
        """A dead path is noticed within about a minute: 30 s idle, then 3 probes 10 s apart. Nothing is delayed."""
        with (
            ScriptedServer(hold_open()) as server,
            connect(ThreadsBackend(), waker, "127.0.0.1", server.port, 5.0) as sock,
        ):
            assert 1 == sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            assert 1 == sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            assert 30 == sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE)
            assert 10 == sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL)
            assert 3 == sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT)

    def test_first_address_refuses(self, waker: Waker) -> None:
        """The next address of a name is tried; of the dead one no descriptor stays."""
        with ScriptedServer(hold_open()) as server:
            backend = NamesBackend(loopback(free_port()), loopback(server.port))
            before = open_descriptors()
            with connect(backend, waker, "flags.example", 80, 5.0) as sock:
                server.wait_connections(1)
                ours = [name for name in open_descriptors().values() if name not in before.values()]

                assert ("127.0.0.1", server.port) == sock.getpeername()
                # The socket, its duplicate in the waker, and the server's end.
                assert 3 == len(ours)

    def test_first_address_is_silent(self, waker: Waker) -> None:
        """An address that does not answer costs the connect timeout, then the next one is tried."""
        with ScriptedServer(hold_open()) as server, FullBacklog() as silent:
            backend = NamesBackend(loopback(silent.port), loopback(server.port))
            with connect(backend, waker, "flags.example", 80, 0.2) as sock:
                assert ("127.0.0.1", server.port) == sock.getpeername()

    def test_family_not_supported(self, waker: Waker) -> None:
        """An address of a family that this system does not have is passed over, too."""
        with ScriptedServer(hold_open()) as server:
            backend = NamesBackend((999, ("nowhere", 1)), loopback(server.port))
            with connect(backend, waker, "flags.example", 80, 5.0) as sock:
                assert ("127.0.0.1", server.port) == sock.getpeername()

    def test_all_dead(self, waker: Waker) -> None:
        """When no address answers, the error of the last one is raised."""
        with FullBacklog() as silent:
            backend = NamesBackend(loopback(silent.port), loopback(free_port()))
            with pytest.raises(ConnectionRefusedError):
                connect(backend, waker, "flags.example", 80, 0.1)

    def test_timeout(self, waker: Waker) -> None:
        """A connect that takes too long is an error that names the limit."""
        with FullBacklog() as silent, pytest.raises(TimeoutError) as caught:
            connect(ThreadsBackend(), waker, "127.0.0.1", silent.port, 0.1)

        assert "no connection within 0.1 s" == str(caught.value)

    def test_system_gives_up_first(self, waker: Waker) -> None:
        """If the system gives up before our time is up, the error says so, and names no limit of ours."""

        class HastyBackend(ThreadsBackend):
            def socket(self, family: int, kind: int, protocol: int) -> Any:
                made = socket.socket(family, kind, protocol)
                made.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 200)  # milliseconds
                return made

        with FullBacklog() as silent, pytest.raises(TimeoutError) as caught:
            connect(HastyBackend(), waker, "127.0.0.1", silent.port, 60.0)

        assert errno.ETIMEDOUT == caught.value.errno

    def test_no_address(self, waker: Waker) -> None:
        """A name without any address is an error that names it."""
        with pytest.raises(OSError, match=r"flags\.example"):
            connect(NamesBackend(), waker, "flags.example", 80, 5.0)

    def test_unknown_host(self, waker: Waker) -> None:
        """A host that nobody knows is a `gaierror`."""
        with pytest.raises(socket.gaierror):
            connect(ThreadsBackend(), waker, "nobody.invalid", 80, 5.0)

    def test_killed(self, waker: Waker) -> None:
        """A task that is killed while it connects leaves no socket behind."""

        class KilledSocket(socket.socket):
            def connect(self, address: Any) -> None:
                raise Killed

        class KilledBackend(ThreadsBackend):
            def socket(self, family: int, kind: int, protocol: int) -> Any:
                return KilledSocket(family, kind, protocol)

        with pytest.raises(Killed):
            connect(KilledBackend(), waker, "127.0.0.1", free_port(), 5.0)

    def test_killed_before_there_is_a_socket(self, waker: Waker) -> None:
        """A task that is killed before it has a socket passes that on."""

        class KilledBackend(ThreadsBackend):
            def socket(self, family: int, kind: int, protocol: int) -> Any:
                raise Killed

        with pytest.raises(Killed):
            connect(KilledBackend(), waker, "127.0.0.1", free_port(), 5.0)

    def test_woken_before(self, waker: Waker) -> None:
        """Once woken, no connection is begun."""
        waker.wake()

        with ScriptedServer(hold_open()) as server:
            with pytest.raises(OSError, match="being closed"):
                connect(ThreadsBackend(), waker, "127.0.0.1", server.port, 5.0)

            assert [] == server.connections

    def test_woken_meanwhile(self, waker: Waker) -> None:
        """Woken while one address is silent, no other one is tried."""
        with FullBacklog() as silent, ScriptedServer(hold_open()) as server:
            backend = NamesBackend(loopback(silent.port), loopback(server.port))

            def attempt() -> None:
                with pytest.raises(OSError, match="being closed"):
                    connect(backend, waker, "flags.example", 80, 30.0)

            connecting = Background(attempt)
            wait_until(lambda: is_connecting(silent.port))

            waker.wake()

            connecting.wait()
            assert [] == server.connections


class TestUrllib3:
    """What this relies on beyond the documented interface of urllib3 and http.client."""

    def test_names(self) -> None:
        """The names that are overridden or read exist."""
        assert callable(HTTPConnection._new_conn)
        assert callable(HTTPSConnection._new_conn)
        assert "Example.com." == HTTPConnection("Example.com.")._dns_host
        assert HTTPConnection is HTTPConnectionPool.ConnectionCls
        assert queue.LifoQueue is HTTPConnectionPool.QueueCls
        assert {"http", "https"} == urllib3.PoolManager().pool_classes_by_scheme.keys()
        assert callable(getattr(http.client.HTTPResponse, "_read_status", None))
        assert callable(getattr(http.client.HTTPResponse, "_read_next_chunk_size", None))

    def test_version(self) -> None:
        """The floor of the requirement is the one with `read1` and without known advisories."""
        assert (2, 7) <= tuple(int(part) for part in version("urllib3").split(".")[:2])

    def test_pools(self, waker: Waker) -> None:
        """A pool manager makes its connections and answers from our classes."""
        with ScriptedServer(hold_open(b"{}")) as server, self.manager(waker) as pools:
            response = pools.request("GET", server.base_url, preload_content=False, retries=False)
            with contextlib.closing(response):
                assert b"data: {}\n\n" == response.read1(100)

                waker.wake()

                assert b"" == response.read1(100)

    def test_nothing_is_kept(self, waker: Waker) -> None:
        """A connection is not used again, even if the server keeps it open after the end of the body."""

        def script(connection: Connection, index: int) -> None:
            connection.head()
            connection.end()
            assert connection.wait_closed()

        with ScriptedServer(script) as server, self.manager(waker) as pools:
            for _ in range(2):
                response = pools.request("GET", server.base_url, preload_content=False, retries=False)

                assert b"" == response.read1(100)

                waker.close()

            assert 2 == len(server.connections)

    def test_refused(self, waker: Waker) -> None:
        """What the system says reaches urllib3's own errors."""
        with self.manager(waker) as pools, pytest.raises(NewConnectionError) as caught:
            pools.request("GET", f"http://127.0.0.1:{free_port()}", retries=False)

        assert isinstance(caught.value.__cause__, ConnectionRefusedError)

    @staticmethod
    def manager(waker: Waker) -> urllib3.PoolManager:
        pools = urllib3.PoolManager(num_pools=1, maxsize=1)
        pools.pool_classes_by_scheme = pool_classes(ThreadsBackend(), waker, 5.0, 5.0, 5.0)
        return pools
