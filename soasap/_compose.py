"""
The composition root: the only place that knows everybody. It reads like a parts list.

Heavy parts (orjson, logging, urllib3, ssl) are imported here, late: at construction, so that `import soasap` stays
cheap and the first read does not pay for them on somebody's event loop. The transport is the exception: in a process
whose workers a server is about to monkey-patch, importing it early would break the application's own HTTPS.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, ParamSpec, TypeVar

from soasap._version import __version__
from soasap.concurrency import exit as process_exit
from soasap.concurrency import fork
from soasap.concurrency.auto import detect, make_backend, process_obstacle
from soasap.exceptions import BackendUnavailable, CacheError, PayloadError
from soasap.types import SoasapClientOptions, SoasapErrorSource

if TYPE_CHECKING:
    from soasap._io.cache_file import FileCache
    from soasap._io.given_cache import GivenCache
    from soasap._runtime.callbacks import Callbacks
    from soasap._runtime.listeners import Listeners
    from soasap._runtime.misreads import Misreads
    from soasap._runtime.reporter import Reporter
    from soasap._runtime.run import Run
    from soasap._runtime.store import SnapshotStore
    from soasap._runtime.supervisor import Supervisor
    from soasap._runtime.vitals import Vitals
    from soasap._runtime.watchers import Watchers
    from soasap._sansio.snapshot import FlagSnapshot
    from soasap.protocols import ConcurrencyBackend, HttpOpener, Transport

__all__ = ["STREAM_PATH", "Parts", "compose", "request_headers"]

P = ParamSpec("P")
R = TypeVar("R")

STREAM_PATH = "/api/v1/flags/live"


class Parts(NamedTuple):
    """
    What the client keeps in its hands.

    Not a dataclass: that takes three times as long to make, a twentieth of `import soasap`.
    """

    store: SnapshotStore
    supervisor: Supervisor
    vitals: Vitals
    listeners: Listeners
    misreads: Misreads
    watchers: Watchers


def compose(options: SoasapClientOptions, http_opener: HttpOpener | None) -> Parts:
    """
    Make a client's parts and join them. Starts nothing.

    Raises:
        TypeError, ValueError: An option is wrong; see `soasap._sansio.options`.
    """
    from soasap._runtime.callbacks import Callbacks
    from soasap._runtime.listeners import Listeners
    from soasap._runtime.misreads import Misreads
    from soasap._runtime.reporter import Reporter
    from soasap._runtime.store import SnapshotStore
    from soasap._runtime.supervisor import Supervisor
    from soasap._runtime.vitals import Vitals
    from soasap._runtime.watchers import Watchers
    from soasap._sansio.options import check_opener, check_options, exposes_key

    options = check_options(options)
    check_opener(http_opener)
    if options.backend == "eventlet":
        _warn_about_eventlet()
    vitals = Vitals()
    callbacks = Callbacks()
    reporter = Reporter(options.on_error, callbacks, vitals, options.api_key, time.monotonic)
    if http_opener is None and exposes_key(options.base_url):  # an opener may encrypt in ways of its own
        reporter.warn_once(f"the API key travels unencrypted to {options.base_url}; use https")
    store = SnapshotStore(lambda: supervisor.start())
    listeners = Listeners(store, callbacks)
    misreads = Misreads()
    watchers = Watchers(callbacks)
    crew = _Crew(options, http_opener, store, vitals, reporter, callbacks, misreads, watchers)
    supervisor = Supervisor(crew, store, vitals, reporter, callbacks, time.monotonic)
    _load_parts_of_runs()
    fork.register(supervisor)
    process_exit.register(supervisor)
    store.sinks += [lambda run, previous, current: watchers(run), listeners]
    if options.on_update is not None:
        listeners.add(options.on_update)
    return Parts(store, supervisor, vitals, listeners, misreads, watchers)


def request_headers(api_key: str, backend: str = "") -> dict[str, str]:
    """
    What is sent with each request for the stream.

    Args:
        api_key: For the service, which knows the environment by it.
        backend: The name of the backend, sent as a comment to the product (RFC 9110, section 10.1.5) if it is one of
            ours: whoever looks at a service's clients sees how they run.
    """
    from soasap._sansio.options import BACKENDS

    comment = f" ({backend})" if backend in BACKENDS else ""
    return {
        "X-API-Key": api_key,
        "Accept": "text/event-stream",
        "Accept-Encoding": "identity",
        "Cache-Control": "no-cache",
        "User-Agent": f"soasap-python/{__version__}{comment}",
    }


def _warn_about_eventlet() -> None:
    """Point at the line of the application that made the client, however many of ours are in between."""
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and str(frame.f_globals.get("__name__")).partition(".")[0] == "soasap":
        level, frame = level + 1, frame.f_back
    warnings.warn(
        'backend="eventlet" is deprecated from the first release, as eventlet is itself; it works for as long as '
        'eventlet does. Under backend="auto" an application that has patched itself with eventlet gets it unasked',
        DeprecationWarning,
        stacklevel=level,
    )


def _load_parts_of_runs() -> None:
    """
    Import what the first start needs.

    Not at the first start itself: a child forked while another thread imports never gets that module's lock, and would
    hang in its own first read.
    """
    import encodings.idna  # noqa: F401  # the socket module does, for any host name
    import random  # noqa: F401

    import soasap._io.opener
    import soasap._runtime.cache_writer
    import soasap._runtime.stream_worker
    import soasap._sansio.answers

    if not process_obstacle():
        import soasap._io.transport
        import soasap.concurrency.threads  # noqa: F401


class _Crew:
    """Makes what a run is made of; see `soasap._runtime.supervisor.Crew`."""

    def __init__(
        self,
        options: SoasapClientOptions,
        http_opener: HttpOpener | None,
        store: SnapshotStore,
        vitals: Vitals,
        reporter: Reporter,
        callbacks: Callbacks,
        misreads: Misreads,
        watchers: Watchers,
    ) -> None:
        self._options = options
        self._http_opener = http_opener
        self._store = store
        self._vitals = vitals
        self._reporter = reporter
        self._callbacks = callbacks
        self._misreads = misreads
        self._watchers = watchers
        self._backend_refused = False
        self._file = self._open_file()
        self._given = self._open_given()
        store.sinks.append(_wake_the_run)
        known = self._read_file() or self._initial()
        if known is not None:
            store.replace(known)

    # --- cache

    def _open_file(self) -> FileCache | None:
        if self._options.cache != "disk":
            return None
        from soasap._io.cache_file import FileCache
        from soasap._io.cache_location import cache_path, legacy_paths

        key, directory = self._options.api_key, self._options.cache_directory
        try:
            return FileCache(cache_path(key, self._options.base_url, directory), legacy_paths(key, directory))
        except CacheError as error:
            self._reporter.report(error, SoasapErrorSource.DISK)
            return None

    def _open_given(self) -> GivenCache | None:
        if self._options.cache is None or isinstance(self._options.cache, str):
            return None
        from soasap._io.cache_location import environment_name
        from soasap._io.given_cache import GivenCache, cache_for

        name = environment_name(self._options.api_key, self._options.base_url)
        return GivenCache(cache_for(self._options.cache, name))

    def _read_file(self) -> FlagSnapshot | None:
        """What the cache file has; `None`, and a report if it is bad, if that is nothing."""
        from soasap._sansio.snapshot import parse_snapshot

        try:
            cached = self._file.read() if self._file is not None else None
            if cached is None:
                return None
            return parse_snapshot(cached.payload, source="disk", received_at=cached.written_at)
        except (CacheError, PayloadError) as error:
            self._reporter.report(error, SoasapErrorSource.DISK)
            return None

    def _initial(self) -> FlagSnapshot | None:
        if self._options.initial_flags is None:
            return None
        from soasap._sansio.initial_flags import parse_initial_flags

        return parse_initial_flags(self._options.initial_flags)

    def _load_given(self, run: Run) -> None:
        """On the background task, before connecting: the application's cache may block, or use the network."""
        from soasap._sansio.snapshot import parse_snapshot

        if self._given is None or self._store.known().source not in ("none", "initial"):
            return
        was_failing = self._given.failing
        try:
            payload = self._offload(run, self._given.load)
            if payload is not None:
                self._store.publish(run, parse_snapshot(payload, source="disk", received_at=None))
        except (CacheError, PayloadError) as error:
            if not (was_failing or run.dead):
                self._reporter.report(error, SoasapErrorSource.DISK)

    def _offload(self, run: Run, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the cache where that holds nobody up: in the pool, or right here if it waits as green tasks do."""
        if self._given is not None and self._given.cooperative:
            return function(*args, **kwargs)
        return run.backend.run_blocking(function, *args, **kwargs)

    def newer_snapshot(self, known: FlagSnapshot) -> FlagSnapshot | None:
        if self._file is None or not self._file.newer_than(known.received_at or 0.0):
            return None
        return self._read_file()

    # --- run

    def obstacle(self) -> str:
        return process_obstacle()

    def make_backend(self) -> ConcurrencyBackend:
        if not self._backend_refused:
            try:
                return make_backend(self._options.backend)
            except BackendUnavailable as error:
                self._backend_refused = True
                self._reporter.report(error, SoasapErrorSource.NETWORK)
        return make_backend("auto")

    def man(self, run: Run, guard: Callable[[Run, Callable[[], None]], Callable[[], None]]) -> None:
        from random import SystemRandom

        from soasap._runtime.cache_writer import CacheWriter
        from soasap._runtime.stream_worker import StreamWorker

        backend = run.backend
        run.transport = self._make_transport(run)
        worker = StreamWorker(
            run=run,
            transport=run.transport,
            store=self._store,
            reporter=self._reporter,
            vitals=self._vitals,
            misreads=self._misreads,
            watchers=self._watchers,
            prepare=lambda: self._load_given(run),
            is_outdated=lambda: self._is_outdated(backend),
            clock=time.monotonic,
            wall_clock=time.time,
            roll=SystemRandom().random,  # from the system: a forked child must not repeat its parent's numbers
        )
        # Before the stream's task exists: its first snapshot may start the callbacks' task before we go on.
        run.calls = guard(run, lambda: self._callbacks.serve(run))
        if self._options.on_error is not None:
            run.serve_callbacks()
        run.tasks.append(backend.spawn(guard(run, worker), "soasap-stream"))
        cache = self._file or self._given
        if cache is not None:
            writer = CacheWriter(
                run, self._store, cache, self._reporter, time.monotonic, lambda *call: self._offload(run, *call)
            )
            run.tasks.append(backend.spawn(guard(run, writer), "soasap-cache"))

    def _make_transport(self, run: Run) -> Transport:
        url = self._options.base_url + STREAM_PATH
        headers = request_headers(self._options.api_key, run.backend.name)
        if self._http_opener is not None:
            from soasap._io.opener import OpenerTransport

            return OpenerTransport(self._http_opener, url, headers, run.stop)
        from soasap._io.transport import HttpSettings, HttpTransport
        from soasap._sansio.answers import judge

        options = self._options
        settings = HttpSettings(
            url=url,
            headers=headers,
            connect_timeout=options.connect_timeout,
            response_timeout=options.response_timeout,
            read_timeout=options.read_timeout,
            proxy=options.proxy,
            ca_file=options.ca_file,
            client_cert=options.client_cert,
            ssl_context=options.ssl_context,
        )
        return HttpTransport(settings, run.backend, judge)

    def _is_outdated(self, backend: ConcurrencyBackend) -> bool:
        """
        Whether the process was monkey-patched after this run began, so that our own threads no longer fit.

        Chosen by name too: after the patch a thread cannot make another TLS connection. The next start refuses the
        name, reports it, and takes what fits.
        """
        return not callable(self._options.backend) and backend.name == "threads" and detect() != "threads"


def _wake_the_run(run: Run, previous: FlagSnapshot, current: FlagSnapshot) -> None:
    run.dirty.set()
    if current.source == "stream":
        run.ready.set()
