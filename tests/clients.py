"""Clients as tests want them: closed at the end, and with what they tell in a list."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from soasap import SoasapClientImpl, SoasapErrorContext, SoasapErrorSource, create_soasap_client
from soasap._io.cache_location import cache_path
from soasap._runtime.run import Run
from soasap._sansio.snapshot import FlagSnapshot
from tests.addresses import free_port

API_KEY = "sk-3f9a-not-to-be-seen"


@contextlib.contextmanager
def open_client(base_url: str, **options: Any) -> Iterator[SoasapClientImpl]:
    """A client without a disk cache unless `options` say so, closed at the end."""
    client = create_soasap_client(api_key=API_KEY, base_url=base_url, **{"cache": None, **options})
    try:
        yield client
    finally:
        client.close()


def closed_client(payload: bytes, directory: Path) -> SoasapClientImpl:
    """A client that has read this payload from its cache file and never starts anything."""
    write_cache(directory, payload)
    client = create_soasap_client(api_key=API_KEY, base_url=NOWHERE, cache_directory=str(directory))
    client.close()
    return client


NOWHERE = f"http://127.0.0.1:{free_port()}"
"""Where nothing listens, and nothing is asked."""


def cache_file(directory: Path, base_url: str = NOWHERE) -> Path:
    """The cache file of the test's API key."""
    return Path(cache_path(API_KEY, base_url, str(directory)))


def write_cache(directory: Path, payload: bytes, base_url: str = NOWHERE) -> Path:
    """Put a payload where a client with the test's API key looks for it."""
    path = cache_file(directory, base_url)
    directory.mkdir(exist_ok=True)
    path.write_bytes(payload)
    return path


def record_flags(client: SoasapClientImpl, key: str) -> list[Any]:
    """The values this flag takes from now on, in order, as a sink on the store sees them."""
    seen: list[Any] = []

    def sink(run: Run, previous: FlagSnapshot, current: FlagSnapshot) -> None:
        seen.append(current.flags.get(key))

    client._store.sinks.append(sink)
    return seen


def of_source(errors: list[SoasapErrorContext], source: SoasapErrorSource) -> list[SoasapErrorContext]:
    """Those reports that one part made."""
    return [error for error in errors if error.source is source]
