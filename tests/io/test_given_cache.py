from __future__ import annotations

from typing import Any

import pytest

from soasap._io.given_cache import GivenCache, cache_for
from soasap.exceptions import CacheError
from tests.scripts import run_script

PAYLOAD = b'{"dark-mode": true}'


class DictCache:
    """A cache in memory that keeps the `SnapshotCache` protocol."""

    def __init__(self, payload: Any = None) -> None:
        self.payload = payload

    def load(self) -> Any:
        return self.payload

    def save(self, payload: bytes) -> None:
        self.payload = payload


class BrokenCache:
    """A cache whose server is away; its errors quote where that is."""

    def load(self) -> bytes | None:
        raise ConnectionError("redis://ada:s3cret@cache:6379 is away")

    def save(self, payload: bytes) -> None:
        raise KeyError("redis://ada:s3cret@cache:6379 is away")


def test_load() -> None:
    """What the cache has comes back, and is known to be in it."""
    cache = GivenCache(DictCache(PAYLOAD))

    assert (PAYLOAD, PAYLOAD) == (cache.load(), cache.saved)


def test_load_nothing() -> None:
    """A cache that is empty gives nothing."""
    cache = GivenCache(DictCache())

    assert (None, None) == (cache.load(), cache.saved)


def test_save() -> None:
    """What is saved reaches the cache, and is known to be in it."""
    given = DictCache()
    cache = GivenCache(given)

    cache.save(PAYLOAD)

    assert (PAYLOAD, PAYLOAD) == (given.payload, cache.saved)


@pytest.mark.parametrize("payload", ["{}", bytearray(b"{}"), {"dark-mode": True}, 7])
def test_not_bytes(payload: Any) -> None:
    """Anything but bytes is an error that names the type."""
    with pytest.raises(CacheError, match=f"loaded {type(payload).__name__}, expected bytes or None"):
        GivenCache(DictCache(payload)).load()


def test_errors() -> None:
    """What the cache raises becomes a `CacheError` that names its type; its words may hold a password."""
    cache = GivenCache(BrokenCache())

    with pytest.raises(CacheError) as loading:
        cache.load()
    with pytest.raises(CacheError) as saving:
        cache.save(PAYLOAD)

    assert "the cache given could not be loaded: ConnectionError" == str(loading.value)
    assert "the cache given could not save: KeyError" == str(saving.value)
    assert isinstance(loading.value.__cause__, ConnectionError)
    assert isinstance(saving.value.__cause__, KeyError)


def test_our_own_errors() -> None:
    """A `CacheError` comes through as it is: its words are fit to be seen."""

    class Away(BrokenCache):
        def save(self, payload: bytes) -> None:
            raise CacheError("redis://cache:6379: no answer in time")

    with pytest.raises(CacheError, match=r"^redis://cache:6379: no answer in time$"):
        GivenCache(Away()).save(PAYLOAD)


def test_failing_until_a_call_succeeds() -> None:
    """A cache is failing from a call that raised to one that did not, whichever they are."""
    given: Any = BrokenCache()
    cache = GivenCache(given)
    states = [cache.failing]
    with pytest.raises(CacheError):
        cache.load()
    states.append(cache.failing)
    given.save = lambda payload: None
    cache.save(PAYLOAD)
    states.append(cache.failing)

    assert [False, True, False] == states


def test_a_fork_forgets_the_outage() -> None:
    """In a forked child a cache is not failing before the child itself has tried."""
    output = run_script("""
import os
from soasap._io.given_cache import GivenCache
from tests.io.test_given_cache import BrokenCache

cache = GivenCache(BrokenCache())
try:
    cache.load()
except OSError:
    pass
child = os.fork()
if child == 0:
    os._exit(7 if cache.failing else 0)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), cache.failing)
""")

    assert "0 True\n" == output


def test_cooperative_is_looked_at_each_time() -> None:
    """Whether calls belong into the task itself is asked anew, since a process may be patched later; no by default."""
    given: Any = DictCache()
    cache = GivenCache(given)
    states = [cache.cooperative]
    given.cooperative = True
    states.append(cache.cooperative)

    assert [False, True] == states


def test_cache_for_an_environment() -> None:
    """A cache that can tell environments apart gives the one of that name; another one serves as it is."""

    class Many:
        def __init__(self) -> None:
            self.caches: dict[str, DictCache] = {}

        def load(self) -> bytes | None:
            raise AssertionError("no environment was chosen")

        def save(self, payload: bytes) -> None:
            raise AssertionError("no environment was chosen")

        def for_environment(self, name: str) -> DictCache:
            return self.caches.setdefault(name, DictCache())

    many, plain = Many(), DictCache()

    assert cache_for(many, "a") is many.caches["a"]
    assert cache_for(plain, "a") is plain


def test_save_again_after_error() -> None:
    """A payload that could not be saved is not taken for saved."""
    cache = GivenCache(BrokenCache())

    with pytest.raises(CacheError):
        cache.save(PAYLOAD)

    assert cache.saved is None
