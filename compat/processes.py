"""
What the kernel tells about processes and their connections (Linux, `/proc`).

A process belongs to a deployment if its environment carries the deployment's mark: so those are found as well whose
parent has died.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable

from compat.waiting import eventually

__all__ = ["MARK", "end", "is_alive", "marked", "ports_of", "sockets_by_port"]

MARK = "COMPAT_MARK"
"""The variable that holds the mark."""

ESTABLISHED = "01"


def marked(mark: str) -> set[int]:
    """The living processes that carry this mark."""
    wanted = f"{MARK}={mark}".encode()
    found = set()
    for pid in _numbers("/proc"):
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:
                if wanted in file.read().split(b"\0") and is_alive(pid):
                    found.add(pid)
        except OSError:
            pass  # gone, or somebody else's
    return found


def is_alive(pid: int) -> bool:
    """Whether the process runs; one that only waits to be collected by its parent does not."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[0] not in (b"Z", b"X")
    except OSError:
        return False


def sockets_by_port() -> dict[int, str]:
    """Local ports of the established IPv4 connections of this machine, and their sockets' inodes."""
    found = {}
    with open("/proc/net/tcp", encoding="ascii") as file:
        for line in file.readlines()[1:]:
            fields = line.split()
            if fields[3] == ESTABLISHED:
                found[int(fields[1].rpartition(":")[2], 16)] = fields[9]
    return found


def ports_of(pids: Iterable[int], ports: Iterable[int]) -> dict[int, set[int]]:
    """Which of these local ports each of these processes has open, inherited ones included."""
    inodes = sockets_by_port()
    wanted = {f"socket:[{inodes[port]}]": port for port in ports if port in inodes}
    return {pid: {wanted[target] for target in _descriptors(pid) if target in wanted} for pid in pids}


def end(pids: Iterable[int], patience: float = 10.0) -> None:
    """Kill these processes, and wait until they are gone."""
    pids = list(pids)
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    eventually(lambda: not any(map(is_alive, pids)), f"the end of {pids}", patience)


def _descriptors(pid: int) -> set[str]:
    found = set()
    directory = f"/proc/{pid}/fd"
    for number in _numbers(directory):
        try:
            found.add(os.readlink(f"{directory}/{number}"))
        except OSError:
            pass
    return found


def _numbers(directory: str) -> list[int]:
    try:
        return [int(name) for name in os.listdir(directory) if name.isdigit()]
    except OSError:
        return []
