"""Addresses where nobody answers: a port that is free, and one whose queue is full."""

from __future__ import annotations

import socket
from types import TracebackType


def free_port() -> int:
    """A loopback port where nothing listens now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


class FullBacklog:
    """
    A listener whose queue is full, so that `connect` to it blocks (Linux).

    Linux drops the first packet of a connection while the accept queue is full; the caller repeats it for
    a minute or two.
    """

    def __enter__(self) -> FullBacklog:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=0)
        self.port: int = self._listener.getsockname()[1]
        self.base_url = f"http://127.0.0.1:{self.port}"
        self._fillers: list[socket.socket] = []
        try:
            while self._fill_one():
                if len(self._fillers) > 16:
                    raise AssertionError("this system does not let connect block")
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for filler in self._fillers:
            filler.close()
        self._listener.close()

    def _fill_one(self) -> bool:
        """Occupy one place of the queue; whether there was one."""
        filler = socket.socket()
        self._fillers.append(filler)
        filler.settimeout(0.2)
        try:
            filler.connect(("127.0.0.1", self.port))
        except TimeoutError:
            return False
        return True


def connecting_to(port: int) -> int:
    """How many sockets of this machine wait for an answer from a loopback port, by Linux's table of sockets."""
    with open("/proc/net/tcp") as table:
        return table.read().count(f"0100007F:{port:04X} 02")
