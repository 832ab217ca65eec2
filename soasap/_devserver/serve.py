"""
The process behind `soasap serve`: file, watcher, broadcaster and server joined, until a signal.

Its first line on stdout is for people and programs alike, and nothing follows it there::

    soasap serve: http://127.0.0.1:43117 serving flags.json (3 flags)
"""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import dataclass

import gevent
from gevent.event import Event
from gevent.ssl import PROTOCOL_TLS_SERVER, SSLContext

from soasap._devserver.application import FlagApplication
from soasap._devserver.broadcaster import Broadcaster
from soasap._devserver.flag_file import FlagFile
from soasap._devserver.flag_source import FlagSource
from soasap._devserver.flag_watcher import FlagWatcher
from soasap._devserver.page_application import PageApplication
from soasap._devserver.page_guard import is_loopback
from soasap._devserver.page_news import PageNews
from soasap._devserver.server import FlagServer

__all__ = ["CannotServe", "ServeSettings", "serve"]

FAREWELL_SECONDS = 0.4
"""What readers have to take the rest of their event; the process is gone within a second of the signal."""


class CannotServe(Exception):
    """An address or a certificate cannot be used; the message opens with it."""


@dataclass(frozen=True, slots=True)
class ServeSettings:
    """
    What `serve` needs to know.

    Attributes:
        path: The flag file.
        host: Address to listen on. The page is there only if it is a loopback one.
        port: 0 for a free one.
        api_key: The only key accepted; `None` accepts every request.
        tls_cert: PEM file with the certificate chain; `None` for plain HTTP.
        tls_key: PEM file with its key; `None` if it is in `tls_cert`.
        keep_alive: Seconds of silence after which a stream gets a comment.
        stall_timeout: Seconds after which a reader that does not read on is dropped.
        verbose: Log requests and changes to stderr.
    """

    path: str
    host: str = "127.0.0.1"
    port: int = 8765
    api_key: str | None = None
    tls_cert: str | None = None
    tls_key: str | None = None
    keep_alive: float = 15.0
    stall_timeout: float = 60.0
    verbose: bool = False


def serve(settings: ServeSettings) -> None:
    """
    Serve until SIGTERM or SIGINT, then end all streams and return.

    Ends the process, with status 0, if some readers do not take their end in time.

    Raises:
        FlagFileError: The file cannot be served at the start. Later only stderr hears of it.
        CannotServe: The address or the certificate cannot be used.
    """
    stopping = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, stopping.set)
    _allow_many_descriptors()
    broadcaster = Broadcaster(keep_alive=settings.keep_alive)
    loop = gevent.get_hub().loop

    def accept(flags: FlagFile) -> None:
        if settings.verbose and flags.payload != broadcaster.payload:
            _say(f"{settings.path}: {_count(flags)} for {len(broadcaster)} streams")
        loop.run_callback_threadsafe(news.accept, flags)

    def fail(message: str) -> None:
        _say(message)
        loop.run_callback_threadsafe(news.fail, message)

    source = FlagSource(settings.path)
    watcher = FlagWatcher(settings.path, accept, fail, on_notice=_say, read=source.read)
    flags = source.read()
    news = PageNews(settings.path, flags, broadcaster)
    application = FlagApplication(broadcaster, api_key=settings.api_key)
    server = FlagServer(
        (settings.host, settings.port),
        application,
        tls=_tls(settings),
        stall_timeout=settings.stall_timeout,
        verbose=settings.verbose,
    )
    try:
        server.start()
    except OSError as exc:
        raise CannotServe(f"{settings.host}:{settings.port}: {exc.strerror or exc}") from exc
    if is_loopback(str(server.server_host)):  # known only now, and no request has been let in yet
        application.page = PageApplication(source, news, broadcaster)
    watcher.start()
    print(f"soasap serve: {server.url} serving {settings.path} ({_count(flags)})", flush=True)
    stopping.wait()
    watcher.stop()
    server.close()  # before the streams end, or their readers would be let in again
    broadcaster.close()
    news.feed.close()
    server.readers.join(FAREWELL_SECONDS)
    if len(server.readers):
        # Readers that stall, or too many to part with one by one. Unwinding 9,900 greenlets and freeing them
        # takes the interpreter 1.5 s; the kernel closes their sockets in no time.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


def _tls(settings: ServeSettings) -> SSLContext | None:
    if settings.tls_cert is None:
        return None
    context = SSLContext(PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(settings.tls_cert, settings.tls_key)
    except OSError as exc:  # an SSLError is one; it does not say which file it is about
        files = " and ".join(name for name in (settings.tls_cert, settings.tls_key) if name is not None)
        raise CannotServe(f"{files}: not a certificate with its key: {exc.strerror or exc}") from exc
    return context


def _allow_many_descriptors() -> None:
    """Use what the system allows: 1,024 descriptors is a common soft limit, and a stream needs one each."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (OSError, ValueError):  # macOS says "unlimited" and means less
        _say(f"at most {soft} connections at a time (the limit of open files could not be raised)")


def _count(flags: FlagFile) -> str:
    return "1 flag" if flags.flags == 1 else f"{flags.flags} flags"


def _say(message: str) -> None:
    print(f"soasap serve: {message}", file=sys.stderr, flush=True)
