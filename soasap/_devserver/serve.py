"""
The process behind `soasap serve`: file, watcher, broadcaster and server joined, until a signal.

Its first line on stdout is for people and programs alike, and nothing follows it there::

    soasap serve: http://127.0.0.1:43117 serving flags.json (3 flags)
"""

from __future__ import annotations

import signal
import sys
from dataclasses import dataclass

import gevent
from gevent.event import Event

from soasap._devserver.application import FlagApplication
from soasap._devserver.flag_file import FlagFile
from soasap._devserver.flag_source import FlagSource
from soasap._devserver.flag_watcher import FlagWatcher
from soasap._devserver.page_application import PageApplication
from soasap._devserver.page_guard import is_loopback
from soasap._devserver.page_news import PageNews
from soasap._server.broadcaster import Broadcaster
from soasap._server.listening import allow_many_descriptors, leave, listen, tls_context
from soasap._server.server import FlagServer

__all__ = ["ServeSettings", "serve"]


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
        soasap._server.listening.CannotServe: The address or the certificate cannot be used.
    """
    stopping = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, stopping.set)
    if limit := allow_many_descriptors():
        _say(limit)
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
        tls=tls_context(settings.tls_cert, settings.tls_key),
        stall_timeout=settings.stall_timeout,
        verbose=settings.verbose,
    )
    listen(server, settings.host, settings.port)
    if is_loopback(str(server.server_host)):  # known only now, and no request has been let in yet
        application.page = PageApplication(source, news, broadcaster)
    watcher.start()
    print(f"soasap serve: {server.url} serving {settings.path} ({_count(flags)})", flush=True)
    stopping.wait()
    watcher.stop()
    server.close()  # before the streams end, or their readers would be let in again
    broadcaster.close()
    news.feed.close()
    leave(server)


def _count(flags: FlagFile) -> str:
    return "1 flag" if flags.flags == 1 else f"{flags.flags} flags"


def _say(message: str) -> None:
    print(f"soasap serve: {message}", file=sys.stderr, flush=True)
