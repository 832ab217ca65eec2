"""
The client: typed reads from memory, and its life.

A read is one reference, one dictionary look-up and one type check: no lock, no process id, no flag for "started" (see
`soasap._runtime.store`). Everything it reads was parsed by orjson, so types are exact: `type(value) is int` is never
a bool.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar, cast

from soasap._compose import compose
from soasap.types import ClientStatus, SoasapClientOptions, SoasapUpdateHandler

if TYPE_CHECKING:
    from soasap.protocols import HttpOpener

__all__ = ["SoasapClientImpl"]

T = TypeVar("T")

DISK_SHUTDOWN_TIMEOUT_MS = 5000
"""What `close` waits for a slow disk, unless told otherwise. Release 1.0.3 has this name here, so it stays."""

MAX_EXACT = 2.0**53
"""Up to here every integer has a float of its own (IEEE 754 binary64)."""


class SoasapClientImpl:
    """
    Reads flags from memory and keeps them fresh in the background.

    Make one per process, at import if you like: a fork needs nothing from you. All methods are safe from any
    thread, greenlet and callback. Reads never raise, lock, or wait for the network.

    Args:
        options: See `soasap.SoasapClientOptions`.
        http_opener: Replaces the transport, as in release 1.0.3; see `soasap.protocols.HttpOpener`.

    Raises:
        TypeError, ValueError: An option is of the wrong type or out of range; the message names it.
    """

    # With __dict__, so that tests may replace methods of an instance.
    __slots__ = (
        "__dict__",
        "__weakref__",
        "_is_curious",
        "_listeners",
        "_misreads",
        "_store",
        "_supervisor",
        "_vitals",
        "_watchers",
    )

    def __init__(self, options: SoasapClientOptions, *, http_opener: HttpOpener | None = None) -> None:
        parts = compose(options, http_opener)
        self._store = parts.store
        self._supervisor = parts.supervisor
        self._vitals = parts.vitals
        self._listeners = parts.listeners
        self._misreads = parts.misreads
        self._watchers = parts.watchers
        self._is_curious = False
        self._misreads.on_curiosity = self._set_curious
        if options.preload:
            self._supervisor.start()

    def get_bool(self, flag_key: str, default_value: bool = False) -> bool:
        """The flag if it is `true` or `false`, else the default as given. `1` is not a bool."""
        try:
            value: Any = self._store.snapshot.flags.get(flag_key)
        except Exception:
            return default_value
        if value is True or value is False:
            return value
        if value is not None or self._is_curious:
            self._misreads.note(flag_key, "a boolean", value)
        return default_value

    def get_flag(self, flag_key: str, default_value: bool = False) -> bool:
        """The same as `get_bool`."""
        return self.get_bool(flag_key, default_value)

    def get_number(self, flag_key: str, default_value: float = 0) -> float:
        """The flag as a finite `float` if it is a number, else the default as given. `true` is not a number."""
        try:
            value: Any = self._store.snapshot.flags.get(flag_key)
        except Exception:
            return default_value
        if type(value) is int:
            exact: float = value / 1  # as float(value) makes it, without a call
            return exact
        if type(value) is float:
            return value
        if value is not None or self._is_curious:
            self._misreads.note(flag_key, "a number", value)
        return default_value

    def get_int(self, flag_key: str, default_value: int = 0) -> int:
        """
        The flag as an exact `int`, else the default as given.

        Integers come as they are; a float counts if it is integral and within +-2**53, `10.0` for example.
        """
        try:
            value: Any = self._store.snapshot.flags.get(flag_key)
        except Exception:
            return default_value
        if type(value) is int:
            return value
        if type(value) is float and value.is_integer() and -MAX_EXACT <= value <= MAX_EXACT:
            return int(value)
        if value is not None or self._is_curious:
            self._misreads.note(flag_key, "an integer", value)
        return default_value

    def get_string(self, flag_key: str, default_value: str = "") -> str:
        """The flag if it is a string, else the default as given."""
        try:
            value: Any = self._store.snapshot.flags.get(flag_key)
        except Exception:
            return default_value
        if type(value) is str:
            return value
        if value is not None or self._is_curious:
            self._misreads.note(flag_key, "a string", value)
        return default_value

    def get_json(self, flag_key: str, default_value: T | None = None) -> T | None:
        """The flag if it is an object or an array, as a `dict` or `list` of your own, else the default as given."""
        try:
            snapshot = self._store.snapshot
            value: Any = snapshot.flags.get(flag_key)
            if type(value) is dict or type(value) is list:
                return cast("T", snapshot.json_copy(flag_key, value))
            if value is not None or self._is_curious:
                self._misreads.note(flag_key, "JSON", value)
        except Exception:
            pass
        return default_value

    def all_flags(self) -> dict[str, Any]:
        """All flags as they are now, by key, in a tree of your own. Costs a parse of all of them."""
        try:
            _ = self._store.snapshot.flags  # a read: it starts the work
            return self._store.known().copy()
        except Exception:
            return {}

    def subscribe(self, callback: SoasapUpdateHandler) -> Callable[[], None]:
        """
        Have a function called with each change of flags from now on, starting the work if needed.

        It is called on a task of its own, in each process that reads: it may block, raise (that is logged), or call any
        method of the client. Changes that come meanwhile are one call; a snapshot that changes nothing is none. A
        process that was forked and never reads has nothing to tell: touch the client there once.

        Args:
            callback: Gets a dict, flag key to `soasap.FlagChange`, that it may keep and change.

        Returns:
            A function that ends it. Idempotent; a call that is being made is not waited for.

        Raises:
            TypeError: The callback is not callable.
        """
        unsubscribe = self._listeners.add(callback)
        self._supervisor.start()
        return unsubscribe

    def wait_ready(self, timeout: float | None = None) -> bool:
        """
        Wait for the first snapshot from the stream of this process, starting the work if needed.

        Blocks the calling thread or greenlet only.

        Args:
            timeout: Seconds; `None` waits until it comes or the client is closed.

        Returns:
            Whether it came. `False` on timeout, on close, and at once where nothing can run (see `status().hint`) or
            where the caller must not block, in an event loop's own callback for example.
        """
        return self._supervisor.wait_ready(timeout)

    def status(self) -> ClientStatus:
        """The state of this client in this process. Cheap enough for a health endpoint; starts the work if needed."""
        self._supervisor.start()
        run = self._supervisor.run
        snapshot = self._store.known()
        vitals = self._vitals
        last_life = vitals.last_life
        now = time.monotonic()
        return ClientStatus(
            state=vitals.state,
            source=snapshot.source,
            age=None if last_life is None else now - last_life,
            snapshot_age=None if snapshot.received_at is None else max(0.0, time.time() - snapshot.received_at),
            last_error=vitals.last_error,
            backend="" if run is None else run.backend.name,
            pid=os.getpid(),
            connected_since=vitals.connected_since,
            events=vitals.events,
            connects=vitals.connects,
            errors=vitals.errors,
            hint=vitals.advice(now),
        )

    def close(self, timeout: float = DISK_SHUTDOWN_TIMEOUT_MS / 1000.0) -> None:
        """
        End the background work and save what is not saved yet. Reads go on answering from the last snapshot.

        Idempotent; from any thread, greenlet, signal handler or callback. Nothing starts again afterwards.

        Args:
            timeout: Seconds to wait for a slow disk, at most. With an idle disk it takes a few milliseconds.
        """
        self._supervisor.close(timeout)

    def _set_curious(self, is_curious: bool) -> None:
        """Whether to note unknown keys. Kept here, as every read of one asks: a look elsewhere takes 5 % longer."""
        self._is_curious = is_curious

    def __enter__(self) -> SoasapClientImpl:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<soasap client, {self._vitals.state}, {len(self._store.known().flags)} flags>"
