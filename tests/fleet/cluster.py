"""Three relays, their Redis, a flag server and recording readers, as processes that can be killed and stopped."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from soasap._devserver.process import ServerProcess
from soasap._io.cache_location import environment_name
from soasap._relay.process import RelayProcess
from tests.clients import API_KEY
from tests.fleet.counter import Counter
from tests.fleet.recorders import Record, connection, real_client
from tests.redis_server import RedisServer
from tests.waiting import wait_until

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["PATIENCE", "RELAYS", "Cluster"]

RELAYS = 3
CLIENTS = 2
"""Real ones for each relay, beside one bare connection."""

PATIENCE = 90.0
"""Seconds until what must happen has happened; only a broken fleet needs them."""


class Cluster:
    """
    Begins with one leader and every reader at the newest number, unless there is no Redis yet; the counter stands.

    Args:
        directory: For the flag file, caches and logs.
        redis_runs: Whether Redis is there when the relays start.

    Attributes:
        counter: The flag file.
        redis: Their Redis.
        relays: The processes.
        records: What each reader saw.
        most_streams: The most upstream streams at one moment since `forget_streams`.
    """

    def __init__(self, directory: Path, *, redis_runs: bool = True) -> None:
        self._directory = directory
        self._stack = ExitStack()
        self.most_streams = 0
        try:
            self._start(redis_runs)
        except BaseException:
            self._stack.close()
            raise

    def _start(self, redis_runs: bool) -> None:
        stack, directory = self._stack, self._directory
        self.counter = Counter(directory / "flags.json")
        self._server_log = stack.enter_context((directory / "server.log").open("ab"))
        self._server = self._start_server(0)
        stack.callback(lambda: self._server.kill())
        self.redis = RedisServer(directory)
        stack.callback(self.redis.close)
        if not redis_runs:
            self.redis.kill()
        self.name = environment_name(API_KEY, self._server.url)
        self._logs = [stack.enter_context((directory / f"relay-{i}.log").open("ab")) for i in range(RELAYS)]
        self.relays: list[RelayProcess] = []
        stack.callback(self._kill_relays)
        for place in range(RELAYS):
            self.relays.append(self._start_relay(place, 0))
        self._running = [True] * RELAYS
        stack.enter_context(self.counter)
        self._leave = threading.Event()
        census = threading.Thread(target=self._count_streams, name="census", daemon=True)
        census.start()
        stack.callback(census.join)
        stack.callback(self._leave.set)
        self.records: list[Record] = []
        for place, relay in enumerate(self.relays):
            for reader in (connection, *[real_client] * CLIENTS):
                self.records.append(stack.enter_context(reader(place, relay.url)))
        if redis_runs:
            wait_until(lambda: self.leader() is not None, PATIENCE, "the first leader")
            self.settle()
            self.forget_streams()

    # --- looking

    def leader(self) -> int | None:
        """The relay that says it leads; of several the first. Asks only those that run."""
        return next((place for place in range(RELAYS) if self._says(place).get("role") == "leader"), None)

    def await_leader(self, other_than: int, since: float) -> float:
        """Seconds from a moment (monotonic) until another relay leads."""
        wait_until(lambda: self.leader() not in (None, other_than), PATIENCE, "another leader")
        return time.monotonic() - since

    def roles(self) -> list[str]:
        """What each relay says of itself; empty for one that does not answer."""
        return [str(self._says(place).get("role", "")) for place in range(RELAYS)]

    def streams(self) -> int:
        """How many streams the flag server has now; 0 if it is not there."""
        try:
            return len(self._server.streams())
        except (OSError, ValueError):
            return 0

    def forget_streams(self) -> None:
        """Count the most upstream streams anew."""
        self.most_streams = self.streams()

    def await_newest(self, relays: Sequence[int] = tuple(range(RELAYS))) -> None:
        """Wait until every reader of these relays has the newest number."""
        due = self.counter.number
        wait_until(lambda: not self._behind(due, relays), PATIENCE, f"{due} at every reader: {self.records}")

    def settle(self) -> float:
        """Pause the counter, and wait for one upstream stream and the last number at every reader; seconds it took."""
        last = self.counter.pause()
        written = self.counter.written[last]
        self.await_newest()
        taken = max(next(at for at, number in record.seen if number >= last) for record in self.records) - written
        wait_until(lambda: self.streams() == 1, PATIENCE, "one upstream stream")
        return taken

    def said(self, place: int) -> str:
        """Everything that a relay has written to stderr."""
        return (self._directory / f"relay-{place}.log").read_text(errors="replace")

    # --- hurting

    def kill_relay(self, place: int) -> None:
        """`kill -9`."""
        self._running[place] = False
        self.relays[place].kill()

    def restart_relay(self, place: int) -> None:
        """Start a killed one again, on its port and with its cache."""
        self.relays[place] = self._start_relay(place, self.relays[place].port)
        self._running[place] = True

    def stop_relay(self, place: int) -> None:
        """SIGSTOP."""
        self._running[place] = False
        self.relays[place].send(signal.SIGSTOP)

    def continue_relay(self, place: int) -> None:
        """SIGCONT."""
        self.relays[place].send(signal.SIGCONT)
        self._running[place] = True

    def kill_server(self) -> None:
        """The flag server, by `kill -9`. Its file may go on changing."""
        self._server.kill()

    def restart_server(self) -> None:
        """Start it again, on its port."""
        self._server = self._start_server(self._server.port)

    def close(self) -> None:
        """End everything."""
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _start_server(self, port: int) -> ServerProcess:
        return ServerProcess(str(self.counter.path), port=port, api_key=API_KEY, errors=self._server_log)

    def _start_relay(self, place: int, port: int) -> RelayProcess:
        return RelayProcess(
            *("--upstream", self._server.url),
            *("--redis", self.redis.url),
            *("--cache-directory", str(self._directory / f"cache-{place}")),
            api_key=API_KEY,
            port=port,
            errors=self._logs[place],
        )

    def _kill_relays(self) -> None:
        for relay in self.relays:
            relay.kill()

    def _says(self, place: int) -> dict[str, Any]:
        if not self._running[place]:
            return {}
        try:
            return self.relays[place].environment()
        except OSError:
            return {}

    def _behind(self, due: int, relays: Sequence[int]) -> list[Record]:
        return [record for record in self.records if record.relay in relays and record.newest < due]

    def _count_streams(self) -> None:
        while not self._leave.wait(0.02):
            self.most_streams = max(self.most_streams, self.streams())
