"""A Redis server of a test's own: Debian's `redis-server`, on a free loopback port, with nothing on disk."""

from __future__ import annotations

from pathlib import Path

from compat.programs import Daemon, free_port, installed

__all__ = ["RedisServer"]


class RedisServer:
    """
    Runs from construction to `close`.

    Args:
        directory: For its log.

    Attributes:
        url: Of its first database.
    """

    def __init__(self, directory: Path) -> None:
        program = installed("redis-server", "redis-server")
        port = free_port()
        options = (
            "--bind",
            "127.0.0.1",
            "--port",
            str(port),
            "--dir",
            str(directory),
            "--save",
            "",
            "--appendonly",
            "no",
        )
        self.url = f"redis://127.0.0.1:{port}/0"
        self._daemon = Daemon([program, *options], port, directory / "redis.log")
        self._daemon.start()

    def close(self) -> None:
        """End it. Idempotent."""
        self._daemon.stop()
