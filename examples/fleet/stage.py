"""All that runs, on loopback: Redis, a flag server, three relays, Gunicorn with gevent workers, plain clients."""

import json
import os
import socket
import sys
import tempfile
import time
import urllib.request
from contextlib import ExitStack
from pathlib import Path

from program import Program, await_

HERE = Path(__file__).resolve().parent
RELAYS = 3
WORKERS = 3
API_KEY = "fleet-example"
_open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open  # loopback: no proxy is meant


class Stage:
    """
    Starts it all, and knows who reads what.

    Attributes:
        relays: The relay processes, `None` for one that is dead.
        urls: Their addresses.
        values: Reader to the number it read last.
        via: Reader to the relay that serves it.
        steps_back: Readers that saw an older number after a newer one.
        number: The number that the flag has now.
        calm: While nothing is broken, which calm it is, from 1; else 0.
    """

    def __init__(self, stack: ExitStack, redis_server: str) -> None:
        self._stack = stack
        self._redis_server = redis_server
        self._directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="soasap-fleet-")))
        self._env = {**os.environ, "SOASAP_API_KEY": API_KEY}
        self.values, self.via, self.seen_at, self.steps_back = {}, {}, {}, []
        self.number = self.calm = self._calms = 0
        self._write()
        self._redis_port, self._gunicorn_port = free_port(), free_port()
        self.start_redis()
        self._server = self._soasap("serve", str(self._directory / "flags.json"), "--port", "0", "--api-key", API_KEY)
        self.server_url = self._server.first_line().split()[2]
        self.relays, self.urls = [None] * RELAYS, [""] * RELAYS
        for place in range(RELAYS):
            self.start_relay(place)
        self._env["SOASAP_RELAYS"] = " ".join(self.urls)
        gunicorn = [sys.executable, "-m", "gunicorn", "app:app", "--worker-class", "gevent", "--workers", str(WORKERS)]
        self._run([*gunicorn, "--bind", f"127.0.0.1:{self._gunicorn_port}"])
        for place in range(RELAYS):
            self._run([sys.executable, "client.py", f"client {place + 1}", str(place)])
        await_(lambda: len(self.values) == WORKERS + RELAYS, "the first value of every worker and client", 30)

    # --- acting

    def start_redis(self) -> None:
        command = [self._redis_server, "--port", str(self._redis_port), "--bind", "127.0.0.1", "--save", ""]
        self.redis = self._run([*command, "--dir", str(self._directory)])
        await_(lambda: listens(self._redis_port), "Redis", 15)

    def start_relay(self, place: int) -> None:
        """Start it, or start it again on its port, as an orchestrator would."""
        port = self.urls[place].rpartition(":")[2] or "0"
        cache = str(self._directory / f"relay-{place}")
        redis = f"redis://127.0.0.1:{self._redis_port}"
        options = ("--upstream", self.server_url, "--redis", redis, "--cache-directory", cache, "--drain", "0.5")
        relay = self._soasap("relay", *options, "--port", port)
        self.urls[place] = relay.first_line().split()[2]
        self.relays[place] = relay

    def settle(self, timeout: float) -> None:
        """Wait for a leader that has the only upstream stream. From now on more than one is a fault."""
        await_(self.leader_and_one_stream, "one leader with the only upstream stream", timeout)
        self._calms += 1
        self.calm = self._calms

    def kill_redis(self) -> None:
        self.calm = 0
        self.redis.kill()

    def kill_relay(self, place: int) -> None:
        self.calm = 0
        relay, self.relays[place] = self.relays[place], None
        relay.kill()

    def change(self) -> float:
        """Change the flag; seconds until the last reader has it."""
        self.number += 1
        begun = self._write()
        await_(lambda: set(self.values.values()) == {self.number}, f"n = {self.number} at every reader", 40)
        return max(self.seen_at.values()) - begun

    # --- looking

    def health(self, place: int) -> dict:
        """What a relay says of its environment; empty if it is dead."""
        if self.relays[place] is None:
            return {}
        try:
            with _open(f"{self.urls[place]}/healthz", timeout=10) as answer:
                return json.load(answer)["environments"]["default"]
        except OSError:  # killed while it was asked
            return {}

    def leader(self) -> int | None:
        """The relay that leads."""
        return next((place for place in range(RELAYS) if self.health(place).get("role") == "leader"), None)

    def upstream_streams(self) -> int:
        """How many streams the flag server has."""
        request = urllib.request.Request(f"{self.server_url}/api/v1/streams", headers={"X-API-Key": API_KEY})
        with _open(request, timeout=10) as answer:
            return len(json.load(answer))

    def leader_and_one_stream(self) -> bool:
        """Whether all is as it should be while nothing is broken."""
        return self.leader() is not None and self.upstream_streams() == 1

    def answer(self) -> int:
        """The number that the application answers with."""
        with _open(f"http://127.0.0.1:{self._gunicorn_port}/", timeout=10) as answer:
            return int(answer.read())

    def _write(self) -> float:
        """Put the number into the flag file; the monotonic moment before it is there."""
        path = self._directory / "flags.json"
        path.with_suffix(".new").write_text(json.dumps({"n": self.number}))
        begun = time.monotonic()
        os.replace(path.with_suffix(".new"), path)
        return begun

    def _hear(self, line: str) -> None:
        told = json.loads(line)
        who = told["who"]
        if told["n"] < self.values.get(who, 0):
            self.steps_back.append(who)
        # The value last: whoever waits for it looks at the moment then.
        self.via[who], self.seen_at[who], self.values[who] = told["via"], told["at"], told["n"]

    def _soasap(self, *arguments: str) -> Program:
        program = Program([sys.executable, "-m", "soasap", *arguments], env=self._env)
        self._stack.callback(program.stop)
        return program

    def _run(self, command: list) -> Program:
        on_line = self._hear if command[0] == sys.executable else None
        program = Program(command, env=self._env, cwd=HERE, on_line=on_line)
        self._stack.callback(program.stop)
        return program


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
