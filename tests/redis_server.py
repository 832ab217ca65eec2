"""Redis servers of a test's own: Debian's `redis-server` on free loopback ports, with nothing on disk."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import trustme

from tests.addresses import free_port
from tests.programs import Daemon, installed

__all__ = ["RedisServer", "start_redis"]


class RedisServer:
    """
    Runs from construction to `close`, on the same port whenever it is started again.

    Args:
        directory: For its log, its Unix socket and its configuration.
        tls: Speak TLS alone, with a certificate of this authority.
        names: Whom the certificate is for.
        users: Lines of the access control list, `ada on >secret ~* +@all`; the default user stays unless one says so.
        master: The port of a server that this one copies.

    Attributes:
        port: On 127.0.0.1.
        url: Of its first database.
        unix_url: The same through its Unix socket.
    """

    def __init__(
        self,
        directory: Path,
        *,
        tls: trustme.CA | None = None,
        names: Sequence[str] = ("localhost", "127.0.0.1"),
        users: Sequence[str] = (),
        master: int | None = None,
    ) -> None:
        self.port = free_port()
        lines = [
            "bind 127.0.0.1",
            f"dir {directory}",
            'save ""',
            "appendonly no",
            f"unixsocket {directory / f'redis-{self.port}.sock'}",
            "repl-diskless-sync-delay 0",
            *(f"user {user}" for user in users),
        ]
        if tls is None:
            lines.append(f"port {self.port}")
        else:
            chain = directory / f"redis-{self.port}.pem"
            tls.issue_cert(*names).private_key_and_cert_chain_pem.write_to_path(str(chain))
            authority = directory / "authority.pem"
            tls.cert_pem.write_to_path(str(authority))
            lines += [
                "port 0",
                f"tls-port {self.port}",
                f"tls-cert-file {chain}",
                f"tls-key-file {chain}",
                f"tls-ca-cert-file {authority}",
                "tls-auth-clients no",
            ]
        if master is not None:
            lines.append(f"replicaof 127.0.0.1 {master}")
        self.url = f"redis{'' if tls is None else 's'}://127.0.0.1:{self.port}/0"
        self.unix_url = f"unix://{directory / f'redis-{self.port}.sock'}"
        self._daemon = start_redis(directory, self.port, lines)

    @property
    def pid(self) -> int:
        """Its process, for programs that stop it by themselves."""
        return self._daemon.pid

    def start(self) -> None:
        """Start it again, empty."""
        self._daemon.start()

    def kill(self) -> None:
        """End it at once."""
        self._daemon.kill()

    def pause(self) -> None:
        """Stop it where it is, as a machine that hangs: it accepts, and answers nothing."""
        self._daemon.pause()

    def resume(self) -> None:
        """Let it go on."""
        self._daemon.resume()

    def close(self) -> None:
        """End it. Idempotent."""
        self._daemon.stop()

    def __enter__(self) -> RedisServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def start_redis(directory: Path, port: int, lines: Sequence[str], *options: str) -> Daemon:
    """A running `redis-server` with a configuration of these lines, which it may write to."""
    program = installed("redis-server", "redis-server")
    configuration = directory / f"redis-{port}.conf"
    configuration.write_text("\n".join(lines) + "\n")
    daemon = Daemon([program, str(configuration), *options], port, directory / f"redis-{port}.log")
    daemon.start()
    return daemon
