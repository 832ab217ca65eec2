"""A flag server, a deployment, and the deployment's twin that makes no client, for comparison."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import soasap
from compat.deployment import Answer, Deployment, Place, Variant
from compat.environments import environment
from compat.flag_service import API_KEY, SEQUENCE, Certificate, FlagService, Stream
from compat.https_service import HttpsService
from compat.processes import is_alive, ports_of
from compat.waiting import eventually

__all__ = ["Ending", "Restart", "Rig"]

RESTART_TICKS = 3.0
"""Seconds of sleeping by 1 ms while the flag server is away, and a little longer."""

LIVE_TIMEOUT = 45.0
"""Seconds: an outage may have brought the clients' delay up to 30."""


@dataclass(frozen=True)
class Ending:
    """
    How it ended.

    Attributes:
        seconds: Until the first process was gone.
        twin_seconds: The same for the twin.
        expected: What every worker had when it ended.
        saved: What the cache file has.
        left: Processes that stayed.
    """

    seconds: float
    twin_seconds: float
    expected: int
    saved: int
    left: set[int]


@dataclass(frozen=True)
class Restart:
    """
    How a restart of the flag server went.

    Attributes:
        seconds: From its return until the last worker had the news.
        ticks: The longest sleeps of 1 ms meanwhile, of green workers, with and without a client.
    """

    seconds: float
    ticks: tuple[float, float] | None


class Rig:
    """
    Everything a promise needs; starts what is needed when it is needed.

    Args:
        variant: What to deploy.
        directory: For files of this rig.
        certificate: For the services that speak TLS.
        https: For requests of the application's own.
        tls: Whether the flag server speaks TLS.
    """

    def __init__(
        self, variant: Variant, directory: Path, certificate: Certificate, https: HttpsService, *, tls: bool = True
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.variant = variant
        self.facts = variant.facts
        self.https = https
        self.certificate = certificate
        self.directory = directory
        self.environment = environment(variant.family)
        self.flags = FlagService(directory, certificate if tls else None)
        self._tls = tls
        self._deployment: Deployment | None = None
        self._twin: Deployment | None = None
        self._ending: Ending | None = None
        self._restart: Restart | None = None
        self._up_at = 0.0
        self._starts = 0

    # --- life

    @property
    def deployment(self) -> Deployment:
        """The deployment, running."""
        if self._deployment is None:
            self.start_from_disk()
        assert self._deployment is not None
        return self._deployment

    @property
    def twin(self) -> Deployment:
        """The same without a client, running."""
        if self._twin is None:
            self._twin = self._start("none")
            self._twin.ask_every(self.facts.workers)
        return self._twin

    def start_from_disk(self) -> int:
        """Start the deployment anew, with a value on disk and the flag server down; the value."""
        self._end_deployment()
        self.flags.up()
        with soasap.create_soasap_client(
            api_key=API_KEY,
            base_url=self.flags.base_url,
            cache_directory=str(self._cache),
            ca_file=str(self.certificate.authority),
        ) as client:
            assert client.wait_ready(30), client.status()
        self.flags.down()
        assert self.saved() == self.flags.value
        self._deployment = self._start(self.facts.client)
        return self.flags.value

    def start_live(self) -> None:
        """Start the deployment anew, with the flag server up."""
        self._end_deployment()
        self.flags.up()
        self._deployment = self._start(self.facts.client)

    def live(self) -> dict[int, Answer]:
        """What every worker answers, once each has the newest value from a stream of its own."""
        deployment = self.deployment
        self.flags.up()

        def is_live(answer: Answer) -> bool:
            return bool(answer["state"] == "live" and answer["value"] == self.flags.value)

        return deployment.ask_every(self.facts.workers, accept=is_live, timeout=LIVE_TIMEOUT)

    def end(self) -> Ending:
        """End both gracefully, right after two changes; once, whoever asks."""
        if self._ending is None:
            self._ending = self._end_gracefully()
        return self._ending

    def time_another_end(self) -> tuple[float, float]:
        """The seconds that a new deployment and a new twin take to end, both having answered."""
        self.flags.up()
        return self._time_end(self.facts.client), self._time_end("none")

    def close(self) -> None:
        """End everything, however it is."""
        try:
            self._end_deployment()
            if self._twin is not None:
                self._twin.kill()
        finally:
            self.flags.close()

    def plain(self) -> Rig:
        """Another rig for the same variant, without TLS. The caller closes it."""
        return Rig(self.variant, self.directory / "plain", self.certificate, self.https, tls=False)

    def _end_deployment(self) -> None:
        deployment, self._deployment = self._deployment, None
        self._ending = None
        self._restart = None
        if deployment is not None:
            deployment.kill()

    def _end_gracefully(self) -> Ending:
        self.live()
        twin = self.twin
        self.flags.change()
        self.flags.change()
        self.live()
        if not self.facts.flushes_at_end:
            eventually(lambda: self.saved() == self.flags.value, "the last snapshot on disk", 3.5)
        deployment = self.deployment
        seconds = deployment.stop()
        saved = self.saved()
        left = deployment.left_behind()
        self._twin = None
        try:
            # As just before in the other one: how long Celery takes depends on the time since the last task.
            twin.ask_every(self.facts.workers)
            twin_seconds = twin.stop()
        finally:
            twin.kill()
        ending = Ending(seconds, twin_seconds, self.flags.value, saved, left)
        deployment.kill()
        return ending

    def _time_end(self, client: str) -> float:
        deployment = self._start(client)
        try:
            deployment.ask_every(
                self.facts.workers,
                accept=lambda answer: client == "none" or answer["state"] == "live",
                timeout=LIVE_TIMEOUT,
            )
            return deployment.stop()
        finally:
            deployment.kill()

    def _start(self, client: str) -> Deployment:
        self._starts += 1
        directory = self.directory / f"{self._starts}-{client}"
        directory.mkdir()
        variables = {
            "COMPAT_CLIENT": client,
            "COMPAT_API_KEY": API_KEY,
            "COMPAT_BASE_URL": self.flags.base_url,
            "COMPAT_CA_FILE": str(self.certificate.authority) if self._tls else "",
            "COMPAT_CACHE": str(self._cache),
            "HOME": str(directory),
            "NO_PROXY": "localhost,127.0.0.1",
            "PYTHONUNBUFFERED": "1",
        }
        deployment = self.variant.make(Place(self.environment, directory, variables))
        try:
            deployment.start()
        except BaseException:
            deployment.kill()
            raise
        return deployment

    # --- what can be seen from outside

    @property
    def _cache(self) -> Path:
        return self.directory / "cache"

    def saved(self) -> int:
        """The value in the cache file, -1 without a file."""
        for path in self._cache.glob("*.json"):
            flags: dict[str, Any] = json.loads(path.read_bytes())
            return int(flags[SEQUENCE])
        return -1

    def publish(self, ballast: int = 0) -> int:
        """Change the flags, and wait until the server has sent the change on every stream; the new value."""
        sent = {stream.port: stream.sent for stream in self.flags.streams()}
        self.flags.change(ballast)
        eventually(
            lambda: all(stream.sent > sent.get(stream.port, 0) for stream in self.flags.streams()),
            "the server's sending",
        )
        return self.flags.value

    def expect_one_stream_each(self) -> dict[int, Stream]:
        """The stream of each worker; fails if a process has more, or a process has one that should not."""

        def look() -> dict[int, Stream]:
            workers = set(
                self.live()
            )  # each time: a worker may be replaced meanwhile, and its successor must read first
            streams = {stream.port: stream for stream in self.flags.streams()}
            held = ports_of(self.deployment.processes(), streams)
            ports = [port for ports in held.values() for port in ports]
            one_each = all(len(held.get(pid, ())) == 1 for pid in workers)
            if one_each and sorted(ports) == sorted(streams) and len(ports) == len(workers) + self.facts.other_streams:
                return {pid: streams[port] for pid in workers for port in held[pid]}
            seen.append(f"workers {workers}, streams {sorted(streams)}, held {held}")
            return {}

        seen: list[str] = []
        try:
            return eventually(look, "one stream each", LIVE_TIMEOUT)
        except AssertionError as error:
            raise AssertionError(f"{error}: {seen[-1]}; others may have {self.facts.other_streams}") from None

    def wait_for_other_workers(self, than: set[int], count: int) -> None:
        """Wait until so many of these processes are gone."""
        eventually(lambda: sum(not is_alive(pid) for pid in than) >= count, f"the end of {count} of {than}")

    def tick(
        self, disturb: Callable[[Callable[[], bool]], None], seconds: float, **arguments: object
    ) -> tuple[float, float]:
        """
        The longest sleep of 1 ms in a worker, and in one of the twin at the same time.

        Args:
            disturb: What to do meanwhile, for as long as its argument says.
            seconds: For so long.
            arguments: See `compat.questions`.
        """
        both = self.deployment, self.twin
        with ThreadPoolExecutor(2) as pool:
            asked = [pool.submit(one.ask, "ticker", 60.0, seconds=seconds, **arguments) for one in both]
            disturb(lambda: not all(one.done() for one in asked))
            ours, without = (one.result()["longest"] for one in asked)
        return ours, without

    def restart(self, *, again: bool = False) -> Restart:
        """Kill the flag server and start it again with news: once, whoever asks, or `again`."""
        if self._restart is None or again:
            self.live()
            ticks = self.tick(lambda running: self._restart_server(), RESTART_TICKS) if self.facts.green else None
            if ticks is None:
                self._restart_server()
            seconds = max(answer["received_at"] for answer in self.live().values()) - self._up_at
            self._restart = Restart(seconds, ticks)
        return self._restart

    def _restart_server(self) -> None:
        self.flags.down()
        self.flags.change()
        self.flags.up()
        self._up_at = time.time()
