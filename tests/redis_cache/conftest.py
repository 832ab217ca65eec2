"""The short name of the test's Redis, in a room that is about nothing else."""

from __future__ import annotations

import pytest

from tests.redis_server import RedisServer


@pytest.fixture
def server(redis_server: RedisServer) -> RedisServer:
    """A plain server, empty."""
    return redis_server
