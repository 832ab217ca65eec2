"""The flag service of the state machine: it answers a request when it is told to, and says what it is told."""

from __future__ import annotations

import queue
from contextlib import ExitStack

from tests.flagserver import Connection, ScriptedServer
from tests.waiting import wait_until

__all__ = ["Service"]


class Service:
    """
    A server on one port that can be away.

    Every request waits until somebody fetches its connection with `next_request`, and for as long as it is not
    answered.
    """

    def __init__(self) -> None:
        self._running = ExitStack()
        self._requests: queue.Queue[Connection] = queue.Queue()
        self._port = 0
        self._base_url = ""
        self.come_back()

    @property
    def base_url(self) -> str:
        return self._base_url

    def next_request(self) -> Connection:
        """The connection of the next request, which is to be answered."""
        try:
            return self._requests.get(timeout=20)
        except queue.Empty:
            raise AssertionError("no request came within 20 seconds") from None

    def is_unasked(self) -> bool:
        """Whether no request waits to be fetched."""
        return self._requests.empty()

    def go_away(self) -> None:
        """Close everything, as a server does that is killed. Again does nothing."""
        self._running.close()
        self._requests = queue.Queue()

    def come_back(self) -> None:
        """Listen again, on the same port."""
        wait_until(self._listen, 20, "the port of the service")

    def _listen(self) -> bool:
        try:
            server = ScriptedServer(self._hold, port=self._port)
        except OSError:
            # Who knocks on a free port often enough is connected to himself: the system gave him that port to come
            # from. It is free when he has noticed.
            return False
        self._running.enter_context(server)
        self._port, self._base_url = server.port, server.base_url
        return True

    def _hold(self, connection: Connection, index: int) -> None:
        self._requests.put(connection)
        connection.hang()
