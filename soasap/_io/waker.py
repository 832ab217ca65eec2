"""
Wakes whoever blocks on our connection, and lets a forked child give it up.

The waker keeps a `dup()` of the descriptor as a bare socket. `shutdown(2)` on it makes every blocked operation on the
connection return, and touches no lock, no TLS object, no hub and no number that may have been recycled: it is right
from any thread, greenlet or signal handler. `SSLSocket.shutdown()` is not: it forgets the TLS object first, and a
reader that is busy then takes ciphertext for the body (35 of 40 trials; cpython#124618). On Windows `shutdown` may not
interrupt a `recv`; there `close()` relies on its bounded wait.
"""

from __future__ import annotations

import _socket
import os
from typing import Protocol

__all__ = ["Waker"]


class _HasFileno(Protocol):
    def fileno(self) -> int: ...


class Waker:
    """Knows the descriptors of the connection in use. To be closed after each attempt: a dup keeps it open."""

    def __init__(self) -> None:
        # (our dup, the number it was made from). Appending and popping are atomic: no lock, so `wake` can run anywhere.
        # Whoever uses or closes a dup has popped it before, so nobody shuts down a number that was closed meanwhile and
        # means another connection of the application by now.
        self._watched: list[tuple[_socket.socket, int]] = []
        self._woken = False
        self._closes = 0

    def add(self, sock: _HasFileno) -> None:
        """Watch a new socket, before it connects: so a connect in progress can be woken too."""
        number = sock.fileno()
        self._watched.append((_socket.socket(fileno=_socket.dup(number)), number))

    def check(self) -> None:
        """
        Raise `OSError` once `wake` was called.

        For the moments when `shutdown` does nothing: before a socket is watched, and before it is connected.
        """
        if self._woken:
            raise OSError("the client is being closed")

    def wake(self) -> None:
        """Make every blocked operation on the connection return, with its end or an error. For good."""
        self._woken = True
        closes = self._closes
        ours: list[tuple[_socket.socket, int]] = []
        try:
            while self._watched:
                ours.append(self._watched.pop())
        except IndexError:
            pass  # somebody else took the last one
        for duplicate, _ in ours:
            try:
                duplicate.shutdown(_socket.SHUT_RDWR)
            except OSError:
                pass  # not connected yet, or gone already
        self._watched += ours
        if self._closes != closes:
            self.close()  # it was closed meanwhile, without these

    def close(self) -> None:
        """Forget the connection."""
        self._closes += 1
        while self._watched:
            try:
                self._watched.pop()[0].close()
            except (IndexError, OSError):
                pass  # somebody else was forgetting it too

    def neutralise(self) -> None:
        """
        In a forked child: give up our copy of the parent's connection without the parent noticing.

        `shutdown` would end the parent's connection. Closing the socket object is deferred while a reader holds it,
        and an inherited greenlet would go on stealing the parent's bytes. `close(2)` of the number aborts the process
        inside libev, which still watches it (20 of 20 children). So the number is made to mean a socket at its
        end: an inherited reader wakes, sees the end, and leaves. The comparison makes sure that the number still
        means that connection.
        """
        for duplicate, number in list(self._watched):
            try:
                if os.path.samestat(os.fstat(number), os.fstat(duplicate.fileno())):
                    ended, other = _socket.socketpair()
                    other.close()
                    os.dup2(ended.fileno(), number, inheritable=False)
                    ended.close()
            except (OSError, ValueError):
                pass  # the parent had just closed it: nothing to give up
        self.close()
