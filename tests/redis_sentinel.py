"""A Redis Sentinel of a test's own, which watches a server of `tests.redis_server`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from soasap._redis_client import connected
from tests.addresses import free_port
from tests.redis_server import start_redis

__all__ = ["RedisSentinel"]


class RedisSentinel:
    """
    Runs from construction to `close`, and needs nobody's consent to name another master.

    Args:
        directory: For its log and its configuration.
        service: The name of what it watches.
        master: The port of the master now.
        users: Lines of the access control list of the Sentinel itself.

    Attributes:
        port: On 127.0.0.1.
    """

    def __init__(self, directory: Path, service: str, master: int, *, users: Sequence[str] = ()) -> None:
        self.port = free_port()
        lines = [
            "bind 127.0.0.1",
            f"port {self.port}",
            f"dir {directory}",
            f"sentinel monitor {service} 127.0.0.1 {master} 1",
            f"sentinel down-after-milliseconds {service} 500",
            f"sentinel failover-timeout {service} 3000",
            *(f"user {user}" for user in users),
        ]
        self._daemon = start_redis(directory, self.port, lines, "--sentinel")

    def replicas(self, service: str) -> list[int]:
        """The ports of the copies it knows of, and could make the master."""
        with connected(f"redis://127.0.0.1:{self.port}", connect_timeout=20.0, timeout=20.0) as client:
            found: list[dict[str, Any]] = client.sentinel_slaves(service)
        return [each["port"] for each in found if not each["is_disconnected"] and not each["is_sdown"]]

    def close(self) -> None:
        """End it. Idempotent."""
        self._daemon.stop()

    def __enter__(self) -> RedisSentinel:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
