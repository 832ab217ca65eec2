"""
What a server may send without end: memory stays where it was, and twice the bytes take twice the time.

Measured from outside, in a process with nothing but a client in it, over a real connection.
"""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Callable
from typing import Any, TypeAlias

import pytest

from tests.clients import API_KEY
from tests.flagserver import Connection, Script, ScriptedServer
from tests.scripts import PATIENCE, start_script

pytestmark = pytest.mark.slow

MEGABYTE = 1024 * 1024

Flood: TypeAlias = Callable[[Connection, int], None]
"""Sends so many bytes in which no event ends."""

RECEIVER = f"""
import json, sys
base_url, backend = sys.argv[1:]
if backend == "gevent":
    from gevent import monkey; monkey.patch_all()
import logging, time
logging.getLogger("soasap").addHandler(logging.NullHandler())
from soasap import create_soasap_client

def memory(field):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(field)) * 1024

def forget_peak():
    with open("/proc/self/clear_refs", "w") as control:
        control.write("5")

client = create_soasap_client(api_key={API_KEY!r}, base_url=base_url, cache=None, backend=backend)
assert client.wait_ready(30)
forget_peak()
for number in range(1, 100):
    memory_before, used_before = memory("VmRSS:"), time.process_time()
    print("ready", flush=True)
    if not sys.stdin.readline():
        break
    deadline = time.monotonic() + 60
    while client.get_int("n") < number:
        assert time.monotonic() < deadline, client.status()
        time.sleep(0.02)
    used = time.process_time() - used_before
    status = client.status()
    print(json.dumps([memory("VmHWM:") - memory_before, used, status.connects, status.errors]), flush=True)
client.close()
"""


class Receiver:
    """A process that waits for event after event and says what each one cost."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def wait_ready(self) -> None:
        assert "ready\n" == self._line()

    def figures(self) -> tuple[int, float, int, int]:
        """Bytes of memory at most, CPU seconds, streams opened and errors since the last event."""
        memory, used, connects, errors = json.loads(self._line())
        return memory, used, connects, errors

    def expect_next(self) -> None:
        self._write("next\n")

    def end(self) -> None:
        _, errors = self._process.communicate(timeout=PATIENCE)

        assert (0, "") == (self._process.returncode, errors)

    def _write(self, text: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(text)
        self._process.stdin.flush()

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, self._process.communicate(timeout=PATIENCE)
        return line


def begun(start: bytes, piece: bytes) -> Flood:
    """Sends a start and then the same piece, 64 KiB a chunk, until so many bytes are out."""
    chunk = piece * (64 * 1024 // len(piece))

    def send(connection: Connection, size: int) -> None:
        connection.chunk(start)
        for _ in range(size // len(chunk)):
            connection.chunk(chunk)

    return send


def in_one_chunk(connection: Connection, size: int) -> None:
    """One line of data as one chunk of the HTTP body, whose size is announced."""
    connection.send(b"%x\r\n" % size + b"data: ")
    sent = len(b"data: ")
    while sent < size:
        piece = b"x" * min(64 * 1024, size - sent)
        connection.send(piece)
        sent += len(piece)
    connection.send(b"\r\n")


ENDLESS: dict[str, tuple[int, Flood]] = {
    "data": (1, begun(b"data: ", b"x")),
    "data in one chunk": (1, in_one_chunk),
    "lines of data": (1, begun(b"", b"data: " + b"x" * 57 + b"\n")),
    "empty lines of data": (1, begun(b"", b"data\n")),
    "comment": (0, begun(b": ", b"x")),
    "comments": (0, begun(b"", b":" + b"x" * 62 + b"\n")),
    "unknown field": (0, begun(b"x: ", b"x")),
    "name without an end": (0, begun(b"", b"x")),
    "id": (0, begun(b"id: ", b"x")),
}
"""With the number of errors that are due: where it was data, the event is too large."""


def size_of(kind: str) -> int:
    """Bytes of the whole flood. Of empty lines six million, just over the cap: each costs as much as a long one."""
    return (30 if kind == "empty lines of data" else 100) * MEGABYTE


CASES = [
    *((kind, "threads") for kind in ENDLESS),
    *((kind, "gevent") for kind in ("data", "data in one chunk", "comment", "unknown field")),
]


def after(sizes: list[int], send: Flood, go: threading.Semaphore) -> Script:
    """A script that sends so much before each event, as soon as it may go."""

    def script(connection: Connection, index: int) -> None:
        connection.head()
        connection.event(b'{"n": 0}')
        for number, size in enumerate(sizes, 1):
            go.acquire()
            send(connection, size)
            connection.chunk(b'\n\ndata: {"n": %d}\n\n' % number)
        connection.hang()

    return script


def costs(backend: str, sizes: list[int], send: Flood) -> list[tuple[int, float, int, int]]:
    """What each of these floods costs a client: see `Receiver.figures`."""
    go = threading.Semaphore(0)
    found = []
    with (
        ScriptedServer(after(sizes, send, go)) as server,
        start_script(RECEIVER, server.base_url, backend) as process,
    ):
        receiver = Receiver(process)
        for _ in sizes:
            receiver.wait_ready()
            receiver.expect_next()
            go.release()
            found.append(receiver.figures())
        receiver.end()
    return found


@pytest.mark.parametrize(("kind", "backend"), CASES)
def test_a_hundred_megabytes_without_end(kind: str, backend: str, record_property: Any) -> None:
    """While 100 MB arrive that end nowhere, memory grows by 20 MB at most; then the next event is taken."""
    errors_due, send = ENDLESS[kind]
    ((memory, used, connects, errors),) = costs(backend, [size_of(kind)], send)
    record_property("memory", memory)
    record_property("seconds", used)

    assert memory <= 20 * MEGABYTE
    assert (1, errors_due) == (connects, errors)


@pytest.mark.parametrize("backend", ["threads", "gevent"])
@pytest.mark.parametrize("kind", ["data", "comment", "unknown field", "empty lines of data"])
def test_twice_the_bytes_take_twice_the_time(kind: str, backend: str, record_property: Any) -> None:
    """CPU time is linear: 50 MB take at most 2.3 times what 25 MB take, in one of three measurements."""
    _, send = ENDLESS[kind]
    ratios: list[float] = []
    while len(ratios) < 3 and not any(ratio <= 2.3 for ratio in ratios):
        (_, half, *_), (_, whole, *_) = costs(backend, [size_of(kind) // 4, size_of(kind) // 2], send)
        ratios.append(whole / half)
    record_property("ratios", ratios)

    assert min(ratios) <= 2.3, ratios
