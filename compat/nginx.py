"""A real nginx in front of the flag server, with a configuration, a prefix and a process of its own."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from compat.flag_service import Certificate
from tests.addresses import free_port
from tests.programs import Daemon, installed

__all__ = ["Nginx"]

CONFIGURATION = """
daemon off;
worker_processes 1;
pid nginx.pid;
{user}
events {{ worker_connections 256; }}
http {{
    access_log access.log;
    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    server {{
        listen 127.0.0.1:{port}{ssl};
        {certificate}
        location / {{
            proxy_pass {upstream};
            {directives}
        }}
    }}
}}
"""


class Nginx:
    """
    Runs Debian's nginx between `start` and `stop`, as often as one likes, always on the same port.

    Args:
        directory: For its configuration, its logs and what it buffers.
        upstream: The URL it passes requests to.
        directives: Of the location, `proxy_buffering off;` say. Without any, everything is as nginx has it by default.
        certificate: To speak TLS to clients.

    Attributes:
        url: For clients.
    """

    def __init__(
        self, directory: Path, upstream: str, directives: Sequence[str] = (), certificate: Certificate | None = None
    ) -> None:
        program = installed("nginx", "nginx")
        port = free_port()
        directory.mkdir(exist_ok=True)
        self._directory = directory
        chain = "" if certificate is None else str(certificate.chain)
        (directory / "nginx.conf").write_text(
            CONFIGURATION.format(
                # Else root's master gives its worker to a user who may not enter this directory.
                user="user root;" if os.geteuid() == 0 else "",
                port=port,
                ssl=" ssl" if chain else "",
                certificate=f"ssl_certificate {chain}; ssl_certificate_key {chain};" if chain else "",
                upstream=upstream,
                directives="\n            ".join(directives),
            ),
            "utf-8",
        )
        command = [program, "-p", str(directory), "-c", "nginx.conf", "-e", "error.log"]
        self._daemon = Daemon(command, port, directory / "stderr.log")
        self.url = f"{'https' if chain else 'http'}://localhost:{port}"

    def start(self) -> None:
        self._daemon.start()

    def stop(self) -> None:
        """As `systemctl stop` does: connections are cut, also those in use. Idempotent."""
        self._daemon.stop()

    def requests(self) -> list[str]:
        """The lines of its access log: requests that have ended."""
        return (self._directory / "access.log").read_text("utf-8").splitlines()

    def __enter__(self) -> Nginx:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
