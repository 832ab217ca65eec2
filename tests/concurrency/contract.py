"""
The promises that every backend keeps, written once.

This is a program: `python -m tests.concurrency.contract REQUEST`, in JSON: a case, the addresses of the servers, a
folder, and `only`, the promises wanted. It brings its own process into the state of the case, checks each promise there
and prints one line of JSON about it. `test_contract.py` runs it for every case and makes a test of each line.
"""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import json
import logging
import os
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import orjson

from tests.concurrency.worlds import Backend, Case, Task, World, make_world, patch

if TYPE_CHECKING:
    from soasap import SoasapClientImpl, SoasapErrorContext
    from soasap._runtime.run import Run

Figures: TypeAlias = dict[str, Any]

PROMPT = 0.1
"""Seconds that `close()` may take while the disk is idle."""

STALL = 0.25
"""Seconds for which nothing else running is a failure."""

ATTEMPTS = 3
"""A measurement counts as failed when it fails so often in a row: the machine may be busy with something else."""

PROMISES: dict[str, tuple[Callable[[Laboratory], Figures | None], tuple[Backend, ...]]] = {}
"""By their sentence: how to check it, and for which backends it has a meaning."""


def promise(
    sentence: str, *backends: Backend
) -> Callable[[Callable[[Laboratory], Figures | None]], Callable[[Laboratory], Figures | None]]:
    """A check of one promise, for all backends unless some are named."""

    def keep(check: Callable[[Laboratory], Figures | None]) -> Callable[[Laboratory], Figures | None]:
        PROMISES[sentence] = (check, backends or ("threads", "gevent", "eventlet"))
        return check

    return keep


class Laboratory:
    """
    What checks work with.

    Attributes:
        errors: What `on_error` got, of all clients of the current check.
        warnings: What the logger said at WARNING and above.
        context: A TLS context of the application, made before the patch where the patch came late.
    """

    def __init__(self, case: Case, world: World, addresses: dict[str, str], folder: Path, context: Any) -> None:
        self.case = case
        self.world = world
        self.addresses = addresses
        self.folder = folder
        self.context = context
        self.errors: list[SoasapErrorContext] = []
        self.warnings: list[str] = []
        self.clients: list[SoasapClientImpl] = []
        self._count = 0

    def client(self, where: str, path: str = "steady", **options: Any) -> SoasapClientImpl:
        """A client of the server `where`, in its own cache directory."""
        import soasap

        self._count += 1
        options = {
            "api_key": f"key-{self._count}",
            "base_url": f"{self.addresses[where]}/{path}",
            "cache_directory": str(self.folder / str(self._count)),
            "on_error": self.errors.append,
            "backend": self.case.option(),
            **options,
        }
        if options["base_url"].startswith("https:") and "ssl_context" not in options:
            options.setdefault("ca_file", self.addresses["ca_file"])
        client = soasap.create_soasap_client(**options)
        self.clients.append(client)
        return client

    def live(self, where: str, path: str = "steady", **options: Any) -> SoasapClientImpl:
        """A client whose stream has delivered."""
        client = self.client(where, path, **options)
        assert client.wait_ready(15), f"no first event: {client.status()}"
        return client

    def kinds(self) -> list[str]:
        """Names of the types of the errors."""
        return [type(each.exception).__name__ for each in self.errors]

    def scene(self) -> str:
        """How clients and threads are, at the moment of a failure."""
        lines = [f"{client.status()}" for client in self.clients]
        lines += [repr(each.exception) for each in self.errors]
        for ident, frame in sys._current_frames().items():
            lines += [f"thread {ident}:", *traceback.format_stack(frame)]
        return "\n".join(lines)

    def clear(self) -> None:
        """Between two checks."""
        for client in self.clients:
            client.close()
        self.clients.clear()
        self.errors.clear()
        self.warnings.clear()


def run_of(client: SoasapClientImpl) -> Run:
    """What works for a client now."""
    run = client._supervisor.run
    assert run is not None, "nothing runs"
    return run


def tasks_left(run: Run) -> list[str]:
    """Tasks of a run that have not ended."""
    left = [str(number) for number, task in enumerate(run.tasks) if task.alive()]
    return [*left, "callbacks"] if run.callback_task is not None and run.callback_task.alive() else left


def descriptors() -> dict[int, str]:
    """Descriptors of this process and what they are."""
    found = {}
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):
            found[int(name)] = os.readlink(f"/proc/self/fd/{name}")
    return {number: what for number, what in found.items() if not what.startswith("/proc")}


# --- It streams, however the process is patched.


def expect_stream(lab: Laboratory, client: SoasapClientImpl) -> None:
    assert client.wait_ready(15), f"no first event: {client.status()}"
    first = client.get_int("n", -1)
    lab.world.wait(lambda: client.get_int("n", -1) >= first + 3, "three more events")
    assert (lab.case.named or lab.case.backend) == client.status().backend
    assert [] == lab.kinds()


@promise("It streams over HTTP")
def streams_over_http(lab: Laboratory) -> None:
    expect_stream(lab, lab.client("plain"))


@promise("It streams over TLS")
def streams_over_tls(lab: Laboratory) -> None:
    expect_stream(lab, lab.client("tls"))


@promise("It streams over TLS with a ready context of the application")
def streams_with_ready_context(lab: Laboratory) -> None:
    expect_stream(lab, lab.client("tls", ssl_context=lab.context))


@promise("It streams through a CONNECT proxy")
def streams_through_proxy(lab: Laboratory) -> None:
    expect_stream(lab, lab.client("tls", proxy=lab.addresses["proxy"]))


def expect_refusal(lab: Laboratory, client: SoasapClientImpl) -> None:
    client.get_int("n")
    lab.world.wait(lambda: lab.errors, "a report")
    assert "CertificateRefused" == lab.kinds()[0], lab.errors[0].exception
    assert -1 == client.get_int("n", -1)


@promise("It refuses a certificate for another host")
def refuses_wrong_host(lab: Laboratory) -> None:
    expect_refusal(lab, lab.client("wrong_host"))


@promise("It refuses a certificate of an unknown authority")
def refuses_unknown_authority(lab: Laboratory) -> None:
    expect_refusal(lab, lab.client("unknown_authority"))


@promise("With a ready context it refuses the same")
def refuses_with_ready_context(lab: Laboratory) -> None:
    expect_refusal(lab, lab.client("wrong_host", ssl_context=lab.context))
    lab.clear()
    expect_refusal(lab, lab.client("unknown_authority", ssl_context=lab.context))


# --- Others in the process go on meanwhile.


def largest_gap(lab: Laboratory, body: Callable[[], object]) -> float:
    """Seconds that a sleeper of 1 ms was kept waiting at most, while `body` ran."""
    gap = 0.0
    stopped = False

    def tick() -> None:
        nonlocal gap
        before = time.perf_counter()
        while not stopped:
            lab.world.sleep(0.001)
            now = time.perf_counter()
            gap = max(gap, now - before - 0.001)
            before = now

    ticker = lab.world.spawn(tick)
    lab.world.sleep(0.01)
    try:
        body()
    finally:
        stopped = True
        lab.world.finish(ticker)
    return gap


def compare_gaps(
    lab: Laboratory,
    body: Callable[[], object],
    *,
    prepare: Callable[[], object] = lambda: None,
    alone: Callable[[], object] | None = None,
) -> Figures:
    """
    The largest gap while `body` runs, beside that of the same sleeper when there is no client.

    Args:
        body: The client at work.
        prepare: Makes the client; not measured.
        alone: What an application would do without a client, afterwards; nothing, if not given. Up to three times its
            gap is granted: on a busy machine both take longer.
    """
    tries: list[tuple[float, float]] = []
    for _ in range(ATTEMPTS):
        idle = largest_gap(lab, lambda: lab.world.sleep(0.2))
        prepare()
        beside = largest_gap(lab, body)
        tries.append((beside, idle if alone is None else largest_gap(lab, alone)))
        if beside < STALL or (alone is not None and beside < 3 * tries[-1][1]):
            break
        lab.clear()
    else:
        raise AssertionError(f"gaps with and without a client, in seconds: {tries}")
    figures = {"gap_ms": round(beside * 1000, 1), "alone_ms": round(tries[-1][1] * 1000, 1)}
    if len(tries) > 1:
        figures["earlier_ms"] = round(max(each[0] for each in tries[:-1]) * 1000, 1)
    return figures


@promise("An idle stream keeps nobody waiting")
def ticker_idle(lab: Laboratory) -> Figures:
    return compare_gaps(lab, lambda: lab.world.sleep(0.2), prepare=lambda: lab.live("tls", "idle"))


@promise("A flood of events keeps nobody waiting")
def ticker_flooded(lab: Laboratory) -> Figures:
    seen: list[tuple[int, float]] = []

    def flood() -> None:
        for pause in (0.0, 0.4):
            lab.world.sleep(pause)
            seen.append((lab.clients[-1].status().events, time.perf_counter()))

    figures = compare_gaps(lab, flood, prepare=lambda: lab.live("plain", "flood"))
    (before, start), (after, end) = seen[-2:]
    return {**figures, "events_per_second": round((after - before) / (end - start))}


@promise("A payload of 4.5 MB keeps nobody waiting much longer than parsing it takes")
def ticker_large(lab: Laboratory) -> Figures:
    def two_more() -> None:
        client = lab.clients[-1]
        seen = client.status().events
        lab.world.wait(lambda: client.status().events >= seen + 2, "two large events", 30)

    payloads: list[bytes] = []

    def live() -> None:
        payloads.append(lab.live("tls", "large")._store.known().payload)

    def parse_without() -> None:
        lab.clear()
        for _ in range(3):
            flags = orjson.loads(payloads[-1])
            lab.world.sleep(0.001)
            flags.clear()

    figures = compare_gaps(lab, two_more, prepare=live, alone=parse_without)
    return {**figures, "flags": len(orjson.loads(payloads[-1]))}


@promise("Opening and closing clients keeps nobody waiting")
def ticker_closing(lab: Laboratory) -> Figures:
    def open_and_close() -> None:
        for _ in range(5):
            lab.live("tls", "idle").close()

    return compare_gaps(lab, open_and_close)


@promise("Reconnecting keeps nobody waiting")
def ticker_reconnecting(lab: Laboratory) -> Figures:
    def reconnect() -> None:
        client = lab.clients[-1]
        connects = client.status().connects
        lab.world.wait(lambda: client.status().connects > connects, "another connection", 30)

    return compare_gaps(lab, reconnect, prepare=lambda: lab.live("tls", "cut"))


class SlowCache:
    """A disk on which every write takes 0.3 s."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.saves = 0

    def load(self) -> bytes | None:
        return None

    def save(self, payload: bytes) -> None:
        self._world.native_sleep(0.3)
        self.saves += 1


@promise("A slow disk keeps nobody waiting")
def ticker_slow_disk(lab: Laboratory) -> Figures:
    def write_once() -> None:
        cache = SlowCache(lab.world)
        client = lab.live("plain", "idle", cache=cache)
        lab.world.wait(lambda: cache.saves, "a save")
        client.close()

    return compare_gaps(lab, write_once)


@promise("Waiting for the first event keeps nobody else waiting")
def ticker_wait_ready(lab: Laboratory) -> Figures:
    def wait() -> None:
        assert not lab.clients[-1].wait_ready(0.3)

    return compare_gaps(lab, wait, prepare=lambda: lab.client("plain", "silent"))


# --- close() is prompt in every phase, and leaves nothing behind.


def expect_prompt_close(lab: Laboratory, make: Callable[[], SoasapClientImpl]) -> Figures:
    """Close a client in the phase that `make` brought it into."""
    with lab_is_clean(lab):
        took: list[float] = []
        for _ in range(ATTEMPTS):
            client = make()
            run = run_of(client)
            start = time.perf_counter()
            client.close()
            took.append(time.perf_counter() - start)
            assert [] == tasks_left(run), f"tasks left after {took[-1]:.3f} s"
            if took[-1] < PROMPT:
                break
    assert took[-1] < PROMPT, f"close() took {took} s"
    return {"close_ms": round(took[-1] * 1000, 2)}


@contextlib.contextmanager
def lab_is_clean(lab: Laboratory) -> Iterator[None]:
    """No descriptor is open after the block that was not open before."""
    before = descriptors()
    yield
    lab.world.wait(lambda: not left_open(lab, before), f"the end of {left_open(lab, before)}")


def left_open(lab: Laboratory, before: dict[int, str]) -> list[str]:
    """
    What is open now and was not, as often, before.

    Not by number: libev replaces the epoll set of a hub when it hears of a descriptor that is closed already, as it
    does now and then when another thread has ended a connection.
    """
    if lab.case.backend == "threads" and lab.case.library == "eventlet":
        gc.collect()  # a failed handshake leaves garbage first
    new = Counter(descriptors().values()) - Counter(before.values())
    if lab.case.backend == "threads" and lab.case.library == "eventlet":
        # Patched sockets in a thread: eventlet keeps its epoll set.
        return [what for what in new.elements() if "eventpoll" not in what]
    return list(new.elements())


def settled(lab: Laboratory, client: SoasapClientImpl) -> SoasapClientImpl:
    """Started, and given time to come to where it must wait. Where it is not there yet, close is prompt too."""
    client.get_int("n")
    lab.world.sleep(0.1)
    return client


@promise("close() is prompt on an idle TLS stream")
def close_idle(lab: Laboratory) -> Figures:
    return expect_prompt_close(lab, lambda: lab.live("tls", "idle"))


@promise("close() is prompt on a busy TLS stream")
def close_busy(lab: Laboratory) -> Figures:
    return expect_prompt_close(lab, lambda: lab.live("tls", "flood", cache=None))


@promise("close() is prompt while waiting for the response head")
def close_waiting(lab: Laboratory) -> Figures:
    return expect_prompt_close(lab, lambda: settled(lab, lab.client("tls", "silent")))


@promise("close() is prompt in a TLS handshake that is never answered")
def close_in_handshake(lab: Laboratory) -> Figures:
    return expect_prompt_close(lab, lambda: settled(lab, lab.client("no_handshake")))


@promise("close() is prompt while connecting")
def close_connecting(lab: Laboratory) -> Figures:
    return expect_prompt_close(lab, lambda: settled(lab, lab.client("no_accept")))


@promise("close() is prompt between two attempts")
def close_in_backoff(lab: Laboratory) -> Figures:
    def failed_once() -> SoasapClientImpl:
        lab.errors.clear()
        client = lab.client("nobody")
        client.get_int("n")
        lab.world.wait(lambda: lab.errors, "a report")
        return client

    return expect_prompt_close(lab, failed_once)


@promise("A busy TLS stream closed 40 times never shows ciphertext to the decoder")
def close_busy_often(lab: Laboratory) -> Figures:
    took = []
    with lab_is_clean(lab):
        for _ in range(40):
            client = lab.live("tls", "flood", cache=None)
            start = time.perf_counter()
            client.close()
            took.append(time.perf_counter() - start)
    assert [] == lab.kinds()
    return {"close_ms_median": round(sorted(took)[20] * 1000, 2), "close_ms_max": round(max(took) * 1000, 2)}


# --- close() may be called from anywhere.


def expect_end(lab: Laboratory, run: Run) -> None:
    lab.world.wait(lambda: not tasks_left(run), "the end of all tasks")
    assert [] == [each for each in lab.kinds() if each != "InvalidPayload"]


def timed_close(client: SoasapClientImpl) -> Figures:
    start = time.perf_counter()
    client.close()
    return {"close_ms": round((time.perf_counter() - start) * 1000, 2)}


def close_in(lab: Laboratory, spawn: Callable[[Callable[[], object]], Task]) -> Figures:
    with lab_is_clean(lab):
        client = lab.live("tls", "steady")
        run = run_of(client)
        figures: Figures = {}
        lab.world.finish(spawn(lambda: figures.update(timed_close(client))))
        expect_end(lab, run)
    assert figures["close_ms"] < 1000
    assert "closed" == client.status().state
    return figures


@promise("close() works in a signal handler")
def close_in_signal_handler(lab: Laboratory) -> Figures:
    def by_signal(function: Callable[[], object]) -> Task:
        task = Task()
        signal.signal(signal.SIGALRM, lambda *_: task.run(function))
        signal.setitimer(signal.ITIMER_REAL, 0.02)
        return task

    return close_in(lab, by_signal)


@promise("close() works in a signal handler that interrupts wait_ready")
def close_interrupts_wait_ready(lab: Laboratory) -> Figures:
    with lab_is_clean(lab):
        client = lab.client("plain", "silent")
        figures: Figures = {}
        signal.signal(signal.SIGALRM, lambda *_: figures.update(timed_close(client)))
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        start = time.perf_counter()
        assert not client.wait_ready(20)
        assert time.perf_counter() - start < 10
    return figures


@promise("close() works in another greenlet or thread")
def close_in_another_task(lab: Laboratory) -> Figures:
    return close_in(lab, lab.world.spawn)


@promise("close() works in an OS thread without a hub")
def close_in_foreign_thread(lab: Laboratory) -> Figures:
    return close_in(lab, lab.world.spawn_native)


@promise("close() works in a thread of the pool", "gevent", "eventlet")
def close_in_pool(lab: Laboratory) -> Figures:
    return close_in(lab, lab.world.spawn_in_pool)


@promise("close() works in a callback of the event loop", "gevent", "eventlet")
def close_in_loop(lab: Laboratory) -> Figures:
    return close_in(lab, lab.world.call_in_loop)


@promise("close() works in on_error")
def close_in_callback(lab: Laboratory) -> Figures:
    figures: Figures = {}
    done = Task()

    runs: list[Run] = []

    def on_error(context: SoasapErrorContext) -> None:
        lab.errors.append(context)
        lab.world.wait(lambda: runs, "the run that is about to end")
        done.run(lambda: figures.update(timed_close(client)))

    with lab_is_clean(lab):
        client = lab.client("tls", "garbage", on_error=on_error)
        client.get_int("n")
        run = run_of(client)
        runs.append(run)
        lab.world.finish(done)
        expect_end(lab, run)
    assert ["InvalidPayload"] == lab.kinds()
    assert figures["close_ms"] < 1000
    return figures


@promise("A close() beside another one waits for the same end")
def close_twice(lab: Laboratory) -> None:
    with lab_is_clean(lab):
        client = lab.live("tls", "steady")
        run = run_of(client)
        left: list[list[str]] = []

        def close() -> None:
            client.close()
            left.append(tasks_left(run))

        tasks = [lab.world.spawn(close) for _ in range(3)]
        for task in tasks:
            lab.world.finish(task)
        assert [[], [], []] == left


# --- Kills, time-outs and wrong places.


@promise("A time-out of the application around wait_ready reaches it, and the tasks live on", "gevent", "eventlet")
def timeout_reaches_caller(lab: Laboratory) -> None:
    client = lab.client("plain", "silent")
    try:
        with lab.world.give_up_after(0.1):
            client.wait_ready(20)
    except lab.world.given_up:
        pass
    else:
        raise AssertionError("the time-out was swallowed")
    run = run_of(client)
    assert all(task.alive() for task in run.tasks)
    assert not run.over()


@promise("wait_ready in a callback of the event loop returns at once", "gevent", "eventlet")
def wait_ready_in_loop(lab: Laboratory) -> None:
    client = lab.client("plain", "silent")
    client.get_int("n")
    answers: list[tuple[bool, float]] = []

    def wait() -> None:
        start = time.perf_counter()
        answers.append((client.wait_ready(20), time.perf_counter() - start))

    lab.world.finish(lab.world.call_in_loop(wait))
    assert not answers[0][0]
    assert answers[0][1] < 1


@promise("wait_ready in a foreign OS thread waits there")
def wait_ready_in_foreign_thread(lab: Laboratory) -> None:
    client = lab.client("plain", "silent")
    client.get_int("n")
    answers: list[tuple[bool, float]] = []

    def wait() -> None:
        start = time.perf_counter()
        answers.append((client.wait_ready(0.3), time.perf_counter() - start))

    lab.world.finish(lab.world.spawn_native(wait))
    assert not answers[0][0]
    assert 0.25 < answers[0][1] < 5
    live = lab.client("plain", "steady")
    live.get_int("n")
    lab.world.finish(lab.world.spawn_native(lambda: answers.append((live.wait_ready(10), 0.0))))
    assert answers[1][0]


@promise("A first read where no task could run gives the default, a hint and one warning", "gevent", "eventlet")
def first_read_in_pool(lab: Laboratory) -> None:
    client = lab.client("plain")
    values: list[int] = []
    for _ in range(3):
        lab.world.finish(lab.world.spawn_in_pool(lambda: values.append(client.get_int("n", -1))))
    hints: list[str] = []
    lab.world.finish(lab.world.spawn_in_pool(lambda: hints.append(client.status().hint)))
    assert [-1, -1, -1] == values
    assert hints[0] != ""
    assert 1 == len(lab.warnings), lab.warnings
    assert hints[0] in lab.warnings[0]
    expect_stream(lab, client)  # the next read, here
    assert "" == client.status().hint


@promise("A first read in an OS thread without a hub does the same", "gevent", "eventlet")
def first_read_in_foreign_thread(lab: Laboratory) -> None:
    client = lab.client("plain")
    values: list[int] = []
    lab.world.finish(lab.world.spawn_native(lambda: values.append(client.get_int("n", -1))))
    assert [-1] == values
    assert 1 == len(lab.warnings), lab.warnings
    expect_stream(lab, client)


@promise("Changes are told on a task of its own, whichever thread subscribed")
def changes_are_told(lab: Laboratory) -> None:
    told: list[tuple[Any, Any]] = []
    client = lab.client("tls", on_update=lambda changes: told.append((changes["n"].old, changes["n"].new)))
    also: list[Any] = []
    assert client.wait_ready(15), client.status()
    lab.world.finish(lab.world.spawn_native(lambda: client.subscribe(also.append)))
    lab.world.wait(lambda: len(told) > 5 and len(also) > 5, "changes")
    client.close()
    assert told == [(None, told[0][1]), *((old, new) for (_, old), (_, new) in pairwise(told))]
    assert all(each.keys() == {"n"} for each in also), also
    assert [] == lab.kinds()


@promise("A hub that runs outside the main thread may host the tasks", "gevent", "eventlet")
def hub_elsewhere(lab: Laboratory) -> None:
    client = lab.client("tls")
    leave: list[bool] = []

    def serve() -> None:
        assert client.wait_ready(15)
        while not leave:
            lab.world.sleep(0.005)
        lab.world.sleep(0.05)

    server = lab.world.run_hub_elsewhere(serve)
    lab.world.wait(lambda: client._supervisor.run is not None and client.get_int("n", -1) >= 3, "events there")
    run = run_of(client)
    client.close()
    assert [] == tasks_left(run)
    leave.append(True)
    lab.world.finish(server)
    assert [] == lab.kinds()


@promise("When the thread of such a hub ends, the next read elsewhere starts anew", "gevent", "eventlet")
def host_ends(lab: Laboratory) -> None:
    client = lab.client("tls")
    runs: list[Run] = []

    def serve() -> None:
        assert client.wait_ready(15)
        runs.append(run_of(client))

    lab.world.finish(lab.world.run_hub_elsewhere(serve))
    lab.world.wait(lambda: client._supervisor.run is not runs[0], "the end")
    last = client.get_int("n", -1)
    assert last >= 0
    lab.world.wait(lambda: client.get_int("n", -1) > last + 3, "events here")
    assert "live" == client.status().state
    assert [] == lab.kinds()


@promise("When it ends as soon as the tasks were started, too", "gevent", "eventlet")
def host_ends_at_once(lab: Laboratory) -> None:
    client = lab.client("tls")
    lab.world.finish(lab.world.run_hub_elsewhere(lambda: client.get_int("n")))
    lab.world.wait(lambda: client._supervisor.run is None, "the end")
    last = client.get_int("n", -1)
    lab.world.wait(lambda: client.get_int("n", -1) > last + 3, "events here")
    assert [] == lab.kinds()


@promise("A kill of everything is recorded, and a later read starts anew, in due time", "gevent", "eventlet")
def kill_everything(lab: Laboratory) -> Figures:
    client = lab.live("plain")
    starts = 0
    deadline = time.monotonic() + 1.0
    while time.monotonic() < deadline:
        if client._supervisor.run is not None:
            starts += 1
            assert lab.world.kill_all() >= 2
            assert client.status().last_error is not None
            assert client._supervisor.run is None
        client.get_int("n")
        lab.world.sleep(0.001)
    assert 2 <= starts <= 6, f"{starts} starts in a second"
    lab.world.wait(lambda: client.get_int("n") >= 0 and client.status().state == "live", "a stream again")
    seen = client.status().events
    lab.world.wait(lambda: client.status().events >= seen + 3, "three more events")
    return {"starts_in_a_second": starts}


# --- The program.


class _Listener(logging.Handler):
    def __init__(self, heard: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._heard = heard

    def emit(self, record: logging.LogRecord) -> None:
        self._heard.append(record.getMessage())


def main() -> None:
    given = json.loads(sys.argv[1])
    case = Case(**given["case"])
    faulthandler.enable()
    if case.state in ("first", "thread only"):
        patch(case)
        context = make_context(given["addresses"]["ca_file"])
    else:
        context = make_context(given["addresses"]["ca_file"])
        patch(case)
    lab = Laboratory(case, make_world(case.backend), given["addresses"], Path(given["folder"]), context)
    logger = logging.getLogger("soasap")
    logger.propagate = False
    logger.addHandler(_Listener(lab.warnings))
    lab.live("tls", cache=SlowCache(lab.world)).close()  # what the first client of a process opens for good is open now
    if case.backend != "threads":
        lab.world.finish(lab.world.spawn_in_pool(lambda: None))
    for sentence, (check, backends) in PROMISES.items():
        if case.backend not in backends or (given["only"] and sentence not in given["only"]):
            continue
        faulthandler.dump_traceback_later(120, exit=True)
        figures, failure, start = None, "", time.perf_counter()
        lab.clear()
        try:
            figures = check(lab)
        except BaseException:
            failure = traceback.format_exc() + lab.scene()
        lab.clear()
        outcome = {"promise": sentence, "figures": figures, "failure": failure, "took": time.perf_counter() - start}
        print(json.dumps(outcome), flush=True)
    faulthandler.cancel_dump_traceback_later()


def make_context(ca_file: str) -> Any:
    import ssl

    return ssl.create_default_context(cafile=ca_file)


if __name__ == "__main__":
    main()
