from __future__ import annotations

import os
import selectors
import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import trustme

from soasap._io.waker import Waker
from tests.flagserver import Connection, ScriptedServer
from tests.io.streaming import STREAM_PATH, Background
from tests.waiting import open_descriptors

pytestmark = pytest.mark.usefixtures("nothing_left")


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two ends of a connection: ours and the server's."""
    ours, theirs = socket.socketpair()
    ours.settimeout(10)
    theirs.settimeout(10)
    with ours, theirs:
        yield ours, theirs


@pytest.fixture
def waker() -> Iterator[Waker]:
    waker = Waker()
    yield waker
    waker.close()


class TestWake:
    def test_ends_a_blocked_read(self, waker: Waker, pair: tuple[socket.socket, socket.socket]) -> None:
        """Whoever blocks in a read sees its end at once."""
        ours, _ = pair
        waker.add(ours)
        reader = Background(lambda: ours.makefile("rb", buffering=0).read(1))
        reader.wait_blocked()

        waker.wake()
        reader.wait()

        assert b"" == reader.outcome

    def test_ends_every_socket_watched(self, waker: Waker, pair: tuple[socket.socket, socket.socket]) -> None:
        """All that was added since the last `close` ends, not only the newest."""
        for sock in pair:
            waker.add(sock)

        waker.wake()

        assert [b"", b""] == [sock.recv(1) for sock in pair]

    def test_not_connected(self, waker: Waker) -> None:
        """A socket that is not connected yet is no error; its connect does not block afterwards."""
        with socket.socket() as sock:
            waker.add(sock)

            waker.wake()

    def test_nothing_watched(self, waker: Waker) -> None:
        """Without a connection there is nothing to wake, and no error."""
        waker.wake()

    def test_check(self, waker: Waker) -> None:
        """Once woken, `check` raises for good; before that it does nothing."""
        waker.check()
        waker.wake()
        waker.close()

        with pytest.raises(OSError, match="being closed"):
            waker.check()


class TestClose:
    def test_lets_go(self, waker: Waker, pair: tuple[socket.socket, socket.socket]) -> None:
        """After `close` the other end sees that ours was closed: no duplicate keeps the connection open."""
        ours, theirs = pair
        waker.add(ours)

        ours.close()
        waker.close()

        assert b"" == theirs.recv(1)

    def test_again(self, waker: Waker, pair: tuple[socket.socket, socket.socket]) -> None:
        """Closing again does nothing, and waking a closed waker does not touch the connection."""
        ours, theirs = pair
        waker.add(ours)
        waker.close()
        waker.close()

        waker.wake()
        ours.sendall(b"on")

        assert b"on" == theirs.recv(2)

    def test_descriptors_closed_by_others(self, waker: Waker, pair: tuple[socket.socket, socket.socket]) -> None:
        """A program that closes every descriptor, as daemons do, makes neither `wake` nor `close` raise."""
        before = open_descriptors()
        waker.add(pair[0])
        (duplicate,) = open_descriptors().keys() - before.keys()
        os.close(duplicate)

        waker.wake()
        waker.close()

        assert before.keys() == open_descriptors().keys()

    def test_while_it_is_woken(self, waker: Waker, pair: tuple[socket.socket, socket.socket]) -> None:
        """
        A task may close the connection at the very moment when another thread wakes it.

        The duplicate is closed once and for all, and a new socket that gets its number is not shut down.
        """

        class ClosesMeanwhile(list[Any]):
            def pop(self, *args: Any) -> Any:
                taken = super().pop(*args)
                if not recycled:
                    recycled.extend(socket.socketpair())
                    waker.close()
                return taken

        recycled: list[socket.socket] = []
        before = open_descriptors()
        waker.add(pair[0])
        waker._watched = ClosesMeanwhile(waker._watched)

        waker.wake()

        one, other = recycled
        with one, other:
            one.sendall(b"on")
            assert b"on" == other.recv(2)
        assert before.keys() == open_descriptors().keys()


class TestNeutralise:
    def test_ours_ends_and_the_other_copy_goes_on(
        self, waker: Waker, pair: tuple[socket.socket, socket.socket]
    ) -> None:
        """Our number reads as ended; another copy of the connection, as a parent process has it, is untouched."""
        ours, theirs = pair
        with ours.dup() as parents_copy:
            waker.add(ours)

            waker.neutralise()
            theirs.sendall(b"event")

            assert b"" == ours.recv(1)
            assert b"event" == parents_copy.recv(5)

    def test_wakes_a_poller(self, waker: Waker, pair: tuple[socket.socket, socket.socket]) -> None:
        """A poller that watched the number before finds it readable: an inherited greenlet wakes and sees the end."""
        ours, _ = pair
        waker.add(ours)
        with selectors.PollSelector() as selector:
            selector.register(ours, selectors.EVENT_READ)

            waker.neutralise()

            assert 1 == len(selector.select(0))

    def test_not_inherited(self, waker: Waker, pair: tuple[socket.socket, socket.socket]) -> None:
        """The number is not passed on to programs the child executes."""
        waker.add(pair[0])

        waker.neutralise()

        assert not os.get_inheritable(pair[0].fileno())

    def test_recycled_number(self, waker: Waker, pair: tuple[socket.socket, socket.socket]) -> None:
        """If the number means something else by now, it is left alone."""
        ours, theirs = pair
        number = ours.fileno()
        waker.add(ours)
        ours.close()
        os.dup2(theirs.fileno(), number)
        with socket.socket(fileno=number) as recycled:
            waker.neutralise()

            assert os.path.samestat(os.fstat(theirs.fileno()), os.fstat(recycled.fileno()))

    def test_closed_number(self, waker: Waker, pair: tuple[socket.socket, socket.socket]) -> None:
        """If the parent had just closed the connection, there is nothing to give up."""
        waker.add(pair[0])
        pair[0].close()

        waker.neutralise()


FORKING_PROGRAM = """
import os, sys
from tests.io.streaming import make_transport

base_url, ca_file = sys.argv[1:]
transport = make_transport(base_url, ca_file=ca_file or None, read_timeout=30)
stream = transport.open()
print(stream.read(), flush=True)
child = os.fork()
if child == 0:
    transport.abandon()
    try:
        print("child", stream.read(), flush=True)
    except OSError as error:
        print("child", type(error).__name__, flush=True)
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
print(stream.read(), flush=True)
stream.close()
transport.close()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
def test_fork(secure: bool, ca: trustme.CA, ca_file: str) -> None:
    """A forked child that gives up the connection sees its end, and its parent's stream goes on."""

    def script(connection: Connection, index: int) -> None:
        assert connection.request.target == STREAM_PATH
        connection.head(framing="close")
        connection.send(b":1\n\n")
        connection.hang()

    with (
        ScriptedServer(script, tls=ca if secure else None) as server,
        subprocess.Popen(
            [sys.executable, "-c", FORKING_PROGRAM, server.base_url, ca_file if secure else ""],
            stdout=subprocess.PIPE,
            text=True,
        ) as program,
    ):
        assert program.stdout is not None

        assert "b':1\\n\\n'" == program.stdout.readline().strip()
        assert "child b''" == program.stdout.readline().strip()

        server.connections[0].send(b":2\n\n")

        assert "b':2\\n\\n'" == program.stdout.readline().strip()
        assert 0 == program.wait(30)
