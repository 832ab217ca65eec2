"""
The words everybody uses: options, errors as they are reported, status, and the client as a protocol.

Nothing here does anything. Importing it costs dataclasses, enum, typing and datetime. What release 1.0.3 did not have
is a named tuple where it can be: a frozen dataclass takes four times as long to make.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from enum import Enum
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, TypeAlias, TypeVar

if TYPE_CHECKING:
    from ssl import SSLContext

    from soasap.protocols import ConcurrencyBackend, SnapshotCache

__all__ = [
    "BackendChoice",
    "ClientState",
    "ClientStatus",
    "FlagChange",
    "SnapshotSource",
    "SoasapClient",
    "SoasapClientOptions",
    "SoasapErrorContext",
    "SoasapErrorHandler",
    "SoasapErrorSource",
    "SoasapUpdateHandler",
    "create_error_context",
]

T = TypeVar("T")

BackendChoice: TypeAlias = "Literal['auto', 'threads', 'gevent', 'eventlet'] | Callable[[], ConcurrencyBackend]"
"""A backend by name, or a zero-argument callable that makes one."""

ClientState: TypeAlias = Literal["idle", "connecting", "live", "stale", "closed"]
"""`idle`: nothing runs in this process. `stale`: there was a stream and it is lost for now."""

SnapshotSource: TypeAlias = Literal["none", "initial", "disk", "stream"]
"""Where the current snapshot came from."""


class SoasapErrorSource(str, Enum):
    """The part of the client that reported a background error."""

    NETWORK = "network"
    DISK = "disk"
    PARSER = "parser"


@dataclass(frozen=True)
class SoasapErrorContext:
    """
    One background error, as `on_error` gets it.

    Attributes:
        exception: The error; of the tree in `soasap.exceptions`, or what an `http_opener` raised.
        source: The part that reported it.
        is_transient: Whether trying again may help without anybody changing anything.
        timestamp: When, in UTC (aware).
    """

    exception: BaseException
    source: SoasapErrorSource
    is_transient: bool
    timestamp: datetime


SoasapErrorHandler: TypeAlias = Callable[[SoasapErrorContext], None]
"""Called with each report, on a task of its own: it may block, raise, or call any method of the client."""


class FlagChange(NamedTuple):
    """
    One flag that has changed: a named tuple, so `old, new = change` will do.

    Attributes:
        old, new: Its value as JSON has it; `None` if there was, or is, no such flag, or a null.
    """

    old: Any
    new: Any


SoasapUpdateHandler: TypeAlias = "Callable[[Mapping[str, FlagChange]], None]"
"""
Called with the flags that have changed, by key, on a task of its own: it may block, raise, or call any method of the
client. Changes that come meanwhile are one call. The values are its own.
"""


@dataclass
class SoasapClientOptions:
    """
    Options of `soasap.create_soasap_client`; the first five as in release 1.0.3, the rest keyword-only.

    Attributes:
        api_key: The key of one environment. A final newline, as files have it, is stripped.
        base_url: Scheme `http` or `https`, host, and if needed port and path. Empty means the default.
        preload: Start the background work in the constructor instead of at the first read.
        cache_directory: Where the snapshot file lives; by platform if not given.
        on_error: Called with each background error.
        backend: `"auto"` looks at what is monkey-patched, at the first start in each process. `"eventlet"`, asked for
            by name, is deprecated.
        connect_timeout: Seconds to connect, TLS handshake included.
        response_timeout: Seconds from the request sent to the end of the response head.
        read_timeout: Seconds of silence on an open stream after which it counts as dead.
        proxy: A URL; `None` reads `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`; `""` means no proxy.
        ca_file: A PEM file with the authorities to trust instead of the system's.
        client_cert: A PEM file with certificate and key, or the pair `(certificate, key)`.
        ssl_context: A ready `ssl.SSLContext` instead of `ca_file` and `client_cert`.
        cache: `"disk"`, `None` for memory only, or an object that keeps `soasap.protocols.SnapshotCache`.
        initial_flags: Flag key to value, used until the cache or the stream has something. Copied.
        on_update: Called with each change of flags; see `soasap.SoasapClientImpl.subscribe`.
    """

    api_key: str = field(repr=False)
    base_url: str = "https://api.soasap.com"
    preload: bool = False
    cache_directory: str | None = None
    on_error: SoasapErrorHandler | None = None
    backend: BackendChoice = field(default="auto", kw_only=True)
    connect_timeout: float = field(default=10.0, kw_only=True)
    response_timeout: float = field(default=15.0, kw_only=True)
    read_timeout: float = field(default=300.0, kw_only=True)
    proxy: str | None = field(default=None, kw_only=True, repr=False)
    ca_file: str | None = field(default=None, kw_only=True)
    client_cert: str | tuple[str, str] | None = field(default=None, kw_only=True)
    ssl_context: SSLContext | None = field(default=None, kw_only=True, repr=False)
    cache: Literal["disk"] | SnapshotCache | None = field(default="disk", kw_only=True, repr=False)
    initial_flags: Mapping[str, Any] | None = field(default=None, kw_only=True, repr=False)
    on_update: SoasapUpdateHandler | None = field(default=None, kw_only=True)


class SoasapClient(Protocol):
    """
    The client as an application sees it: five typed reads and `close`.

    Exactly the surface of release 1.0.3, so that fakes written against it stay valid. Everything newer is on
    `soasap.SoasapClientImpl`.
    """

    def get_bool(self, flag_key: str, default_value: bool = False) -> bool: ...

    def get_number(self, flag_key: str, default_value: float = 0) -> float: ...

    def get_string(self, flag_key: str, default_value: str = "") -> str: ...

    def get_json(self, flag_key: str, default_value: T | None = None) -> T | None: ...

    def get_flag(self, flag_key: str, default_value: bool = False) -> bool: ...

    def close(self, timeout: float = 5.0) -> None: ...


class ClientStatus(NamedTuple):
    """
    The client in this process, at the moment of asking. A named tuple: `_asdict()` for a health endpoint.

    Attributes:
        state: See `ClientState`.
        source: Where the current snapshot came from.
        age: Seconds since the stream last showed life (an event or a comment); `None` if it never did.
        snapshot_age: Seconds since the current snapshot was received, by whichever process received it;
            `None` if there is none, or if its cache does not tell.
        last_error: The newest report, `None` if there was none.
        backend: Name of the concurrency backend; empty while nothing runs.
        pid: The process that this speaks of.
        connected_since: When the current stream opened, in UTC (aware); `None` without one.
        events: Events received, accepted or not.
        connects: Streams opened.
        errors: Errors reported, those left out of `on_error` included.
        hint: Why nothing runs here, when nothing can; or that an open stream brings nothing; empty otherwise.
    """

    state: ClientState
    source: SnapshotSource
    age: float | None
    snapshot_age: float | None
    last_error: SoasapErrorContext | None
    backend: str
    pid: int
    connected_since: datetime | None
    events: int
    connects: int
    errors: int
    hint: str


def create_error_context(
    exception: BaseException,
    source: SoasapErrorSource,
    is_transient: bool,
) -> SoasapErrorContext:
    """An error context with the present time."""
    return SoasapErrorContext(
        exception=exception,
        source=source,
        is_transient=is_transient,
        timestamp=datetime.now(timezone.utc),
    )
