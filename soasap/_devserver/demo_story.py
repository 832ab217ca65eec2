"""What the demo does by default, step by step: changes, a start from disk, a recovery."""

from __future__ import annotations

import os
import statistics
import time
from contextlib import closing
from typing import IO, Any, NoReturn

import orjson

from soasap import SoasapClientImpl, create_soasap_client
from soasap._devserver.demo_flags import CHANGES, WHILE_AWAY, read
from soasap._devserver.demo_screen import Screen
from soasap._devserver.demo_stage import API_KEY, PAUSE_SECONDS, DidNotHold, Stage, writes

__all__ = ["Story"]


class Story:
    """
    One telling.

    Args:
        stage: Where it happens.
        screen: Where it is shown.
    """

    def __init__(self, stage: Stage, screen: Screen) -> None:
        self._stage = stage
        self._screen = screen
        self._server = stage.start_server()
        self._client = self._start_client()

    def tell(self) -> None:
        """The whole story. Raises `DidNotHold`."""
        self._screen.say(f"A server on {self._stage.path}, and a client on {self._server.url}")
        if not self._client.wait_ready(self._stage.remaining()):
            raise DidNotHold("the client got no flags from the server")
        delays = self._changes()
        warm = self._warm_start()
        recovery = self._recovery()
        self._screen.summary(
            f"soasap demo: ok: {len(delays)} changes read {statistics.median(delays):.1f} ms (median) and "
            f"{max(delays):.1f} ms (slowest) after the server's write, warm start from disk in {warm:.1f} ms, "
            f"recovery {recovery:.1f} s after the server's return"
        )

    def stay(self) -> None:
        """Show changes, and what the server says about mistakes, until Ctrl-C or SIGTERM."""
        self._screen.say(f"Edit {self._stage.path} and see it here; Ctrl-C ends. The server is at {self._server.url}")
        with open(self._stage.log.name) as log:
            log.seek(0, os.SEEK_END)
            try:
                self._follow(log)
            except KeyboardInterrupt:
                self._screen.say("Ending.")

    def _follow(self, log: IO[str]) -> NoReturn:
        events = self._client.status().events
        while True:
            time.sleep(0.001)
            for line in log:
                self._screen.say(line.rstrip())
            if self._client.status().events != events:
                seen_at = time.time()
                events = self._client.status().events
                self._show_edit(self._delay(seen_at))

    def _changes(self) -> list[float]:
        """Change flags one by one; the milliseconds that each took to reach a read."""
        delays = []
        with self._screen.table() as show:
            for key, new in CHANGES:
                old = self._stage.flags[key]
                self._stage.change(key, new)
                self._wait_for(key, new, f"the change of {key} was not read")
                delays.append(self._delay(time.time()))
                show(key, old, new, delays[-1:])
                time.sleep(PAUSE_SECONDS)
        return delays

    def _warm_start(self) -> float:
        """Kill the server and start another client; the milliseconds from nothing to its first read."""
        self._server.kill()
        self._stage.wait(lambda: self._client.status().state == "stale", "the client did not notice the server's end")
        self._check(self._client, "the client forgot its flags when the server went away")
        self._screen.say("The server is killed. The client goes on with the flags it has, and is closed.")
        self._client.close()
        start = time.perf_counter()
        self._client = self._start_client()
        self._check(self._client, "a new client without a server did not have the flags from disk")
        warm = (time.perf_counter() - start) * 1000
        status = self._client.status()
        if status.source != "disk":
            raise DidNotHold(f"the flags of the new client came from {status.source!r}, not from disk")
        self._screen.say(f"A new client, no server: all {len(self._stage.flags)} flags from disk in {warm:.1f} ms.")
        time.sleep(PAUSE_SECONDS)
        return warm

    def _recovery(self) -> float:
        """Start the server again, one flag changed meanwhile; the seconds until that is read."""
        key, new = WHILE_AWAY
        self._stage.change(key, new)
        self._server = self._stage.start_server(port=self._server.port)
        returned = time.monotonic()
        self._screen.say("The server is back on the same port, with one flag changed. The client looks for it ...")
        self._wait_for(key, new, "the client did not find the server again")
        recovery = time.monotonic() - returned
        self._screen.say(f"Found, and {key} is read as {new!r}, after {recovery:.1f} s.")
        return recovery

    def _start_client(self) -> SoasapClientImpl:
        client = create_soasap_client(
            api_key=API_KEY,
            base_url=self._server.url,
            cache_directory=self._stage.cache_directory,
            proxy="",  # loopback, whatever the environment says
        )
        return self._stage.stack.enter_context(closing(client))

    def _check(self, client: SoasapClientImpl, otherwise: str) -> None:
        if any(read(client, key, value) != value for key, value in self._stage.flags.items()):
            raise DidNotHold(otherwise)

    def _wait_for(self, key: str, value: Any, otherwise: str) -> None:
        self._stage.wait(lambda: read(self._client, key, value) == value, otherwise)

    def _delay(self, seen_at: float) -> float:
        """Milliseconds from the server's newest write until `seen_at` (wall clock, seconds)."""
        return max(0.0, (seen_at - max(writes(self._server))) * 1000)

    def _show_edit(self, delay: float) -> None:
        """Show what differs between the flags as the client has them and as they were shown last."""
        try:
            edited: dict[str, Any] = orjson.loads(self._stage.path.read_bytes())
        except (OSError, orjson.JSONDecodeError):
            return  # edited once more meanwhile; the next event tells
        for key in {**self._stage.flags, **edited}:
            old, new = self._stage.flags.get(key), read(self._client, key, edited.get(key))
            if old != new:
                self._screen.row(key, old, new, [delay])
        self._stage.flags = edited
