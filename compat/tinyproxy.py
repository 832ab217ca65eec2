"""A real HTTP proxy: Debian's tinyproxy, with a configuration and a process of its own."""

from __future__ import annotations

from pathlib import Path

from tests.addresses import free_port
from tests.programs import Daemon, installed

__all__ = ["PASSWORD", "USER", "Tinyproxy"]

USER = "someone"
PASSWORD = "s3cret"


class Tinyproxy:
    """
    Runs tinyproxy between `start` and `stop`, as often as one likes, always on the same port.

    Args:
        directory: For its configuration and its log.
        demands_password: Let nobody pass but `USER` with `PASSWORD`.

    Attributes:
        address: Its host and port.
        url: For clients that pass, with user and password if they are demanded.
    """

    def __init__(self, directory: Path, *, demands_password: bool = False) -> None:
        program = installed("tinyproxy", "tinyproxy")
        port = free_port()
        directory.mkdir(exist_ok=True)
        lines = [f"Port {port}", "Listen 127.0.0.1", "Timeout 600", "MaxClients 20", "LogLevel Connect"]
        if demands_password:
            lines.append(f"BasicAuth {USER} {PASSWORD}")
        configuration = directory / "tinyproxy.conf"
        configuration.write_text("\n".join([*lines, ""]), "utf-8")
        self._daemon = Daemon([program, "-d", "-c", str(configuration)], port, directory / "tinyproxy.log")
        self.address = f"127.0.0.1:{port}"
        self.url = f"http://{USER}:{PASSWORD}@{self.address}" if demands_password else f"http://{self.address}"

    def start(self) -> None:
        self._daemon.start()

    def stop(self) -> None:
        """Connections are cut, also those in use. Idempotent."""
        self._daemon.stop()

    def requests(self) -> list[str]:
        """The first lines of the requests it got, in order."""
        # Connect (file descriptor 4): ... / Request (file descriptor 4): CONNECT localhost:443 HTTP/1.1
        return [line.partition("): ")[2] for line in self._daemon.said().splitlines() if " Request (" in line]

    def log(self) -> str:
        return self._daemon.said()

    def __enter__(self) -> Tinyproxy:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
