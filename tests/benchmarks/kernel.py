"""What the kernel counts about a process (Linux, `/proc`)."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["cpu_nanoseconds", "cpu_seconds", "forget_peak", "peak", "resident"]


def resident(pid: int | str = "self") -> int:
    """Bytes of memory in use."""
    return _status(pid, "VmRSS")


def peak(pid: int | str = "self") -> int:
    """Bytes of memory in use at most, so far."""
    return _status(pid, "VmHWM")


def forget_peak(pid: int | str = "self") -> None:
    """Let `peak` begin anew."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def cpu_seconds(pid: int) -> float:
    """Of all threads of the process, in user and in system mode."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def cpu_nanoseconds(pid: int) -> int:
    """Of the main thread of the process, finer than the ticks of `cpu_seconds`."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0])


def _status(pid: int | str, name: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise KeyError(name)
