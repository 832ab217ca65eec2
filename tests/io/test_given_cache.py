from __future__ import annotations

from typing import Any

import pytest

from soasap._io.given_cache import GivenCache
from soasap.exceptions import CacheError

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


def test_save_again_after_error() -> None:
    """A payload that could not be saved is not taken for saved."""
    cache = GivenCache(BrokenCache())

    with pytest.raises(CacheError):
        cache.save(PAYLOAD)

    assert cache.saved is None
