"""Celery: its commands, by pool, and its broker."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import replace
from typing import Any

from compat import families
from compat.deployment import START_TIMEOUT, Facts, HttpDeployment, NoAnswer, Place, Variant
from compat.environments import ROOT
from compat.waiting import eventually
from tests.redis_server import RedisServer

__all__ = ["FAMILIES", "RECYCLED_AFTER", "CeleryDeployment", "celery"]

FAMILIES = {
    "prefork": families.servers("celery", "redis", "urllib3"),
    "threads": families.servers("celery", "redis", "urllib3"),
    "gevent": families.servers("celery", "redis", "gevent", "urllib3"),
    "eventlet": families.eventlet("celery", "redis", "eventlet", "urllib3"),
}

SLOTS = 2

RECYCLED_AFTER = 20
"""Tasks, where a variant uses `--max-tasks-per-child`."""


class CeleryDeployment(HttpDeployment):
    """
    One `celery worker` with two slots, and beside it a broker and a producer that turns requests into tasks.

    The two do not belong to the deployment: they do not carry its mark, and live until `kill`.
    """

    def __init__(self, place: Place, options: tuple[str, ...]) -> None:
        fixed = ("--concurrency", str(SLOTS), "--without-gossip", "--without-mingle", "--loglevel", "INFO")
        program = place.environment.program("celery")
        super().__init__(place, [program, "--app", "compat.celery_app", "worker", *fixed, *options])
        self._recycles = "--max-tasks-per-child" in options
        self._redis: RedisServer | None = None
        self._producer: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._redis = RedisServer(self.place.directory)
        url = self._redis.url
        variables = {**self.place.variables, "CELERY_BROKER_URL": url, "CELERY_RESULT_BACKEND": url}
        self.place = replace(self.place, variables=variables)
        self._start_producer()
        super().start()

    def is_ready(self) -> bool:
        if " ready." not in self.text_of_log():
            return False
        try:
            self.ask_once("flags", {}, 5.0)
        except NoAnswer:
            return False
        return True

    def kill(self) -> None:
        super().kill()
        if self._producer is not None:
            self._producer.kill()
            self._producer.wait()
        if self._redis is not None:
            self._redis.close()

    def renew(self) -> None:
        assert self._recycles
        self.wear_out(SLOTS)

    def _start_producer(self) -> None:
        path = self.place.directory / "producer.log"
        with open(path, "wb") as log:
            process = self._producer = subprocess.Popen(
                [self.place.environment.program("python"), "-m", "compat.celery_producer"],
                cwd=ROOT,
                env={**os.environ, **self.place.variables},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

        def address() -> re.Match[str] | None:
            assert process.poll() is None, path.read_text("utf-8", errors="replace")
            return self.address.search(path.read_text("utf-8", errors="replace"))

        found = eventually(address, "the producer's address", START_TIMEOUT)
        assert found is not None
        self._port = int(found[1])


def celery(name: str, pool: str, *options: str, only: tuple[str, ...] = (), **facts: Any) -> Variant:
    """A row for Celery with these options, and these `Facts`."""
    command = ("--pool", pool, *options)
    return Variant(name, FAMILIES[pool], lambda place: CeleryDeployment(place, command), Facts(**facts), only)
