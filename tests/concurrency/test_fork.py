"""The fork gate, and the one hook of the process: what it does in parent and child, and what it never does."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from soasap.concurrency.fork import ForkGate
from tests.concurrency.forking import WORLDS, counting, run_forking
from tests.flagserver import Connection, ScriptedServer

GREEN = ("gevent patched", "gevent unpatched", "eventlet patched")


def slowly_counting(connection: Connection, index: int) -> None:
    """A change every 300 ms."""
    connection.head()
    for number in range(1000):
        connection.flags({"n": number})
        time.sleep(0.3)


@pytest.fixture
def gate() -> ForkGate:
    return ForkGate(threading.Lock)


@contextmanager
def somebody_inside(gate: ForkGate) -> Iterator[threading.Event]:
    """A thread is inside until the event is set, at the latest at the end of the block."""
    inside, leave = threading.Event(), threading.Event()

    def stay() -> None:
        with gate.passing():
            inside.set()
            leave.wait(20)

    thread = threading.Thread(target=stay)
    thread.start()
    assert inside.wait(10)
    try:
        yield leave
    finally:
        leave.set()
        thread.join(10)


class TestForkGate:
    def test_any_number_may_be_inside(self, gate: ForkGate) -> None:
        """A thread that stays inside, in a handshake that is never answered say, keeps no other one out."""
        with somebody_inside(gate), somebody_inside(gate), gate.passing(), gate.passing():
            pass

    def test_fork_waits_until_nobody_is_inside(self, gate: ForkGate) -> None:
        """Shutting the gate takes as long as the last thread is inside."""
        with somebody_inside(gate) as leave:
            timer = threading.Timer(0.2, leave.set)
            started = time.monotonic()
            timer.start()

            assert gate.shut(20)
            assert 0.15 < time.monotonic() - started < 15
            gate.open()

    def test_nobody_gets_in_during_a_fork(self, gate: ForkGate) -> None:
        """Who comes while the gate is shut gets in when it is opened."""
        assert gate.shut(1)
        passed: list[bool] = []

        def pass_through() -> None:
            with gate.passing():
                passed.append(gate._entry.locked())  # type: ignore[attr-defined]

        thread = threading.Thread(target=pass_through)
        thread.start()
        thread.join(0.1)
        assert [] == passed
        gate.open()
        thread.join(10)

        assert [False] == passed

    def test_fork_waits_only_so_long(self, gate: ForkGate) -> None:
        """A fork goes on after its patience with somebody still inside; the gate is shut then, and to be opened."""
        with somebody_inside(gate):
            started = time.monotonic()

            assert gate.shut(0.1)
            assert 0.09 < time.monotonic() - started < 10
            gate.open()
        with gate.passing():
            pass

    def test_two_forks(self, gate: ForkGate) -> None:
        """While another thread's fork has the gate shut it cannot be shut again, and is not to be opened."""
        assert gate.shut(1)
        answers: list[bool] = []
        thread = threading.Thread(target=lambda: answers.append(gate.shut(0.05)))
        thread.start()
        thread.join(10)

        assert [False] == answers
        gate.open()

    def test_forks_own_thread_passes(self, gate: ForkGate) -> None:
        """The thread that forks gets in although it has shut the gate: a hook of the application may read a flag."""
        assert gate.shut(1)
        with gate.passing():
            pass
        gate.open()

        assert gate.shut(1)
        gate.open()

    def test_gate_that_is_never_opened(self) -> None:
        """A thread waits for the end of a fork, but not for ever."""
        gate = ForkGate(threading.Lock, entry_patience=0.1)
        assert gate.shut(1)
        passed = threading.Event()

        def pass_through() -> None:
            with gate.passing():
                passed.set()

        threading.Thread(target=pass_through).start()

        assert passed.wait(10)

    def test_renewed_in_a_child(self, gate: ForkGate) -> None:
        """In a child the gate is open and empty, and who was inside in this very thread leaves without an error."""
        with gate.passing():
            assert gate.shut(0.05)
            gate.renew()
            with somebody_inside(gate), gate.passing():
                pass
        assert gate.shut(0)
        gate.open()


def test_forks_never_wait_for_nobody(tmp_path: Path) -> None:
    """A process that forks all the time while its client reconnects all the time goes on, and so do all children."""
    with ScriptedServer(lambda connection, index: connection.cut()) as server:
        run_forking(
            "threads",
            """
import threading
clients = [make(cache=None, preload=True) for _ in range(3)]

def fork_often():
    for _ in range(20):
        join(fork(lambda: [client.get_int("n") for client in clients]))

threads = [threading.Thread(target=fork_often) for _ in range(3)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join(50)
    assert not thread.is_alive()
""",
            server.base_url,
            tmp_path / "cache",
        )


@pytest.mark.parametrize("world", ["threads", *GREEN])
def test_hook_waits_for_nothing(world: str, tmp_path: Path) -> None:
    """In the child the hook switches to no other greenlet, takes no lock, and neither logs, joins nor starts."""
    with ScriptedServer(counting) as server:
        run_forking(
            world,
            """
import greenlet

calls, switches = [], []

def profile(frame, event, argument):
    if event == "c_call":
        calls.append(argument.__name__)
    elif event == "call":
        calls.append(frame.f_code.co_filename + ":" + frame.f_code.co_name)

def begin():
    greenlet.settrace(lambda event, between: switches.append(event))
    sys.setprofile(profile)

def end():
    sys.setprofile(None)
    greenlet.settrace(None)

del sys.modules["soasap.concurrency.fork"]  # imported anew, between our two hooks
for name in [name for name in sys.modules if name.startswith("soasap")]:
    del sys.modules[name]
os.register_at_fork(after_in_child=begin)
from soasap import create_soasap_client
import soasap._compose
os.register_at_fork(after_in_child=end)
client = make()
assert client.wait_ready(20)

def child():
    assert any(name.endswith("supervisor.py:after_fork_in_child") for name in calls), calls
    assert any(name == "dup2" for name in calls), calls
    assert not switches, switches
    forbidden = {"acquire", "__enter__", "wait", "sleep", "join", "start_new_thread", "switch", "send", "shutdown"}
    assert not forbidden & set(calls), calls
    assert not [name for name in calls if "logging" in name or "threading" in name], calls

join(fork(child))
client.close()
""",
            server.base_url,
            tmp_path / "cache",
        )


@pytest.mark.parametrize("world", WORLDS)
def test_listeners_go_on_in_a_child(world: str, tmp_path: Path) -> None:
    """A child that reads tells its listeners of its own changes, from what they heard in the parent on."""
    program = """
told = []
client = make(on_update=lambda changes: told.append(changes["n"]))
assert client.wait_ready(20), client.status()
wait_for(lambda: len(told) > 3)

def listen():
    known = len(told)
    assert client.wait_ready(20), client.status()
    wait_for(lambda: len(told) > known + 5)
    for earlier, later in zip(told[known:], told[known + 1:]):
        assert (earlier.new, True) == (later.old, later.old != later.new), told

join(fork(listen))
known = len(told)
wait_for(lambda: len(told) > known + 5)
client.close()
print("told")
"""
    with ScriptedServer(counting) as server:
        assert "told\n" == run_forking(world, program, server.base_url, tmp_path)


def test_hook_of_a_client_that_is_gone(tmp_path: Path) -> None:
    """Only living clients are told: one that was dropped before it started is kept by nobody."""
    run_forking(
        "threads",
        """
import gc, weakref
import soasap.concurrency.exit
import soasap.concurrency.fork
client = make()
gone = weakref.ref(client._supervisor)
assert len(soasap.concurrency.fork._clients) == len(soasap.concurrency.exit._clients) == 1
del client
gc.collect()
assert gone() is None
assert len(soasap.concurrency.fork._clients) == len(soasap.concurrency.exit._clients) == 0
join(fork(lambda: None))
""",
        "http://127.0.0.1:1",
        tmp_path / "cache",
    )


def test_hooks_of_the_application_may_read(tmp_path: Path) -> None:
    """Hooks of the application that run within a fork, before and after ours, may make the first read."""
    with ScriptedServer(counting) as server:
        run_forking(
            "threads",
            """
# Where a gate exists, and is shut while they run: hooks `before` run last registered first, the others first first.
client, others = make(cache=None), [make(cache=None) for _ in range(4)]
assert client.wait_ready(20)
import soasap.concurrency.fork as ours
took = []

def read():
    started = time.monotonic()
    others.pop().get_int("n")
    took.append(time.monotonic() - started)

# Registered before ours a hook would run within the gate: so is this call of ours, made in between.
inner = ours.gate().shut(1)
read()
ours.gate().open()
os.register_at_fork(before=read, after_in_parent=read)
join(fork(lambda: others.pop().wait_ready(20)))
assert inner and len(took) == 3 and max(took) < 0.9, took
""",
            server.base_url,
            tmp_path / "cache",
        )


def test_signal_handler_that_forks_in_a_start(tmp_path: Path) -> None:
    """A signal handler may fork in the middle of the first start; the child goes on with it and streams."""
    with ScriptedServer(counting) as server:
        run_forking(
            "threads",
            """
import soasap.concurrency.threads as threads

class Interrupted(threads.ThreadsBackend):
    "The signal comes when the backend is made, and nothing is elected."
    def __init__(self):
        super().__init__()
        if os.getpid() == parent:
            signal.raise_signal(signal.SIGUSR1)

def handler(number, frame):
    children.append(os.fork())

parent, children = os.getpid(), []
signal.signal(signal.SIGUSR1, handler)
client = make(backend=Interrupted, cache=None)
assert client.wait_ready(20), client.status()
assert client.status().connects == 1, client.status()
client.close()
if os.getpid() != parent:
    os._exit(0)
join(children[0])
""",
            server.base_url,
            tmp_path / "cache",
        )

        assert 2 == len(server.connections)


class TestPostfork:
    def test_where_nothing_forked(self, tmp_path: Path) -> None:
        """In a process that did not fork, or whose hooks ran, it changes nothing."""
        with ScriptedServer(counting) as server:
            run_forking(
                "threads",
                """
from soasap.concurrency import postfork
client = make()
assert client.wait_ready(20)

def unchanged():
    run = client._supervisor.run
    postfork()
    assert client._supervisor.run is run
    n = client.get_int("n")
    wait_for(lambda: client.get_int("n") > n + 5)
    assert client.status().connects == 1

def child():
    assert client.wait_ready(20)
    unchanged()

unchanged()
join(fork(child))
""",
                server.base_url,
                tmp_path / "cache",
            )

            assert 2 == len(server.connections)

    def test_after_a_fork_without_hooks(self, tmp_path: Path) -> None:
        """
        A server in C that forks without Python's hooks calls it in the child: a stream of its own, parent unharmed.

        The parent's threads all wait when it forks: had one been about to run, the interpreter itself would hang.
        """
        with ScriptedServer(slowly_counting) as server:
            run_forking(
                "threads",
                """
import ctypes
from soasap.concurrency import postfork
client = make(cache=None)
seen = []
client._store.sinks.append(lambda run, previous, current: seen.append(current.flags["n"]))
assert client.wait_ready(20)
wait_for(lambda: len(seen) > 1)
time.sleep(0.1)

def child():
    assert client._supervisor.run is not None  # no hook ran
    postfork()
    assert "idle" in repr(client), repr(client)
    assert client.wait_ready(20), client.status()
    wait_for(lambda: client.get_int("n") > 2)

join(fork(child, ctypes.PyDLL(None).fork))
count = len(seen)
wait_for(lambda: len(seen) > count + 1)
assert client.status().connects == 1
client.close()
assert seen == list(range(seen[0], seen[-1] + 1)), seen
""",
                server.base_url,
                tmp_path / "cache",
            )

            assert 2 == len(server.connections)
