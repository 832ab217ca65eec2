"""
A disk that is full, missing, tampered with or slow, as the whole client meets it.

`tests/io/test_cache_file.py` has the cache file alone, `tests/test_warm_start.py` what is taken over at start.
"""

from __future__ import annotations

import json
import os
import random
import signal
import stat
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from soasap import SoasapErrorContext, SoasapErrorSource
from soasap.exceptions import CacheError, InvalidPayload
from tests.clients import API_KEY, cache_file, of_source, open_client, write_cache
from tests.faults.weather import BEFORE
from tests.flagserver import Connection, ScriptedServer, hold_open
from tests.scripts import PATIENCE, run_script, start_script
from tests.waiting import wait_until

# --- What is in the file's place when a process starts.


def sparse(path: Path) -> None:
    """300 MB that take no room."""
    with open(path, "wb") as file:
        file.truncate(300_000_000)


def dangling(path: Path) -> None:
    path.symlink_to(path.parent / "nowhere")


def tempting(path: Path) -> None:
    """A link to a good file: who may write to the directory must not choose what we read."""
    (path.parent / "good.json").write_bytes(b'{"n": 7}')
    path.symlink_to(path.parent / "good.json")


def deep(path: Path) -> None:
    path.write_bytes(b'{"n": ' + b"[" * 100_000 + b"]" * 100_000 + b"}")


def contents(data: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(data)


IN_PLACE: dict[str, tuple[Callable[[Path], object], type[Exception]]] = {
    "garbage": (contents(bytes(range(256))), InvalidPayload),
    "cut": (contents(b'{"n": 7, "m'), InvalidPayload),
    "empty": (contents(b""), InvalidPayload),
    "array": (contents(b'[{"n": 7}]'), InvalidPayload),
    "too deep": (deep, InvalidPayload),
    "300 MB": (sparse, CacheError),
    "pipe": (os.mkfifo, CacheError),
    "directory": (Path.mkdir, CacheError),
    "dangling link": (dangling, CacheError),
    "link to a good file": (tempting, CacheError),
}


@pytest.mark.parametrize(("put", "error"), IN_PLACE.values(), ids=IN_PLACE)
def test_what_is_in_the_way(put: Callable[[Path], object], error: type[Exception], cache_dir: Path) -> None:
    """What cannot be used is one DISK report; nothing hangs, reads give defaults, and the stream brings the flags."""
    errors: list[SoasapErrorContext] = []
    with ScriptedServer(hold_open(BEFORE)) as server:
        path = cache_file(cache_dir, server.base_url)
        cache_dir.mkdir()
        put(path)
        began = time.monotonic()
        with open_client(
            server.base_url, cache="disk", cache_directory=str(cache_dir), on_error=errors.append
        ) as client:
            took = time.monotonic() - began
            assert client.get_int("n", 3) in (1, 3)
            assert client.wait_ready(10)
            wait_until(lambda: errors, message="the report")

            assert 1 == client.get_int("n")
            assert took < 5
        reports = of_source(errors, SoasapErrorSource.DISK)
        assert isinstance(reports[0].exception, error)
        if not path.is_dir():  # a directory is not removed: it may be somebody's
            assert stat.S_ISREG(os.lstat(path).st_mode)
            assert BEFORE == path.read_bytes()
        if put is tempting:
            assert b'{"n": 7}' == (cache_dir / "good.json").read_bytes()
        if put is dangling:
            assert not (cache_dir / "nowhere").exists()


# --- What happens to the disk meanwhile.

NO_SPACE = f"""
import json, os, resource, signal, sys, time
from soasap import create_soasap_client
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
base_url, directory = sys.argv[1:]
errors = []
client = create_soasap_client(
    api_key={API_KEY!r}, base_url=base_url, cache_directory=directory, on_error=errors.append
)
def wait_for(condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
wait_for(lambda: client.get_int("n") == 2)
wait_for(lambda: errors)
print(errors[0].source.value, type(errors[0].exception).__name__, errors[0].exception)
print(client.status().state, sorted(os.listdir(directory)))
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
client.close()
"""


def test_no_space(cache_dir: Path) -> None:
    """
    On a full disk memory goes on, the old file stays, and no litter is left; the end saves if there is room again.

    The process may write files of 4 kB and not more, as on a disk that takes only a part.
    """
    large = json.dumps({"n": 2, "x": "x" * 100_000}).encode()
    with ScriptedServer(hold_open(large)) as server:
        path = write_cache(cache_dir, BEFORE, server.base_url)
        before = time.monotonic()
        lines = run_script(NO_SPACE, server.base_url, cache_dir).splitlines()

    assert lines[0].startswith("disk CacheError")
    assert f"live ['{path.name}']" == lines[1]
    assert large == path.read_bytes()
    assert time.monotonic() - before < PATIENCE


@pytest.mark.untraced
def test_file_stays_whole_while_the_disk_is_full(cache_dir: Path) -> None:
    """Until there is room again, the next start finds the old file whole."""
    with ScriptedServer(hold_open(json.dumps({"n": 2, "x": "x" * 100_000}).encode())) as server:
        path = write_cache(cache_dir, BEFORE, server.base_url)
        run_script(NO_SPACE.replace("(soft, hard)", "(4096, hard)"), server.base_url, cache_dir)

    assert BEFORE == path.read_bytes()
    assert [path] == list(cache_dir.iterdir())


def test_directory_becomes_impossible(cache_dir: Path) -> None:
    """A file where the directory should be is a DISK report; once it is gone, the end saves."""
    errors: list[SoasapErrorContext] = []
    cache_dir.write_text("in the way")
    with ScriptedServer(hold_open(BEFORE)) as server:
        with open_client(
            server.base_url, cache="disk", cache_directory=str(cache_dir), on_error=errors.append
        ) as client:
            assert client.wait_ready(10)
            wait_until(lambda: 2 <= len(errors), message="a report of the read and one of the write")
            assert 1 == client.get_int("n")
            cache_dir.unlink()

        assert {SoasapErrorSource.DISK} == {error.source for error in errors}
        assert BEFORE == cache_file(cache_dir, server.base_url).read_bytes()


def test_directory_that_nobody_can_make() -> None:
    """A file system that takes neither directory nor file, not even root's, is a DISK report; flags go on."""
    errors: list[SoasapErrorContext] = []
    with (
        ScriptedServer(hold_open(BEFORE)) as server,
        open_client(
            server.base_url, cache="disk", cache_directory="/proc/soasap/cache", on_error=errors.append
        ) as client,
    ):
        assert client.wait_ready(10)
        wait_until(lambda: errors, message="the report")

        assert ("live", 1) == (client.status().state, client.get_int("n"))
        assert {SoasapErrorSource.DISK} == {error.source for error in errors}


# --- Processes that die, and processes that share.

WRITER = f"""
import sys, time
from soasap import create_soasap_client
base_url, directory = sys.argv[1:]
client = create_soasap_client(api_key={API_KEY!r}, base_url=base_url, cache_directory=directory)
while client.get_int("n", -1) < 0:
    time.sleep(0.001)
print("live", flush=True)
time.sleep(60)
"""


def busy(connection: Connection, index: int) -> None:
    """200 changes a second, from 0 to 200 kB, so that a torn or mixed file would show."""
    connection.head()
    for n in range(100_000):
        connection.flags({"n": n, "text": chr(97 + n % 26) * (n % 10 * 20_000)})
        time.sleep(1 / 200)


def check_whole(content: bytes) -> None:
    """Whether this is one payload of `busy`, to the last byte."""
    flags = json.loads(content)
    n = flags["n"]
    assert {"n": n, "text": chr(97 + n % 26) * (n % 10 * 20_000)} == flags


ROUNDS = 8


def test_killed_while_flags_change(cache_dir: Path) -> None:
    """
    However often a process is killed without warning, while 200 changes a second arrive, the file is absent or whole.

    Killed around its first save, which follows the first event at once; the kills of `test_cache_file` hit a process
    that does nothing but save.
    """
    moments = random.Random(4)
    with ScriptedServer(busy) as server:
        path = cache_file(cache_dir, server.base_url)
        for _ in range(ROUNDS):
            process = start_script(WRITER, server.base_url, cache_dir)
            with process:
                assert process.stdout is not None
                assert "live\n" == process.stdout.readline()
                time.sleep(moments.random() * 0.01)
                process.send_signal(signal.SIGKILL)
                assert -signal.SIGKILL == process.wait(PATIENCE)
            if path.exists():
                check_whole(path.read_bytes())

        assert path.exists()  # not every kill came first
        litter = [name for name in os.listdir(cache_dir) if name != path.name]
        assert len(litter) <= ROUNDS


def test_two_processes_share_a_file(cache_dir: Path) -> None:
    """While two processes save what each of them hears, whoever reads finds one whole payload."""
    with ScriptedServer(busy) as server:
        path = cache_file(cache_dir, server.base_url)
        processes = [start_script(WRITER, server.base_url, cache_dir) for _ in range(2)]
        try:
            wait_until(path.exists, PATIENCE, "the first save")
            seen: set[bytes] = set()
            until = time.monotonic() + PATIENCE
            while len(seen) < 4 and time.monotonic() < until:  # two saves each, 2.5 s apart
                content = path.read_bytes()
                check_whole(content)
                seen.add(content)
                time.sleep(0.001)
        finally:
            for process in processes:
                process.kill()
                process.communicate()

    assert 4 <= len(seen)
