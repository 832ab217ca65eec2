"""
eventlet: green threads on the hub of whoever starts them, and calls from threads that have no such hub.

In fresh interpreters, nothing patched unless a test says so. What all backends promise is in `contract.py`.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from soasap import SoasapClientImpl, SoasapClientOptions, create_soasap_client
from tests.flagserver import ScriptedServer, hold_open
from tests.scripts import run_script

PROLOGUE = """
import os, threading, time, warnings
warnings.simplefilter("ignore")  # of eventlet, about itself
import eventlet
from soasap.concurrency.eventlet import EventletBackend

def native(function):
    "Run a function in an OS thread without a hub, while this hub goes on; what it returned."
    answers = []
    thread = threading.Thread(target=lambda: answers.append(function()))
    thread.start()
    while thread.is_alive():
        eventlet.sleep(0.005)
    return answers[0]

def in_loop(function):
    "Run a function as a timer of the hub; what it returned."
    answers = []
    eventlet.hubs.get_hub().schedule_call_global(0, lambda: answers.append(function()))
    while not answers:
        eventlet.sleep(0.005)
    return answers[0]

def descriptors():
    "Those open when no thread of a call is left: it closes its own last of all."
    deadline = time.monotonic() + 20
    native_threading = eventlet.patcher.original("threading")
    while native_threading.active_count() > 1:
        assert time.monotonic() < deadline, native_threading.enumerate()
        eventlet.sleep(0.005)
    return sorted(os.listdir("/proc/self/fd"))

def timed(function):
    started = time.monotonic()
    answer = function()
    return answer, time.monotonic() - started
"""


def run(source: str) -> str:
    return run_script(PROLOGUE + source)


class TestEvent:
    def test_flag(self) -> None:
        """It is a flag that can be set, cleared, waited for, and set again."""
        run("""
event = EventletBackend().event()
for _ in range(2):
    assert not event.is_set()
    assert not event.wait(0)
    answer, took = timed(lambda: event.wait(0.05))
    assert not answer and took >= 0.05, took
    eventlet.spawn_after(0.02, event.set)
    assert event.wait()
    event.set()
    assert event.is_set() and event.wait(0)
    event.clear()
    event.clear()
""")

    def test_all_waiters_wake(self) -> None:
        """One `set` wakes everybody who waits."""
        run("""
event = EventletBackend().event()
waiters = [eventlet.spawn(event.wait, 20) for _ in range(5)]
eventlet.sleep(0.02)
event.set()
answers, took = timed(lambda: [waiter.wait() for waiter in waiters])
assert all(answers) and took < 10, took
""")

    def test_set_in_a_foreign_thread(self) -> None:
        """A `set` in an OS thread without a hub, or with one of its own, wakes who waits here."""
        run("""
def with_hub_of_its_own():
    eventlet.sleep(0.001)
    event.set()

for function in (lambda: event.set(), with_hub_of_its_own):
    event = EventletBackend().event()
    threading.Thread(target=function).start()
    answer, took = timed(lambda: event.wait(20))
    assert answer and took < 10, took
""")

    def test_wait_in_a_foreign_thread(self) -> None:
        """A foreign thread waits by itself and hears of a `set` here; its time-outs are kept."""
        run("""
event = EventletBackend().event()
answer, took = native(lambda: timed(lambda: event.wait(0.05)))
assert not answer and 0.05 <= took < 10, took
eventlet.spawn_after(0.02, event.set)
assert native(lambda: event.wait(20))
assert native(lambda: event.wait(0))
""")

    def test_wait_in_the_hub(self) -> None:
        """The hub itself cannot wait: it is told at once how things are."""
        run("""
event = EventletBackend().event()
answer, took = in_loop(lambda: timed(lambda: event.wait(20)))
assert not answer and took < 10, took
event.set()
assert in_loop(lambda: event.wait(20))
""")

    def test_set_in_the_middle_of_a_set(self) -> None:
        """A signal handler that sets the event just then, after the look and before the call, disturbs nothing."""
        run("""
event = EventletBackend().event()
real = event._signal

class Interrupted:
    def ready(self):
        answer = real.ready()
        if not answer:
            event._signal = real
            event.set()  # the handler's
            event._signal = self
        return answer

    def send(self, value):
        real.send(value)

event._signal = Interrupted()
event.set()
assert event.is_set()
""")


class TestTask:
    def test_life(self) -> None:
        """A task is a green thread; it runs when the caller waits, and is alive until it has returned."""
        run("""
backend = EventletBackend()
leave = backend.event()
seen = []
task = backend.spawn(lambda: (seen.append(task.is_current()), leave.wait(20)), "soasap-test")
assert not seen and task.alive() and not task.is_current()
assert not task.join(0.02)
assert seen == [True]
leave.set()
assert task.join(20) and not task.alive() and task.join(0)
""")

    def test_killed_before_it_began(self) -> None:
        """A green thread that was killed before its first step has ended."""
        run("""
task = EventletBackend().spawn(lambda: None, "soasap-test")
task._green.kill()
answer, took = timed(lambda: task.join(20))
assert answer and took < 10 and not task.alive(), took
""")

    def test_join_by_itself(self) -> None:
        """A task that waits for itself is told at once that it has not ended."""
        run("""
seen = []
task = EventletBackend().spawn(lambda: seen.append(timed(lambda: task.join(20))), "soasap-test")
assert task.join(20)
(answer, took), = seen
assert not answer and took < 10
""")

    def test_join_in_foreign_places(self) -> None:
        """A foreign thread waits for the end; the hub itself is told at once."""
        run("""
backend = EventletBackend()
leave = backend.event()
task = backend.spawn(lambda: leave.wait(20), "soasap-test")
answer, took = native(lambda: timed(lambda: task.join(0.05)))
assert not answer and 0.05 <= took < 10, took
answer, took = in_loop(lambda: timed(lambda: task.join(20)))
assert not answer and took < 10, took
eventlet.spawn_after(0.02, leave.set)
assert native(lambda: task.join(20))
assert in_loop(lambda: task.join(20))
""")


class TestBlockingCall:
    def test_hub_goes_on(self) -> None:
        """What blocks runs in an OS thread, and the hub goes on meanwhile; errors come through, no descriptor stays."""
        run("""
backend = EventletBackend()
ticks = []

def tick():
    while True:
        ticks.append(1)
        eventlet.sleep(0.005)

def block(seconds, answer):
    time.sleep(seconds)
    return answer, threading.get_ident()

eventlet.spawn(tick)
backend.run_blocking(block, 0, answer="done")
before = descriptors()
answer, thread = backend.run_blocking(block, 0.2, answer="done")
assert answer == "done" and thread != threading.get_ident()
assert len(ticks) > 2, ticks
try:
    backend.run_blocking(lambda: 1 / 0)
except ZeroDivisionError:
    pass
else:
    raise AssertionError("the error got lost")
assert descriptors() == before, (descriptors(), before)
""")

    def test_no_thread_left(self) -> None:
        """Where no OS thread can be started, and in the hub itself, the call is made here."""
        run("""
backend = EventletBackend()
native_threading = eventlet.patcher.original("threading")
before = native_threading.stack_size(1 << 46)  # more than any machine has
assert backend.run_blocking(native_threading.get_ident) == native_threading.get_ident()
native_threading.stack_size(before)
assert backend.run_blocking(native_threading.get_ident) != native_threading.get_ident()
assert in_loop(lambda: backend.run_blocking(native_threading.get_ident)) == native_threading.get_ident()
""")

    def test_killed_meanwhile(self) -> None:
        """A task that is killed while its call is under way leaves nothing behind when the call has ended."""
        run("""
backend = EventletBackend()
backend.run_blocking(time.sleep, 0)
before = descriptors()
green = eventlet.spawn(backend.run_blocking, time.sleep, 0.1)
eventlet.sleep(0.02)
green.kill()
assert descriptors() == before, (descriptors(), before)
""")


def test_obstacle() -> None:
    """The main thread's hub is trusted to run; in another thread a hub must run, for a green thread of it."""
    run("""
def obstacle():
    return EventletBackend().obstacle()

def with_hub():
    eventlet.sleep(0)
    return obstacle()

assert obstacle() == ""
assert eventlet.spawn(obstacle).wait() == ""
assert in_loop(obstacle) == ""
assert "no eventlet hub runs in this thread" in native(obstacle)
assert "no eventlet hub runs in this thread" in native(with_hub)
assert native(lambda: eventlet.spawn(obstacle).wait()) == ""
""")


def test_sockets_are_eventlets_own() -> None:
    """Sockets, names and TLS are eventlet's, whatever is patched."""
    run("""
import socket, ssl
from eventlet.green import socket as green_socket, ssl as green_ssl

backend = EventletBackend()
with backend.socket(socket.AF_INET, socket.SOCK_STREAM, 0) as sock:
    assert type(sock) is green_socket.socket
context = backend.tls_context(None)
assert isinstance(context, green_ssl.SSLContext)
assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
assert backend.getaddrinfo("127.0.0.1", 80)[0][4] == ("127.0.0.1", 80)
try:
    backend.getaddrinfo("nobody.invalid", 80)
except OSError:
    pass
else:
    raise AssertionError("an unknown name was found")
""")


class Subclass(SoasapClientImpl):
    """As an application may derive its own."""

    def __init__(self, options: SoasapClientOptions) -> None:
        super().__init__(options)  # the line that is pointed at


@pytest.mark.parametrize(
    "make",
    [
        lambda options: create_soasap_client(options),
        lambda options: create_soasap_client(
            api_key="key", cache=None, base_url="http://127.0.0.1:9", backend="eventlet"
        ),
        lambda options: SoasapClientImpl(options),
        lambda options: Subclass(options),
    ],
    ids=["options", "keywords", "class", "subclass"],
)
def test_warning_points_at_the_application(make: object) -> None:
    """Who asks for eventlet by name gets one DeprecationWarning, at his own line, whichever way he makes the client."""
    assert callable(make)
    options = SoasapClientOptions("key", cache=None, base_url="http://127.0.0.1:9", backend="eventlet")
    with pytest.warns(DeprecationWarning, match="deprecated from the first release") as warned:
        make(options).close()

    assert [__file__] == [warning.filename for warning in warned]


def test_unasked_eventlet_is_not_warned_about(tmp_path: Path) -> None:
    """An application that has patched itself gets the backend under `auto` without a word of ours."""
    with ScriptedServer(hold_open(b'{"n": 1}')) as server:
        run_script(
            """
import sys, warnings
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import eventlet
eventlet.monkey_patch()
with warnings.catch_warnings(record=True) as warned:
    warnings.simplefilter("always")
    import soasap
    with soasap.create_soasap_client(api_key="key", base_url=sys.argv[1], cache=None) as client:
        assert client.wait_ready(20), client.status()
        assert client.status().backend == "eventlet"
assert not [each for each in warned if "soasap" in str(each.message) + each.filename], [str(each) for each in warned]
""",
            server.base_url,
        )


def test_documents_say_that_it_is_deprecated() -> None:
    """Whoever looks the backend up reads that it is deprecated: in the README and where it is documented."""
    root = Path(__file__).resolve().parent.parent.parent
    readme = (root / "README.md").read_text("utf-8")
    documented = subprocess.run(
        [
            sys.executable,
            "-W",
            "ignore",
            "-c",
            "import soasap.concurrency.eventlet as e, soasap; print(e.__doc__, soasap.SoasapClientOptions.__doc__)",
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert re.search(r"eventlet[^.]*deprecated", readme)
    assert 2 == len(re.findall("[Dd]eprecated", documented))
