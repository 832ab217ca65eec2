"""The flag server as a process that can be killed and started again on its port, and the file it serves."""

from __future__ import annotations

import http.client
import json
import os
import ssl
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from compat.waiting import eventually
from soasap._devserver.process import ServerProcess

__all__ = ["API_KEY", "SEQUENCE", "Certificate", "FlagService", "Stream"]

API_KEY = "compat-key"
SEQUENCE = "sequence"
"""The flag that counts the changes."""


@dataclass(frozen=True)
class Certificate:
    """PEM files: a certificate for localhost with its key, and the authority that made it."""

    chain: Path
    authority: Path


@dataclass(frozen=True)
class Stream:
    """
    One open stream as the server sees it.

    Attributes:
        port: The client's port.
        sent: Events sent.
        last_sent: Wall clock in seconds when the newest was sent.
    """

    port: int
    sent: int
    last_sent: float


class FlagService:
    """
    Serves one flag file on one port, whether it is up or down at the moment.

    Args:
        directory: For the file and the log.
        certificate: To speak TLS.
        keep_alive: Seconds of silence after which a stream gets a comment.

    Attributes:
        value: What the flag `SEQUENCE` is now.
        base_url: For clients; known from the first `up()` on.
    """

    def __init__(self, directory: Path, certificate: Certificate | None, *, keep_alive: float = 1) -> None:
        self.value = 0
        self.base_url = ""
        self._certificate = certificate
        self._keep_alive = keep_alive
        self._file = directory / "flags.json"
        self._log: IO[bytes] = open(directory / "flag-server.log", "ab")  # noqa: SIM115  # closed by close()
        self._process: ServerProcess | None = None
        self._port = 0
        self._write()

    @property
    def is_up(self) -> bool:
        return self._process is not None

    def up(self) -> None:
        """Start the server, unless it runs."""
        if self._process is None:
            options = ["--keep-alive", str(self._keep_alive)]
            if self._certificate is not None:
                options += ["--tls-cert", str(self._certificate.chain)]
            self._process = ServerProcess(
                str(self._file), port=self._port, api_key=API_KEY, options=options, errors=self._log, ready_timeout=60
            )
            self._port = self._process.port
            scheme = "http" if self._certificate is None else "https"
            self.base_url = f"{scheme}://localhost:{self._port}"

    def down(self) -> None:
        """Kill the server, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process = None

    def close(self) -> None:
        self.down()
        self._log.close()

    def change(self, ballast: int = 0) -> float:
        """
        Count one up; the wall clock before the file changed.

        Args:
            ballast: Bytes, about, of other flags in the same file.
        """
        self.value += 1
        before = time.time()
        self._write(ballast)
        return before

    def streams(self) -> list[Stream]:
        """The open streams."""
        return [
            Stream(int(one["remote"].rpartition(":")[2]), one["sent_events"], one["last_sent"])
            for one in self._get("/api/v1/streams")
        ]

    def _write(self, ballast: int = 0) -> None:
        flags: dict[str, Any] = {SEQUENCE: self.value, "greeting": "hello"}
        flags.update((f"ballast-{number}", f"{self.value}-{'x' * 80}") for number in range(ballast // 100))
        temporary = self._file.with_suffix(".new")
        temporary.write_text(json.dumps(flags), "utf-8")
        os.replace(temporary, self._file)

    def _get(self, path: str) -> Any:
        connection: http.client.HTTPConnection
        if self._certificate is None:
            connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
        else:
            context = ssl.create_default_context(cafile=str(self._certificate.authority))
            connection = http.client.HTTPSConnection("localhost", self._port, timeout=10, context=context)
        try:
            connection.request("GET", path, headers={"X-API-Key": API_KEY})
            return json.load(connection.getresponse())
        finally:
            connection.close()

    def wait_for_streams(self, number: int, timeout: float = 30.0) -> list[Stream]:
        """Wait until so many are open and all have the newest event."""

        def look() -> list[Stream]:
            streams = self.streams()
            return streams if len(streams) == number and all(stream.sent for stream in streams) else []

        return eventually(look, f"{number} open streams", timeout)
