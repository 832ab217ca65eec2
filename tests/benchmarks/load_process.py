"""
Asks web servers as fast as they answer, in short turns, over connections that stay open.

Turns of a tenth of a second, and ratios of neighbours: whatever else the machine does changes little in between.
"""

from __future__ import annotations

import selectors
import socket
import time

from tests.benchmarks.kernel import cpu_nanoseconds

__all__ = ["main"]

REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
CONNECTIONS = 8
TURN = 0.1
"""Seconds."""


class Server:
    """One of the servers, and a handful of connections to it."""

    def __init__(self, port: int, pid: int) -> None:
        self._pid = pid
        self._selector = selectors.DefaultSelector()
        for _ in range(CONNECTIONS):
            connection = socket.create_connection(("127.0.0.1", port))
            self._selector.register(connection, selectors.EVENT_READ)
        self.rates: list[float] = []
        self.rates_by_cpu: list[float] = []

    def take_turn(self) -> None:
        """Keep every connection busy for a while, and then let all finish."""
        cpu, started = cpu_nanoseconds(self._pid), time.perf_counter()
        connections = [key.fileobj for key in self._selector.get_map().values()]
        for connection in connections:
            self._ask(connection)
        waiting, answers = len(connections), 0
        while waiting:
            for key, _ in self._selector.select(10.0):
                if self._has_answered(key.fileobj):
                    answers += 1
                    if time.perf_counter() - started < TURN:
                        self._ask(key.fileobj)
                    else:
                        waiting -= 1
        self.rates.append(answers / (time.perf_counter() - started))
        self.rates_by_cpu.append(answers / (cpu_nanoseconds(self._pid) - cpu) * 1e9)

    def _ask(self, connection: object) -> None:
        assert isinstance(connection, socket.socket)
        connection.sendall(REQUEST)

    def _has_answered(self, connection: object) -> bool:
        assert isinstance(connection, socket.socket)
        piece = connection.recv(65536)
        assert piece, "the server has closed a connection"
        return piece.endswith(b"}")  # head and body may come apart


def main(ports: list[int], pids: list[int], turns: int) -> list[dict[str, list[float]]]:
    """
    Requests per second of each turn, by the wall clock and by the CPU of the worker, for each server.

    Args:
        ports: Of the servers.
        pids: Of their workers.
        turns: Of each server; a few more come first and do not count.
    """
    servers = [Server(port, pid) for port, pid in zip(ports, pids, strict=True)]
    warm_up = 3
    for turn in range(warm_up + turns):
        for server in servers[:: 1 if turn % 2 == 0 else -1]:
            server.take_turn()
    return [{"wall": server.rates[warm_up:], "cpu": server.rates_by_cpu[warm_up:]} for server in servers]
