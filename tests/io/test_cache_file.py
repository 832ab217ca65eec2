from __future__ import annotations

import errno
import importlib
import json
import os
import random
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType, ModuleType

import pytest

import soasap._io
from soasap._io import cache_file
from soasap._io.cache_file import MAX_CACHE_BYTES, CachedPayload, FileCache
from soasap.exceptions import CacheError
from soasap.protocols import SnapshotCache

FLAGS = b'{"new-checkout": true}'
BOM = b"\xef\xbb\xbf"
NOBODY = 65534

posix = pytest.mark.skipif(os.name != "posix", reason="modes, pipes and signals of Unix")
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a file that only Linux has")


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """An empty directory, nobody's but this test's: some tests look at all that is in it."""
    directory = tmp_path / "cache"
    directory.mkdir()
    return directory


@pytest.fixture
def cache(directory: Path) -> FileCache:
    return FileCache(str(directory / "flags.json"))


@pytest.fixture
def umask() -> Iterator[None]:
    """Puts the umask of the tests back."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """A directory that any user can reach, which pytest's own are not."""
    directory = Path(tempfile.mkdtemp())
    directory.chmod(0o755)
    yield directory
    directory.chmod(0o755)
    shutil.rmtree(directory)


@contextmanager
def ordinary_user() -> Iterator[None]:
    """Without root's rights, before which modes mean nothing, where the tests have them."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Interrupts a block that hangs."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise AssertionError(f"hung for {seconds} s")

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def lowest_free_descriptor() -> int:
    """Moves up by one for each descriptor that was left open."""
    descriptor = os.open(os.devnull, os.O_RDONLY)
    os.close(descriptor)
    return descriptor


def age(path: Path, seconds: float) -> None:
    """Make a file that many seconds old."""
    then = time.time() - seconds
    os.utime(path, (then, then), follow_symlinks=False)


class TestRead:
    def test_round_trip(self, cache: FileCache) -> None:
        """What was saved is read, with the time of the file."""
        before = time.time()

        cache.save(FLAGS)

        found = cache.read()
        assert found is not None
        assert found.payload == FLAGS
        assert found.written_at == os.stat(cache.path).st_mtime
        # The kernel stamps files by a clock that ticks a few milliseconds apart.
        assert before - 0.1 <= found.written_at <= time.time() + 0.1

    def test_protocol(self, cache: FileCache) -> None:
        """A file cache is a snapshot cache: `load` gives the payload alone."""
        as_seam: SnapshotCache = cache
        assert as_seam.load() is None

        as_seam.save(FLAGS)

        assert as_seam.load() == FLAGS

    def test_absent(self, cache: FileCache, directory: Path) -> None:
        """No file and no directory is nothing to report."""
        assert cache.read() is None
        assert FileCache(str(directory / "no" / "such" / "flags.json")).read() is None

    @pytest.mark.parametrize(
        "content",
        [b"", b"{", b"[1]", b"\x00\xff", b'{"a": "' + b"x" * 100, b"line\r\nline\n\x1a"],
        ids=["empty", "cut", "array", "not text", "torn", "line ends"],
    )
    def test_contents_are_not_judged(self, cache: FileCache, content: bytes) -> None:
        """Garbage, a torn file and an empty one come back byte for byte: judging them is another room's."""
        Path(cache.path).write_bytes(content)

        assert cache.load() == content

    def test_byte_order_mark(self, cache: FileCache) -> None:
        """A byte-order mark is not part of the payload."""
        Path(cache.path).write_bytes(BOM + FLAGS)

        assert cache.load() == FLAGS

    @pytest.mark.parametrize("prefix", [b"", BOM])
    def test_at_the_cap(self, cache: FileCache, prefix: bytes) -> None:
        """A payload of exactly the cap is read, and a byte-order mark in front does not count."""
        Path(cache.path).write_bytes(prefix + b"x" * MAX_CACHE_BYTES)

        assert cache.load() == b"x" * MAX_CACHE_BYTES

    @pytest.mark.parametrize("prefix", [b"", BOM])
    def test_beyond_the_cap(self, cache: FileCache, prefix: bytes) -> None:
        """One byte more is refused, and the message has both numbers."""
        Path(cache.path).write_bytes(prefix + b"x" * (MAX_CACHE_BYTES + 1))

        with pytest.raises(CacheError, match=rf"at least \d+ bytes, {MAX_CACHE_BYTES} are allowed"):
            cache.read()

    def test_sparse_giant(self, cache: FileCache) -> None:
        """A file of 300 MB is refused unread."""
        Path(cache.path).touch()
        os.truncate(cache.path, 300_000_000)
        tracemalloc.start()
        try:
            with pytest.raises(CacheError, match="300000000 bytes"):
                cache.read()
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

        assert peak < 100_000

    def test_growing(self, cache: FileCache, monkeypatch: pytest.MonkeyPatch) -> None:
        """A file that grows to 300 MB after it was measured is not read past the cap."""
        Path(cache.path).write_bytes(FLAGS)
        real_fstat = os.fstat

        def measure_and_grow(descriptor: int) -> os.stat_result:
            status = real_fstat(descriptor)
            os.truncate(cache.path, 300_000_000)
            return status

        with monkeypatch.context() as growing:
            growing.setattr(os, "fstat", measure_and_grow)
            with pytest.raises(CacheError, match=f"at least {MAX_CACHE_BYTES + 4} bytes"):
                cache.read()

    def test_no_descriptor_left(self, cache: FileCache, directory: Path) -> None:
        """Reading well and reading badly both leave no descriptor behind."""
        before = lowest_free_descriptor()

        cache.save(FLAGS)
        cache.read()
        os.truncate(cache.path, MAX_CACHE_BYTES + 10)
        with pytest.raises(CacheError):
            cache.read()
        with pytest.raises(CacheError):
            FileCache(str(directory)).save(FLAGS)

        assert lowest_free_descriptor() == before


class TestRefusals:
    def test_directory(self, directory: Path) -> None:
        """A directory of the name is refused; the message names the path and what is there."""
        with pytest.raises(CacheError, match=r"cannot be read: it is not a regular file \(d") as caught:
            FileCache(str(directory)).read()

        assert str(directory) in str(caught.value)
        assert isinstance(caught.value.__cause__, OSError)

    @posix
    def test_pipe(self, cache: FileCache) -> None:
        """A pipe that nobody writes to is refused at once."""
        os.mkfifo(cache.path)

        with at_most(5), pytest.raises(CacheError, match=r"not a regular file \(p"):
            cache.read()

    @posix
    def test_device(self) -> None:
        """A device is refused."""
        with pytest.raises(CacheError, match=r"not a regular file \(c"):
            FileCache("/dev/zero").read()

    @posix
    @pytest.mark.parametrize("target", ["other.json", "nothing"])
    def test_link(self, cache: FileCache, directory: Path, target: str) -> None:
        """A symbolic link is refused, whether it leads to a good file or nowhere."""
        (directory / "other.json").write_bytes(FLAGS)
        os.symlink(directory / target, cache.path)

        with pytest.raises(CacheError, match=r"not a regular file \(l"):
            cache.read()

    def test_file_in_the_way(self, directory: Path) -> None:
        """A regular file where the directory should be is trouble, not absence."""
        (directory / "way").write_bytes(b"")

        with pytest.raises(CacheError):
            FileCache(str(directory / "way" / "flags.json")).read()

    @posix
    def test_unreadable(self, open_directory: Path) -> None:
        """A file whose mode forbids reading is refused with the system's reason."""
        path = open_directory / "flags.json"
        path.write_bytes(FLAGS)
        path.chmod(0)

        with ordinary_user(), pytest.raises(CacheError, match=os.strerror(errno.EACCES)):
            FileCache(str(path)).read()

    @linux
    def test_read_error(self) -> None:
        """An error of the device in the middle of reading is reported with the system's reason."""
        with pytest.raises(CacheError, match=os.strerror(errno.EIO)):
            FileCache("/proc/self/mem").read()

    @pytest.mark.parametrize("name", ["a\0b", "a" * 5000])
    def test_impossible_path(self, directory: Path, name: str) -> None:
        """A path that no file can have is refused, in reading and in writing."""
        cache = FileCache(str(directory / name))

        with pytest.raises(CacheError, match="cannot be read"):
            cache.read()
        with pytest.raises(CacheError, match="cannot be written"):
            cache.save(FLAGS)
        assert cache.newer_than(0) is False

    @posix
    @pytest.mark.parametrize("kind", ["pipe", "link", "nothing"])
    def test_swapped_after_the_look(self, cache: FileCache, directory: Path, kind: str) -> None:
        """What takes the name between the look and the opening is judged once more, and cannot hang us."""
        cache.save(FLAGS)
        (directory / "other.json").write_bytes(b"{}")
        swaps = pytest.MonkeyPatch()

        def look_and_swap(path: str) -> os.stat_result:
            # Once, and no other file than ours: everybody calls `lstat`, the test runner on a failure too.
            swaps.undo()
            status = os.lstat(path)
            os.unlink(cache.path)
            if kind == "pipe":
                os.mkfifo(cache.path)
            elif kind == "link":
                os.symlink(directory / "other.json", cache.path)
            return status

        error: CacheError | None = None
        found: CachedPayload | None = None
        swaps.setattr(os, "lstat", look_and_swap)
        try:
            with at_most(5):
                found = cache.read()
        except CacheError as exc:
            error = exc
        finally:
            swaps.undo()

        assert found is None
        assert (error is None) is (kind == "nothing")


class TestLegacy:
    def test_read_while_ours_is_absent(self, cache: FileCache, directory: Path) -> None:
        """The file of an earlier release, byte-order mark and all, serves until we save, and stays."""
        old = directory / "soasap_cache_01234567.json"
        old.write_bytes(BOM + b'{"old": 1}')
        age(old, 3600)
        cache = FileCache(cache.path, [str(old)])

        found = cache.read()
        assert found == CachedPayload(b'{"old": 1}', old.stat().st_mtime)

        cache.save(FLAGS)
        assert cache.load() == FLAGS
        assert old.read_bytes() == BOM + b'{"old": 1}'

    def test_first_there_is(self, cache: FileCache, directory: Path) -> None:
        """Of several legacy files the first that exists is read."""
        for name in ("b", "c"):
            (directory / name).write_bytes(name.encode())

        assert FileCache(cache.path, [str(directory / name) for name in "abc"]).load() == b"b"

    def test_refused_alike(self, cache: FileCache, directory: Path) -> None:
        """A legacy file is met with the same suspicion, and the message names it."""
        (directory / "old").mkdir()

        with pytest.raises(CacheError, match=r"old.*not a regular file"):
            FileCache(cache.path, [str(directory / "old")]).read()


class TestSaved:
    def test_new(self, cache: FileCache) -> None:
        """Nothing is known about the file at first."""
        assert cache.saved is None

    def test_after_save(self, cache: FileCache) -> None:
        """A successful save tells what the file holds."""
        cache.save(FLAGS)

        assert cache.saved == FLAGS

    def test_after_read(self, cache: FileCache) -> None:
        """So does a read of our own file."""
        Path(cache.path).write_bytes(FLAGS)
        cache.read()

        assert cache.saved == FLAGS

    def test_after_legacy_read(self, cache: FileCache, directory: Path) -> None:
        """A legacy read does not: our file is still to be written."""
        (directory / "old").write_bytes(FLAGS)
        cache = FileCache(cache.path, [str(directory / "old")])
        cache.read()

        assert cache.saved is None

    def test_after_failures(self, cache: FileCache) -> None:
        """After a failed save or read nothing is known any more."""
        cache.save(FLAGS)
        os.unlink(cache.path)
        os.mkdir(cache.path)

        with pytest.raises(CacheError):
            cache.save(FLAGS)
        assert cache.saved is None

        cache.saved = FLAGS
        with pytest.raises(CacheError):
            cache.read()
        assert cache.saved is None


class TestNewerThan:
    def test_compares(self, cache: FileCache) -> None:
        """The file is newer than a time before it was written and not newer than its own time."""
        cache.save(FLAGS)
        written_at = os.stat(cache.path).st_mtime

        assert cache.newer_than(written_at - 1) is True
        assert cache.newer_than(written_at) is False

    def test_absent(self, cache: FileCache, directory: Path) -> None:
        """An absent file is not newer than anything, and a legacy file does not stand in for it."""
        (directory / "old").write_bytes(FLAGS)

        assert FileCache(cache.path, [str(directory / "old")]).newer_than(0) is False


class TestSave:
    def test_replaces(self, cache: FileCache, directory: Path) -> None:
        """A save puts a shorter payload in the place of a longer one, and leaves nothing else beside it."""
        cache.save(b"x" * 100_000)
        cache.save(b"")
        cache.save(FLAGS)

        assert Path(cache.path).read_bytes() == FLAGS
        assert os.listdir(directory) == ["flags.json"]

    def test_old_content_stays_whole(self, cache: FileCache) -> None:
        """Who has the old file open goes on reading the old content: the file is replaced, not rewritten."""
        cache.save(b"old")
        with open(cache.path, "rb") as before:
            cache.save(b"new")

            assert before.read() == b"old"

    def test_short_writes(self, cache: FileCache, monkeypatch: pytest.MonkeyPatch) -> None:
        """A system that takes a few bytes at a time gets them all."""
        real_write = os.write

        with monkeypatch.context() as sparing:
            sparing.setattr(os, "write", lambda descriptor, data: real_write(descriptor, data[:7]))
            cache.save(FLAGS)

        assert Path(cache.path).read_bytes() == FLAGS

    @posix
    @pytest.mark.usefixtures("umask")
    @pytest.mark.parametrize("mask", [0o000, 0o022, 0o077, 0o277])
    def test_file_mode(self, cache: FileCache, mask: int) -> None:
        """The file is for its owner alone, to read and to write, whatever the umask."""
        os.umask(mask)

        cache.save(FLAGS)

        assert stat.S_IMODE(os.stat(cache.path).st_mode) == 0o600

    @posix
    @pytest.mark.usefixtures("umask")
    @pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
    def test_directory_mode(self, directory: Path, mask: int) -> None:
        """A directory that we make is for its owner alone; one that is there keeps its mode."""
        shared = directory / "shared"
        shared.mkdir()
        shared.chmod(0o755)
        os.umask(mask)

        FileCache(str(shared / "deep" / "flags.json")).save(FLAGS)

        assert stat.S_IMODE((shared / "deep").stat().st_mode) == 0o700
        assert stat.S_IMODE(shared.stat().st_mode) == 0o755

    def test_directory_removed_meanwhile(self, directory: Path) -> None:
        """A directory that somebody cleaned away is made again by the next save."""
        cache = FileCache(str(directory / "cache" / "flags.json"))
        cache.save(FLAGS)
        shutil.rmtree(directory / "cache")

        cache.save(FLAGS)

        assert cache.load() == FLAGS

    @posix
    @pytest.mark.parametrize("exists", [True, False])
    def test_link_at_the_target(self, cache: FileCache, directory: Path, exists: bool) -> None:
        """A link at our name is replaced; what it leads to is neither written nor made."""
        victim = directory / "victim"
        if exists:
            victim.write_bytes(b"precious")
        os.symlink(victim, cache.path)

        cache.save(FLAGS)

        assert not os.path.islink(cache.path)
        assert cache.load() == FLAGS
        assert (victim.read_bytes() if victim.exists() else None) == (b"precious" if exists else None)

    @posix
    @pytest.mark.parametrize("exists", [True, False])
    def test_link_at_the_temporary_name(
        self, cache: FileCache, directory: Path, monkeypatch: pytest.MonkeyPatch, exists: bool
    ) -> None:
        """Even who guesses the temporary name and plants a link there only makes that one save fail."""
        victim = directory / "victim"
        if exists:
            victim.write_bytes(b"precious")
        cache.save(b"old")
        os.symlink(victim, directory / f".soasap_{'00' * 8}.tmp")

        with monkeypatch.context() as guessed:
            guessed.setattr(os, "urandom", bytes)
            with pytest.raises(CacheError, match=os.strerror(errno.EEXIST)):
                cache.save(FLAGS)

        assert Path(cache.path).read_bytes() == b"old"
        assert (victim.read_bytes() if victim.exists() else None) == (b"precious" if exists else None)
        cache.save(FLAGS)
        assert cache.load() == FLAGS


class TestFailedSave:
    def check(self, cache: FileCache, reason: str = "") -> None:
        """A save fails with a message that has the path and the reason, and the cause at hand."""
        with pytest.raises(CacheError, match=f"cannot be written: .*{reason}") as caught:
            cache.save(FLAGS)

        assert repr(cache.path) in str(caught.value)
        assert isinstance(caught.value.__cause__, OSError)

    def test_file_in_the_way(self, directory: Path) -> None:
        """The directory cannot be made where a file is in the way, at any depth; the file stays."""
        way = directory / "way"
        way.write_bytes(b"mine")

        self.check(FileCache(str(way / "flags.json")))
        self.check(FileCache(str(way / "deep" / "flags.json")))

        assert way.read_bytes() == b"mine"

    @linux
    def test_nothing_can_be_made_there(self) -> None:
        """A file system that takes no directories and no files, for root either, is reported."""
        self.check(FileCache("/proc/soasap/flags.json"))
        self.check(FileCache("/proc/self/flags.json"))

    @posix
    def test_read_only_directory(self, open_directory: Path) -> None:
        """In a directory that became read-only the old file stays and is still read."""
        cache = FileCache(str(open_directory / "flags.json"))
        cache.save(b"old")
        os.chmod(cache.path, 0o644)
        open_directory.chmod(0o555)

        with ordinary_user():
            self.check(cache, os.strerror(errno.EACCES))
            assert cache.load() == b"old"

        assert os.listdir(open_directory) == ["flags.json"]

    def test_directory_at_the_target(self, cache: FileCache, directory: Path) -> None:
        """A directory at our name is not removed, and no temporary file is left."""
        os.mkdir(cache.path)

        self.check(cache)

        assert os.listdir(directory) == ["flags.json"]

    @posix
    def test_no_space(self, cache: FileCache, directory: Path) -> None:
        """When the disk takes only a part, the old file stays whole, without litter, until there is space."""
        script = """
import os, resource, signal, sys
from soasap._io.cache_file import FileCache
from soasap.exceptions import CacheError

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
cache = FileCache(sys.argv[1])
cache.save(b"old" * 1000)
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
try:
    cache.save(b"new" * 100_000)
except CacheError as exc:
    print(exc.__cause__.errno, exc)
assert cache.load() == b"old" * 1000
print(os.listdir(os.path.dirname(cache.path)))
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
cache.save(b"new" * 100_000)
"""
        done = subprocess.run(
            [sys.executable, "-c", script, cache.path], capture_output=True, text=True, check=True, timeout=60
        )

        assert done.stdout.splitlines() == [
            f"{errno.EFBIG} the flag cache {cache.path!r} cannot be written: {os.strerror(errno.EFBIG)}",
            "['flags.json']",
        ]
        assert cache.load() == b"new" * 100_000
        assert os.listdir(directory) == ["flags.json"]

    def test_stopped_in_the_middle(self, cache: FileCache, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A greenlet killed in the middle of a save leaves no temporary file, and dies of what killed it."""

        class Killed(BaseException):
            pass

        def killed(descriptor: int) -> None:
            raise Killed

        cache.save(b"old")
        before = lowest_free_descriptor()

        with monkeypatch.context() as killing:
            killing.setattr(os, "fsync", killed)
            with pytest.raises(Killed):
                cache.save(FLAGS)

        assert os.listdir(directory) == ["flags.json"]
        assert cache.load() == b"old"
        assert lowest_free_descriptor() == before

    def test_gone_in_the_middle(self, cache: FileCache, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """When somebody empties the directory in the middle of a save, that is reported and nothing worse."""
        real_fsync = os.fsync

        def sync_and_lose(descriptor: int) -> None:
            real_fsync(descriptor)
            for name in os.listdir(directory):
                os.unlink(directory / name)

        with monkeypatch.context() as losing:
            losing.setattr(os, "fsync", sync_and_lose)
            self.check(cache, os.strerror(errno.ENOENT))

        assert os.listdir(directory) == []


class TestAbandoned:
    def test_removed(self, cache: FileCache, directory: Path) -> None:
        """Temporary files of ours older than a minute go with the next save; a younger one may be in use."""
        old, young = directory / ".soasap_0123456789abcdef.tmp", directory / ".soasap_fedcba9876543210.tmp"
        for path, seconds in ((old, 70), (young, 50)):
            path.write_bytes(b"half a")
            age(path, seconds)

        cache.save(FLAGS)

        assert sorted(os.listdir(directory)) == [young.name, "flags.json"]

    def test_removed_by_a_failing_save(self, cache: FileCache, directory: Path) -> None:
        """They go even when the save fails: on a full disk they may be what fills it."""
        old = directory / ".soasap_0123456789abcdef.tmp"
        old.write_bytes(b"half a")
        age(old, 70)
        os.mkdir(cache.path)

        with pytest.raises(CacheError):
            cache.save(FLAGS)

        assert not old.exists()

    @posix
    def test_others_stay(self, cache: FileCache, directory: Path) -> None:
        """What is not a regular file of exactly our names stays, however old."""
        names = [
            ".soasap_0123456789abcde.tmp",
            ".soasap_0123456789ABCDEF.tmp",
            ".soasap_0123456789abcdef.tmp.bak",
            "x.soasap_0123456789abcdef.tmp",
            "soasap_cache_01234567.json.tmp",
            "other.json",
        ]
        for name in names:
            (directory / name).write_bytes(b"mine")
        names += [".soasap_1111111111111111.tmp", ".soasap_2222222222222222.tmp"]
        (directory / names[-2]).mkdir()
        (directory / names[-1]).symlink_to(directory / "other.json")
        for name in names:
            age(directory / name, 3600)

        cache.save(FLAGS)

        assert sorted(os.listdir(directory)) == sorted([*names, "flags.json"])

    @posix
    def test_unlistable_directory(self, open_directory: Path) -> None:
        """A directory that may be written but not listed is no obstacle."""
        open_directory.chmod(0o333)
        cache = FileCache(str(open_directory / "flags.json"))

        with ordinary_user():
            cache.save(FLAGS)
            assert cache.load() == FLAGS

    @posix
    def test_not_removable(self, open_directory: Path) -> None:
        """A temporary file that we may not remove, in a directory like /tmp, is no obstacle either."""
        if os.geteuid() != 0:
            pytest.skip("two users are needed")
        old = open_directory / ".soasap_0123456789abcdef.tmp"
        old.write_bytes(b"half a")
        age(old, 70)
        open_directory.chmod(0o1777)
        cache = FileCache(str(open_directory / "flags.json"))

        with ordinary_user():
            cache.save(FLAGS)

        assert sorted(os.listdir(open_directory)) == [old.name, "flags.json"]

    def test_another_process_was_first(
        self, cache: FileCache, directory: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """An old temporary file that disappears between listing and looking is no obstacle."""
        old = directory / ".soasap_0123456789abcdef.tmp"
        old.write_bytes(b"half a")
        real_listdir = os.listdir

        def list_and_lose(path: str) -> list[str]:
            names = real_listdir(path)
            old.unlink()
            return names

        with monkeypatch.context() as losing:
            losing.setattr(os, "listdir", list_and_lose)
            cache.save(FLAGS)

        assert cache.load() == FLAGS


# Saves payloads of one letter each for ever; the length of a payload tells whether it is whole.
WRITER = """
import itertools, sys
from soasap._io.cache_file import FileCache

cache = FileCache(sys.argv[1])
print("ready", flush=True)
for letter in itertools.cycle(sys.argv[2].encode()):
    cache.save(bytes([letter]) * (100_000 + letter))
"""


@contextmanager
def writer(path: str, letters: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that saves as fast as it can, from the moment the block begins."""
    with subprocess.Popen([sys.executable, "-c", WRITER, path, letters], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            yield process
        finally:
            process.kill()


def whole(payload: bytes) -> str:
    """The letter of a payload by `WRITER`, which is all of one save."""
    letter = payload[:1]
    assert payload == letter * (100_000 + ord(letter))
    return letter.decode()


@posix
class TestProcesses:
    def test_two_writers(self, cache: FileCache) -> None:
        """While two processes save to one file, every read finds one whole payload of one of them."""
        seen: dict[str, int] = {}
        deadline = time.monotonic() + 60

        with writer(cache.path, "abcdef"), writer(cache.path, "UVWXYZ"):
            while time.monotonic() < deadline and (len(seen) < 12 or sum(seen.values()) < 500):
                payload = cache.load()
                if payload is not None:
                    letter = whole(payload)
                    seen[letter] = seen.get(letter, 0) + 1

        assert "".join(sorted(seen)) == "UVWXYZabcdef"

    def test_killed(self, cache: FileCache, directory: Path) -> None:
        """After each of 20 kills of a saving process the file is absent or whole; one save tidies up."""
        # A real kill needs a real moment: a save takes a few milliseconds, so these fall anywhere in it.
        chance = random.Random(20)
        for _ in range(20):
            with writer(cache.path, "abcdef") as process:
                time.sleep(chance.uniform(0, 0.02))
                process.kill()
                process.wait()
            payload = cache.load()
            assert payload is None or whole(payload) in "abcdef"
        for name in os.listdir(directory):
            age(directory / name, 61)

        cache.save(FLAGS)

        assert os.listdir(directory) == ["flags.json"]
        assert json.loads(Path(cache.path).read_bytes()) == {"new-checkout": True}


@pytest.fixture
def like_windows(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module as it is imported where `os` lacks what Windows lacks."""
    for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "fchmod", "register_at_fork"):
        monkeypatch.delattr(os, name, raising=False)
    monkeypatch.setattr(os, "O_BINARY", 0x8000, raising=False)
    # Set to itself, so that the import below is undone with the rest.
    monkeypatch.setattr(soasap._io, "cache_file", cache_file)
    monkeypatch.delitem(sys.modules, cache_file.__name__)
    return importlib.import_module(cache_file.__name__)


class TestLikeWindows:
    def test_location(self, like_windows: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
        """The module of the location is imported there as well."""
        name = "soasap._io.cache_location"
        location = importlib.import_module(name)
        monkeypatch.setattr(soasap._io, "cache_location", location)
        monkeypatch.delitem(sys.modules, name)

        assert importlib.import_module(name) is not location

    def test_round_trip(self, like_windows: ModuleType, cache: FileCache) -> None:
        """Saving and reading work, and the file is still for its owner alone."""
        assert like_windows.FileCache is not FileCache
        cache = like_windows.FileCache(cache.path)

        cache.save(FLAGS)
        cache.save(b"{}")

        assert cache.load() == b"{}"
        if os.name == "posix":
            assert stat.S_IMODE(os.stat(cache.path).st_mode) == 0o600

    @posix
    @pytest.mark.parametrize("kind", ["pipe", "link", "dangling"])
    def test_refusals(self, like_windows: ModuleType, cache: FileCache, directory: Path, kind: str) -> None:
        """Links are refused, and pipes do not hang, without any help by flags."""
        (directory / "other.json").write_bytes(FLAGS)
        if kind == "pipe":
            os.mkfifo(cache.path)
        else:
            os.symlink(directory / ("other.json" if kind == "link" else "nothing"), cache.path)
        cache = like_windows.FileCache(cache.path)

        with at_most(5), pytest.raises(CacheError, match="not a regular file"):
            cache.read()
        cache.save(b"{}")

        assert cache.load() == b"{}"
        assert (directory / "other.json").read_bytes() == FLAGS

    def test_binary(self, like_windows: ModuleType, cache: FileCache, monkeypatch: pytest.MonkeyPatch) -> None:
        """Where there is a binary mode every file is opened in it: line ends stay as they are."""
        opened: list[int] = []
        real_open = os.open

        def spy(path: str, flags: int, mode: int = 0o777) -> int:
            opened.append(flags)
            return real_open(path, flags, mode)

        cache = like_windows.FileCache(cache.path)
        with monkeypatch.context() as watched:
            watched.setattr(os, "open", spy)
            cache.save(FLAGS)
            cache.load()

        assert [bool(flags & 0x8000) for flags in opened] == [True, True]
