"""
A client for tests: its flags are what the test says, and nothing runs in the background.

>>> from soasap.testing import InMemoryClient
>>> flags = InMemoryClient({"new-checkout": True})
>>> flags.get_bool("new-checkout")
True
>>> with flags.override({"new-checkout": False}):
...     flags.get_bool("new-checkout")
False

It is a `soasap.SoasapClientImpl` whose memory is filled by hand. Reads run the very same code, so what a test sees is
what the application gets. The pytest plugin, `soasap.pytest_plugin`, has a fresh one for each test.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from contextvars import ContextVar
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, cast

from soasap._runtime.callbacks import Callbacks
from soasap._runtime.listeners import Listeners
from soasap._runtime.misreads import Misreads
from soasap._runtime.vitals import Vitals
from soasap._runtime.watchers import Watchers
from soasap._sansio.initial_flags import parse_initial_flags
from soasap._sansio.snapshot import FlagSnapshot
from soasap.client import SoasapClientImpl
from soasap.types import ClientStatus, SoasapUpdateHandler

if TYPE_CHECKING:
    from soasap._runtime.store import SnapshotStore

__all__ = ["InMemoryClient"]


class InMemoryClient(SoasapClientImpl):
    """
    All of a client, over flags that a test sets.

    It is live and ready from the first moment: it connects to nothing, touches no file and starts no thread. Values are
    taken as the wire would bring them: copied, a tuple as a list, an integer beyond 64 bits as a float.

    Safe from any thread, greenlet and asyncio task, as the real one. What is `set` or `remove`d is so for all of them;
    what is `override`n, only in the context that does it.

    Args:
        flags: Flag key to value, as JSON has it.

    Raises:
        TypeError: A key is no string, or a value is nothing that JSON has.
        ValueError: NaN, an infinity, or text that UTF-8 cannot carry.
    """

    def __init__(self, flags: Mapping[str, Any] | None = None) -> None:
        self._memory = _Memory(_parse(flags or {}))
        self._store = cast("SnapshotStore", self._memory)  # which has what reads and listeners need of one
        self._changing = threading.RLock()  # around a change, never around a call of the application's code
        self._listeners = Listeners(self._store, Callbacks())
        self._misreads = Misreads()
        self._watchers = Watchers(Callbacks())
        self._is_curious = False
        self._vitals = Vitals()
        self._vitals.state = "live"
        self._vitals.connected_since = datetime.now(timezone.utc)
        self._vitals.events = self._vitals.connects = 1

    def set(self, flag_key: str, value: Any) -> None:
        """
        Change a flag, or add it, for everybody. Subscribers are called before this returns.

        Raises:
            TypeError, ValueError: As the constructor.
        """
        flag = _parse({flag_key: value})
        self._change(lambda flags: {**flags, **flag})

    def remove(self, flag_key: str) -> None:
        """Take a flag away, if it is there, for everybody. Subscribers are called before this returns."""
        self._change(lambda flags: {key: value for key, value in flags.items() if key != flag_key})

    def override(
        self, flags: Mapping[str, Any] | None = None, /, **named: Any
    ) -> AbstractContextManager[InMemoryClient]:
        """
        Give flags other values for a while, here and nowhere else: `with flags.override(beta=True):`.

        "Here" is the current context (see `contextvars`): this thread, greenlet or asyncio task, and what inherits its
        context, as asyncio tasks and `asyncio.to_thread` do. Threads and greenlets that are started inside see what is
        set and not what is overridden: use `set` for them, or start them with `contextvars.copy_context().run`.

        Overrides nest, the innermost wins, and each takes away its own. They are no changes of flags: subscribers do
        not hear of them.

        Args:
            flags: Flag key to value, for keys that are no names in Python: `{"new-checkout": True}`. A flag whose value
                is `None` reads as if it were missing.
            named: More of them, each key as it is written: `new_checkout` is not `new-checkout`.

        Raises:
            TypeError, ValueError: As the constructor.
        """
        return _Override(self, self._memory, _parse({**(flags or {}), **named}))

    def all_flags(self) -> dict[str, Any]:
        """All flags as they are here and now, by key, in a tree of your own."""
        return self._memory.snapshot.copy()

    def subscribe(self, callback: SoasapUpdateHandler) -> Callable[[], None]:
        """As `SoasapClientImpl.subscribe`; but the calls are made by `set` and `remove`, before they return."""
        return self._listeners.add(callback)

    def wait_ready(self, timeout: float | None = None) -> bool:
        """Whether the client is open. Never waits."""
        return self._vitals.state == "live"

    def status(self) -> ClientStatus:
        """As of a client that has just heard from its service: `live`, its flags from the stream, backend `memory`."""
        vitals = self._vitals
        received_at = self._memory.shared.received_at or 0.0
        return ClientStatus(
            state=vitals.state,
            source="stream",
            age=0.0,
            snapshot_age=max(0.0, time.time() - received_at),
            last_error=None,
            backend="memory",
            pid=os.getpid(),
            connected_since=vitals.connected_since,
            events=vitals.events,
            connects=vitals.connects,
            errors=0,
            hint="",
        )

    def close(self, timeout: float = 5.0) -> None:
        """Be closed: reads go on answering, subscribers hear no more. Idempotent, and never waits."""
        self._vitals.state = "closed"
        self._vitals.connected_since = None

    def __enter__(self) -> InMemoryClient:
        return self

    def _change(self, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        with self._changing:
            self._memory.shared = _snapshot(change(self._memory.shared.flags))
            self._vitals.events += 1
        if self._vitals.state == "live":
            self._listeners.tell()


def _parse(flags: Mapping[str, Any]) -> dict[str, Any]:
    """Flags as the wire would bring them."""
    return parse_initial_flags(flags, "flags").flags


def _snapshot(flags: dict[str, Any]) -> FlagSnapshot:
    return FlagSnapshot(flags, b"", "stream", time.time())


class _Memory:
    """
    In the place of a `SnapshotStore`.

    Attributes:
        shared: What is set, for everybody.
    """

    def __init__(self, flags: dict[str, Any]) -> None:
        self.shared = _snapshot(flags)

    def known(self) -> FlagSnapshot:
        """What listeners are told of."""
        return self.shared

    @property
    def snapshot(self) -> FlagSnapshot:
        """What the reader sees: in its context flags may be overridden."""
        snapshot = self.shared
        for override in _overrides.get():
            if override.memory is self:
                snapshot = _snapshot({**snapshot.flags, **override.flags})
        return snapshot


class _Override:
    """
    Flags that one context sees in another way.

    Not made by `contextlib.contextmanager`: that would serve as a decorator too, and around an `async` function it ends
    before the function has begun.
    """

    def __init__(self, client: InMemoryClient, memory: _Memory, flags: dict[str, Any]) -> None:
        self._client = client
        self.memory = memory
        self.flags = flags

    def __enter__(self) -> InMemoryClient:
        _overrides.set((*_overrides.get(), self))
        return self._client

    def __exit__(self, *exception: object) -> None:
        # By hand and not by a token: an async fixture may be ended in another context than it was begun in.
        inside = list(_overrides.get())
        for place in reversed(range(len(inside))):
            if inside[place] is self:
                del inside[place]
                break
        _overrides.set(tuple(inside))


_overrides: ContextVar[tuple[_Override, ...]] = ContextVar("soasap.testing.overrides", default=())
"""The outermost first."""
