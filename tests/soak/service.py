"""
The flag service of the soak: 200 changes a second on every connection, and an end that comes without a warning.

This is a program: `python -m tests.soak.service REQUEST`, in JSON: `lives`, the seconds of a connection at least and
at most; `seed`; `ends`, a file that gets one line of JSON for each connection that is over. It prints its base URL and
leaves when its standard input is closed. A process of its own, so that its memory is not the client's.
"""

from __future__ import annotations

import json
import random
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from tests.flagserver import ClientGone, Connection, ScriptedServer

CHANGES_PER_SECOND = 200

CLIENT_LEFT = "the client left"


def end(connection: Connection) -> None:
    """The last chunk: a server that was asked to stop."""
    connection.end()


def close(connection: Connection) -> None:
    """FIN inside the body: a server that was killed. The script's return closes."""


def reset(connection: Connection) -> None:
    """RST, at which the client's system may throw away what was not read yet."""
    connection.reset()


def half(connection: Connection) -> None:
    """FIN inside an event."""
    connection.chunk(b'data: {"connection":')


def silence(connection: Connection) -> None:
    """Not another byte, and the connection stays open: a path that is dead."""
    connection.hang()


ENDINGS: dict[str, Callable[[Connection], None]] = {
    ending.__name__: ending for ending in (end, close, reset, half, silence)
}

CARRIED = frozenset(ENDINGS) - {"reset"}
"""Endings after which everything that was sent has arrived, or TCP is broken."""


def _some_flags(count: int) -> bytes:
    """Members of a JSON object, of all the types there are."""
    flags: dict[str, object] = {}
    for number in range(count):
        flags[f"switch-{number}"] = number % 3 == 0
        flags[f"limit-{number}"] = number * 1.5
        flags[f"text-{number}"] = "t" * (number % 40)
        flags[f"tree-{number}"] = {"groups": ["a", "b", number], "share": number / 7}
    return json.dumps(flags)[1:-1].encode()


OTHER_FLAGS = [_some_flags(count) for count in (4, 9, 3, 25, 7, 14, 2, 60)]
"""Sets of different size in turn, so that memory is asked for in different pieces."""


def payload(connection: int, sequence: int) -> bytes:
    """One change. `at` is monotonic, which is one clock for all processes of a machine."""
    rest = OTHER_FLAGS[sequence % len(OTHER_FLAGS)]
    return b'{"connection":%d,"sequence":%d,"at":%.6f,%b}' % (connection, sequence, time.monotonic(), rest)


class Service:
    """
    What each connection is told.

    Args:
        lives: Seconds after which a connection is killed, at least and at most.
        seed: Of lives and endings.
        ends: Gets a line for each connection that is over: how many events it carried, and how it ended.
    """

    def __init__(self, lives: tuple[float, float], seed: int, ends: Path) -> None:
        self._lives = lives
        self._seed = seed
        self._ends = ends
        self._writing = threading.Lock()

    def script(self, connection: Connection, index: int) -> None:
        chance = random.Random(f"{self._seed}/{index}")
        life = chance.uniform(*self._lives)
        ending = chance.choice(list(ENDINGS))
        sent = 0
        longest_send = 0.0
        ended = CLIENT_LEFT
        try:
            connection.head()
            opened = time.monotonic()
            while (lived := time.monotonic() - opened) < life:
                before = time.monotonic()
                connection.event(payload(index, sent))
                longest_send = max(longest_send, time.monotonic() - before)
                sent += 1
                time.sleep(max(0.0, sent / CHANGES_PER_SECOND - lived))
            ENDINGS[ending](connection)
            ended = ending
        except ClientGone:
            pass
        finally:
            self._note({"connection": index, "sent": sent, "ending": ended, "longest_send": longest_send})

    def _note(self, line: dict[str, object]) -> None:
        with self._writing, self._ends.open("a") as ends:
            ends.write(json.dumps(line) + "\n")


def main() -> None:
    request = json.loads(sys.argv[1])
    least, most = request["lives"]
    service = Service((least, most), request["seed"], Path(request["ends"]))
    with ScriptedServer(service.script) as server:
        print(server.base_url, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
