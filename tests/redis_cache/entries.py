"""What is in a Redis, and what it was asked, as tests want to know it."""

from __future__ import annotations

from typing import Any

from soasap._io.cache_location import environment_name
from soasap._redis_client import connected
from tests.clients import API_KEY
from tests.redis_server import RedisServer

__all__ = ["PATIENCE", "ask", "calls", "entry", "keys", "payload", "put"]

PATIENCE = 20.0
"""Seconds for a server that is not expected to fail, on a machine that is busy."""


def entry(base_url: str) -> str:
    """The name of the entry for the test's API key."""
    return f"soasap:cache:{environment_name(API_KEY, base_url)}"


def ask(server: RedisServer, *command: Any) -> Any:
    """The answer to one command."""
    with connected(server.url, connect_timeout=PATIENCE, timeout=PATIENCE) as client:
        return client.execute_command(*command)  # type: ignore[no-untyped-call]


def payload(server: RedisServer, key: str) -> Any:
    """The payload in an entry, `None` if there is none."""
    return ask(server, "HGET", key, "payload")


def put(server: RedisServer, key: str, payload: bytes) -> None:
    """Make an entry as an earlier process left it, by somebody who does not know of digests."""
    ask(server, "HSET", key, "payload", payload)


def keys(server: RedisServer) -> list[str]:
    """The names of all entries."""
    return sorted(key.decode() for key in ask(server, "KEYS", "*"))


def calls(server: RedisServer, command: str) -> int:
    """How often a command was called since the server was started."""
    with connected(server.url, connect_timeout=PATIENCE, timeout=PATIENCE) as client:
        found: dict[str, Any] = client.info("commandstats").get(f"cmdstat_{command}", {})
    return int(found.get("calls", 0))
