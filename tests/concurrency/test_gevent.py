"""
gevent: greenlets on the hub of whoever starts them, and calls from threads that have no such hub.

In fresh interpreters, nothing patched unless a test says so. What all backends promise is in `contract.py`.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import trustme

from tests.concurrency.forking import counting, run_forking
from tests.flagserver import ScriptedServer
from tests.scripts import run_script

PROLOGUE = """
import threading, time
import gevent
from soasap.concurrency.gevent import GeventBackend

def native(function):
    "Run a function in an OS thread without a hub, while this hub goes on; what it returned."
    answers = []
    thread = threading.Thread(target=lambda: answers.append(function()))
    thread.start()
    while thread.is_alive():
        gevent.sleep(0.005)
    return answers[0]

def in_loop(function):
    "Run a function as a callback of the event loop; what it returned."
    answers = []
    gevent.get_hub().loop.run_callback(lambda: answers.append(function()))
    while not answers:
        gevent.sleep(0.005)
    return answers[0]

def timed(function):
    started = time.monotonic()
    answer = function()
    return answer, time.monotonic() - started
"""


def run(source: str) -> str:
    return run_script(PROLOGUE + source)


class TestEvent:
    def test_flag(self) -> None:
        """It is a flag that can be set, cleared and waited for."""
        run("""
event = GeventBackend().event()
assert not event.is_set()
assert not event.wait(0)
answer, took = timed(lambda: event.wait(0.05))
assert not answer and took >= 0.05, took
event.set()
assert event.is_set() and event.wait(0) and event.wait()
event.clear()
assert not event.is_set()
gevent.spawn_later(0.02, event.set)
assert event.wait()
""")

    def test_wait_lets_timers_run(self) -> None:
        """A wait of 0 is a breath: timers that are due run in it, as they do not in a plain yield."""
        run("""
event = GeventBackend().event()
ran = []
timer = gevent.get_hub().loop.timer(0.001)
timer.start(ran.append, 1)
time.sleep(0.01)
for _ in range(3):
    event.wait(0)
assert ran
""")

    def test_set_in_a_foreign_thread(self) -> None:
        """A `set` in an OS thread without a hub, or with one of its own, wakes who waits here."""
        run("""
def with_hub_of_its_own():
    gevent.sleep(0.001)
    event.set()

for function in (lambda: event.set(), with_hub_of_its_own):
    event = GeventBackend().event()
    threading.Thread(target=function).start()
    answer, took = timed(lambda: event.wait(20))
    assert answer and took < 10, took
""")

    def test_wait_in_a_foreign_thread(self) -> None:
        """A foreign thread waits by itself and hears of a `set` here; its time-outs are kept."""
        run("""
event = GeventBackend().event()
answer, took = native(lambda: timed(lambda: event.wait(0.05)))
assert not answer and 0.05 <= took < 10, took
gevent.spawn_later(0.02, event.set)
assert native(lambda: event.wait(20))
assert native(lambda: event.wait(0))
""")

    def test_wait_in_a_callback_of_the_loop(self) -> None:
        """The loop itself cannot wait: it is told at once how things are."""
        run("""
event = GeventBackend().event()
answer, took = in_loop(lambda: timed(lambda: event.wait(20)))
assert not answer and took < 10, took
event.set()
assert in_loop(lambda: event.wait(20))
""")

    def test_set_when_the_hub_is_gone(self) -> None:
        """A `set` after the thread of the hub has ended, with or without its loop, is no error."""
        run("""
def make():
    events.append(gevent.spawn(lambda: GeventBackend().event()).get())

def make_and_destroy():
    make()
    gevent.get_hub().destroy(destroy_loop=True)

for function in (make, make_and_destroy):
    events = []
    thread = threading.Thread(target=function)
    thread.start()
    thread.join()
    events[0].set()
    events[0].set()
""")


class TestTask:
    def test_life(self) -> None:
        """A task is a greenlet of the given name; it runs when the caller waits, and is alive until it has returned."""
        run("""
backend = GeventBackend()
leave = gevent.event.Event()
seen = []
task = backend.spawn(lambda: (seen.append(gevent.getcurrent().name), leave.wait()), "soasap-test")
assert not seen and task.alive() and not task.is_current()
assert not task.join(0.02)
assert seen == ["soasap-test"]
leave.set()
assert task.join(20) and not task.alive() and task.join(0)
""")

    def test_join_by_itself(self) -> None:
        """A task that waits for itself is told at once that it has not ended."""
        run("""
seen = []
task = GeventBackend().spawn(lambda: seen.append((task.is_current(), timed(lambda: task.join(20)))), "soasap-test")
assert task.join(20)
(current, (answer, took)), = seen
assert current and not answer and took < 10
""")

    def test_join_in_foreign_places(self) -> None:
        """A foreign thread waits for the end; the event loop itself is told at once."""
        run("""
backend = GeventBackend()
leave = gevent.event.Event()
task = backend.spawn(leave.wait, "soasap-test")
answer, took = native(lambda: timed(lambda: task.join(0.05)))
assert not answer and 0.05 <= took < 10, took
answer, took = in_loop(lambda: timed(lambda: task.join(20)))
assert not answer and took < 10, took
gevent.spawn_later(0.02, leave.set)
assert native(lambda: task.join(20))
assert in_loop(lambda: task.join(20))
""")


class TestBlockingCall:
    def test_hub_goes_on(self) -> None:
        """What blocks runs in an OS thread of the pool, and the hub goes on meanwhile; errors come through."""
        run("""
backend = GeventBackend()
ticks = []

def tick():
    while True:
        ticks.append(1)
        gevent.sleep(0.005)

def block(seconds, answer):
    time.sleep(seconds)
    return answer, threading.get_ident()

ticker = gevent.spawn(tick)
answer, thread = backend.run_blocking(block, 0.2, answer="done")
assert answer == "done" and thread != threading.get_ident()
assert len(ticks) > 2, ticks
try:
    backend.run_blocking(lambda: 1 / 0)
except ZeroDivisionError:
    pass
else:
    raise AssertionError("the error got lost")
ticker.kill()
""")

    def test_no_thread_left(self) -> None:
        """Where no OS thread can be started the call is made here: late is better than never."""
        run("""
backend = GeventBackend()
before = threading.stack_size(1 << 46)  # more than any machine has
assert backend.run_blocking(threading.get_ident) == threading.get_ident()
threading.stack_size(before)
assert backend.run_blocking(threading.get_ident) != threading.get_ident()
""")


class TestObstacle:
    def test_main_thread(self) -> None:
        """The main thread's hub is trusted to run, whoever asks: the main program, a greenlet, or the loop itself."""
        run("""
def obstacle():
    return GeventBackend().obstacle()

assert obstacle() == ""
assert gevent.spawn(obstacle).get() == ""
assert in_loop(obstacle) == ""
""")

    def test_main_thread_of_a_child(self) -> None:
        """A thread that forks is the main thread of the child, whatever the parent's was."""
        run("""
import os
codes = []

def fork():
    child = os.fork()
    if not child:
        os._exit(0 if GeventBackend().obstacle() == "" else 1)
    codes.append(os.waitpid(child, 0)[1])

thread = threading.Thread(target=fork)
thread.start()
thread.join()
assert codes == [0], codes
""")

    def test_foreign_thread(self) -> None:
        """In a thread without a hub nothing would run, nor in one whose hub does not: who asks is no greenlet there."""
        run("""
def obstacle():
    return GeventBackend().obstacle()

def with_hub():
    gevent.sleep(0)
    return GeventBackend().obstacle()

assert "no gevent hub runs in this thread" in native(obstacle)
assert "no gevent hub runs in this thread" in native(with_hub)
""")

    def test_hub_of_a_foreign_thread(self) -> None:
        """A hub that runs in a thread of its own will do, for a greenlet of it and for its loop."""
        run("""
def serve():
    answers = [gevent.spawn(lambda: GeventBackend().obstacle()).get(), in_loop(lambda: GeventBackend().obstacle())]
    gevent.get_hub().destroy(destroy_loop=True)
    return answers

assert native(serve) == ["", ""]
""")

    def test_pool(self) -> None:
        """A worker of the pool will not do, nor will a greenlet it has spawned: its hub stops with its function."""
        run("""
def obstacle():
    return GeventBackend().obstacle()

pool = gevent.get_hub().threadpool
assert "thread pool" in pool.apply(obstacle)
assert "thread pool" in pool.apply(lambda: gevent.spawn(obstacle).get())
""")


class TestNetwork:
    def test_sockets_are_gevents_own(self) -> None:
        """Sockets, names and TLS are gevent's, whatever is patched."""
        run("""
import socket, ssl
import gevent.socket, gevent.ssl

backend = GeventBackend()
with backend.socket(socket.AF_INET, socket.SOCK_STREAM, 0) as sock:
    assert type(sock) is gevent.socket.socket
assert type(backend.tls_context(None)) is gevent.ssl.SSLContext
assert (backend.tls_context(None).verify_mode, backend.tls_context(None).check_hostname) == (ssl.CERT_REQUIRED, True)
assert backend.getaddrinfo("127.0.0.1", 80)[0][4] == ("127.0.0.1", 80)
try:
    backend.getaddrinfo("nobody.invalid", 80)
except socket.gaierror:
    pass
else:
    raise AssertionError("an unknown name was found")
""")

    @pytest.mark.parametrize("resolver", ["thread", "ares", "block"])
    @pytest.mark.parametrize("loop", ["libev-cext", "libuv-cffi"])
    @pytest.mark.parametrize("world", ["gevent patched", "gevent unpatched"])
    def test_loops_and_resolvers(
        self,
        world: str,
        loop: str,
        resolver: str,
        ca: trustme.CA,
        ca_file: str,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """It streams, saves, forks and closes on each of gevent's event loops and with each of its resolvers."""
        monkeypatch.setenv("GEVENT_LOOP", loop)
        monkeypatch.setenv("GEVENT_RESOLVER", resolver)
        with ScriptedServer(counting, tls=ca) as server:
            run_forking(
                world,
                f"""
base_url = "https://localhost:{server.port}"
loop = gevent.get_hub().loop
assert type(loop).__module__.split(".")[1] == {loop!r}.split("-")[0], type(loop)
resolver = type(gevent.get_hub().resolver).__module__
assert {resolver!r} in resolver, resolver
client = make()
assert client.wait_ready(20), client.status()
first = client.get_int("n")
wait_for(lambda: client.get_int("n") > first + 10)
wait_for(lambda: os.listdir(directory))
join(fork(close_alone))
assert client.status().connects == 1
started = time.monotonic()
client.close()
assert time.monotonic() - started < 2
""",
                server.base_url,
                tmp_path / "cache",
                ca_file,
            )
