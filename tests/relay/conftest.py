"""Clients and relays of the test's Redis."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from soasap._redis_client import connected
from tests.redis_server import RedisServer
from tests.relay.members import PlayedMember

TIMEOUT = 2.0


@pytest.fixture
def redis(redis_server: RedisServer) -> Iterator[Any]:
    """A client of it."""
    with connected(redis_server.url, connect_timeout=TIMEOUT, timeout=TIMEOUT) as client:
        yield client


@pytest.fixture
def relay_member(redis_server: RedisServer) -> Iterator[Callable[[], PlayedMember]]:
    """Makes relays, each with a client of its own."""
    with ExitStack() as stack:

        def make() -> PlayedMember:
            client = stack.enter_context(connected(redis_server.url, connect_timeout=TIMEOUT, timeout=TIMEOUT))
            return PlayedMember(client)

        yield make
