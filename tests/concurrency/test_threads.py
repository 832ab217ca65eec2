"""Native threads: events that a signal handler may set, tasks that keep no process alive, and the gate."""

from __future__ import annotations

import math
import signal
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import trustme

from soasap.concurrency import fork
from soasap.concurrency.threads import ThreadEvent, ThreadsBackend, ThreadTask
from tests.flagserver import ScriptedServer, hold_open
from tests.waiting import wait_until


@pytest.fixture
def backend() -> ThreadsBackend:
    return ThreadsBackend()


@pytest.fixture
def alarm() -> Iterator[Callable[[float, Callable[[], object]], None]]:
    """Has a signal handler call a function, in so many seconds."""

    def arm(seconds: float, function: Callable[[], object]) -> None:
        signal.signal(signal.SIGALRM, lambda *_: function())
        signal.setitimer(signal.ITIMER_REAL, seconds)

    before = signal.getsignal(signal.SIGALRM)
    yield arm
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


class TestThreadEvent:
    def test_flag(self) -> None:
        """It is a flag that can be set, cleared, and set again."""
        event = ThreadEvent()
        seen = [event.is_set()]
        for change in (event.set, event.set, event.clear, event.clear, event.set):
            change()
            seen.append(event.is_set())

        assert [False, True, True, False, False, True] == seen

    @pytest.mark.parametrize("timeout", [0, -1, -math.inf, 0.05])
    def test_wait_in_vain(self, timeout: float) -> None:
        """A wait without success takes its timeout, and says so."""
        event = ThreadEvent()
        started = time.monotonic()

        assert event.wait(timeout) is False
        assert max(0, timeout) <= time.monotonic() - started < 5

    @pytest.mark.parametrize("timeout", [0, 5, None, math.inf])
    def test_wait_for_what_is_there(self, timeout: float | None) -> None:
        """A flag that is set is not waited for."""
        event = ThreadEvent()
        event.set()

        assert event.wait(timeout) is True

    @pytest.mark.parametrize("timeout", [60, None, math.inf])
    def test_all_waiters_wake(self, timeout: float | None) -> None:
        """One `set` wakes everybody who waits."""
        event = ThreadEvent()
        answers: list[bool] = []
        threads = [threading.Thread(target=lambda: answers.append(event.wait(timeout))) for _ in range(5)]
        for thread in threads:
            thread.start()
        wait_until(lambda: len(event._waiters) == 5)
        event.set()
        for thread in threads:
            thread.join(10)

        assert [True] * 5 == answers
        assert [] == event._waiters

    def test_no_wake_up_is_lost(self) -> None:
        """However closely a `set` follows a `wait`, or the other way round, the waiter hears of it."""
        for _ in range(2000):
            event = ThreadEvent()
            thread = threading.Thread(target=event.set)
            thread.start()

            assert event.wait(20) is True
            thread.join()

    def test_set_in_a_signal_handler(self, alarm: Callable[[float, Callable[[], object]], None]) -> None:
        """A signal handler may set the event that it interrupts a wait of."""
        event = ThreadEvent()
        alarm(0.05, event.set)

        assert event.wait(20) is True

    def test_wait_that_is_broken_off(self, alarm: Callable[[float, Callable[[], object]], None]) -> None:
        """An exception out of a signal handler ends the wait, and nothing of the waiter stays."""
        event = ThreadEvent()
        alarm(0.05, lambda: 1 / 0)

        with pytest.raises(ZeroDivisionError):
            event.wait(20)
        assert [] == event._waiters

    def test_set_beside_set(self) -> None:
        """Any number of threads may set it at once while others come to wait."""
        event = ThreadEvent()

        def set_often() -> None:
            for _ in range(2000):
                event.set()

        setters = [threading.Thread(target=set_often) for _ in range(3)]
        for thread in setters:
            thread.start()
        for _ in range(2000):
            event.clear()
            event.wait(0.001)
        for thread in setters:
            thread.join()

        assert [] == event._waiters


class TestThreadTask:
    def test_life(self, backend: ThreadsBackend) -> None:
        """A task is a daemon thread of the given name, alive until its function has returned."""
        leave = threading.Event()
        threads: list[threading.Thread] = []

        def work() -> None:
            threads.append(threading.current_thread())
            leave.wait(20)

        task = backend.spawn(work, "soasap-test")
        wait_until(lambda: threads)

        assert ("soasap-test", True) == (threads[0].name, threads[0].daemon)
        assert (True, False) == (task.alive(), task.is_current())
        assert task.join(0) is False
        assert task.join(0.01) is False

        leave.set()

        assert task.join(20) is True
        assert task.alive() is False
        assert not threads[0].is_alive()
        assert task.join(0) is True

    def test_join_by_itself(self, backend: ThreadsBackend) -> None:
        """A task that waits for itself is told at once that it has not ended."""
        answers: list[bool] = []
        tasks: list[ThreadTask] = []
        told = threading.Event()

        def work() -> None:
            told.wait(20)
            answers.extend((tasks[0].is_current(), tasks[0].join(20)))

        tasks.append(backend.spawn(work, "soasap-test"))
        started = time.monotonic()
        told.set()
        tasks[0].join(20)

        assert [True, False] == answers
        assert time.monotonic() - started < 10

    def test_join_in_a_signal_handler(
        self, backend: ThreadsBackend, alarm: Callable[[float, Callable[[], object]], None]
    ) -> None:
        """A signal handler may wait for the task that it interrupts another wait for."""
        leave = threading.Event()
        answers: list[bool] = []

        def work() -> None:
            leave.wait(20)

        task = backend.spawn(work, "soasap-test")

        def handler() -> None:
            leave.set()
            answers.append(task.join(20))

        alarm(0.05, handler)

        assert task.join(20) is True
        assert [True] == answers

    @pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
    def test_task_that_dies(self, backend: ThreadsBackend) -> None:
        """A function that raises ends its task all the same."""

        def die() -> None:
            raise LookupError("a bug")

        assert backend.spawn(die, "soasap-test").join(20) is True


def under_gate(ca: trustme.CA, folder: Any) -> dict[str, Callable[[ThreadsBackend], object]]:
    """What must not be frozen by a fork, by name."""
    certificate = folder / "client.pem"
    ca.issue_cert("client.example").private_key_and_cert_chain_pem.write_to_path(str(certificate))
    authority = folder / "authority.pem"
    ca.cert_pem.write_to_path(str(authority))

    def context() -> ssl.SSLContext:
        return ThreadsBackend().tls_context(None)

    made = [context() for _ in range(4)]
    ready = ThreadsBackend().tls_context(ssl.create_default_context(cafile=str(authority)))

    def handshake(context: ssl.SSLContext) -> None:
        ours, theirs = socket.socketpair()
        with ours:
            theirs.close()
            with pytest.raises(OSError):  # the other end is gone
                context.wrap_socket(ours, server_hostname="example.com")

    return {
        "a name": lambda backend: backend.getaddrinfo("localhost", 80),
        "a context": lambda backend: backend.tls_context(None),
        "authorities of the system": lambda backend: made[0].load_default_certs(),
        "authorities of a file": lambda backend: made[1].load_verify_locations(str(authority)),
        "a client certificate": lambda backend: made[2].load_cert_chain(str(certificate)),
        "a handshake": lambda backend: handshake(made[3]),
        "a handshake with a ready context": lambda backend: handshake(ready),
    }


GATED = (
    "a name",
    "a context",
    "authorities of the system",
    "authorities of a file",
    "a client certificate",
    "a handshake",
    "a handshake with a ready context",
)


class TestThreadsBackend:
    def test_nothing_stands_in_the_way(self, backend: ThreadsBackend) -> None:
        """Threads run wherever they are asked for."""
        assert ("threads", "") == (backend.name, backend.obstacle())

    def test_blocking_call(self, backend: ThreadsBackend) -> None:
        """A task has its own thread, so what blocks may block there; errors come through."""
        assert threading.get_ident() == backend.run_blocking(threading.get_ident)
        assert 12 == backend.run_blocking(int, "c", base=16)
        with pytest.raises(ZeroDivisionError):
            backend.run_blocking(lambda: 1 / 0)

    def test_sockets(self, backend: ThreadsBackend) -> None:
        """Names are looked up by the system, and its sockets connect to what was found."""
        with ScriptedServer(hold_open()) as server:
            family, kind, protocol, _, address = backend.getaddrinfo("127.0.0.1", server.port)[0]
            with backend.socket(family, kind, protocol) as sock:
                sock.connect(address)
        with pytest.raises(socket.gaierror):
            backend.getaddrinfo("nobody.invalid", 80)

    def test_new_context_checks(self, backend: ThreadsBackend) -> None:
        """A new context checks certificates and host names."""
        context = backend.tls_context(None)

        assert (ssl.CERT_REQUIRED, True) == (context.verify_mode, context.check_hostname)

    def test_ready_context_is_used_as_it_is(self, backend: ThreadsBackend, ca: trustme.CA) -> None:
        """A context of the application shakes hands by its own settings."""
        ready = ssl.create_default_context()
        ca.configure_trust(ready)
        with (
            ScriptedServer(hold_open(), tls=ca) as server,
            socket.create_connection(("127.0.0.1", server.port)) as sock,
            backend.tls_context(ready).wrap_socket(sock, server_hostname="localhost") as secured,
        ):
            assert secured.context is ready

    @pytest.mark.parametrize("work", GATED)
    def test_fork_waits_for(self, work: str, backend: ThreadsBackend, ca: trustme.CA, tmp_path: Any) -> None:
        """While a fork goes on this does not begin: a child would never see its end."""
        call = under_gate(ca, tmp_path)[work]
        done: list[object] = []
        assert fork.gate().shut(20)
        try:
            thread = threading.Thread(target=lambda: done.append(call(backend)))
            thread.start()
            thread.join(0.1)
            assert [] == done
        finally:
            fork.gate().open()
        thread.join(20)

        assert 1 == len(done)
