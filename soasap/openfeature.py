"""
soasap behind the OpenFeature API.

>>> from openfeature import api
>>> from soasap import SoasapClientOptions
>>> from soasap.openfeature import SoasapProvider
>>> api.set_provider(SoasapProvider(SoasapClientOptions(api_key="...")))
>>> api.get_client().get_boolean_value("new-checkout", False)
False

Comes with the extra `soasap[openfeature]`. There is no targeting: the evaluation context is taken and not looked at.

**Green processes.** OpenFeature makes a pool of threads for event handlers when it is imported. Import it (and so this
module) after monkey-patching: in a process that is patched later the first event that has a handler stops the whole
event loop. Reads are not concerned.

**Forks.** Reads and the provider's status are right in every child: its first read opens a stream of its own. But that
pool does not survive a fork: if a handler has run in the parent, handlers in the child may run late or never. A child
that needs them sets the provider, and adds them, itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from soasap.client import MAX_EXACT, SoasapClientImpl
from soasap.exceptions import SoasapError
from soasap.types import ClientStatus, FlagChange, SnapshotSource, SoasapClientOptions

try:
    from openfeature.evaluation_context import EvaluationContext
    from openfeature.event import ProviderEvent, ProviderEventDetails
    from openfeature.exception import ErrorCode, ProviderNotReadyError
    from openfeature.flag_evaluation import FlagResolutionDetails, FlagValueType, Reason
    from openfeature.hook import Hook
    from openfeature.provider import FeatureProvider, Metadata
    from openfeature.track import TrackingEventDetails
except ImportError as _error:
    raise ImportError('soasap.openfeature needs the OpenFeature SDK: pip install "soasap[openfeature]"') from _error

if TYPE_CHECKING:
    # What the SDK's base class does is written out below, so type checkers need none; `pyright --verifytypes` does not
    # find this one, in a package of a package that has no __init__.py.
    _Base = object
else:
    from openfeature.provider import AbstractProvider as _Base

__all__ = ["SoasapProvider"]

V = TypeVar("V")

_MISSING: Any = object()

_REASONS: dict[SnapshotSource, Reason] = {
    "stream": Reason.STATIC,
    "disk": Reason.CACHED,
    "initial": Reason.DEFAULT,
    "none": Reason.DEFAULT,
}


class SoasapProvider(_Base):
    """
    An OpenFeature provider that answers from the memory of a soasap client.

    **Values.** Types are exact: `true` is no number, `1` is no boolean. Numbers are converted if nothing is lost:
    `10.0` as an integer, an integer as a float; not `0.5` as an integer, nor an integer that no float equals. Objects
    and arrays are the caller's own. Whatever does not fit gives the default with the error code `TYPE_MISMATCH`, a key
    that was never sent (or is null) `FLAG_NOT_FOUND`, or `PROVIDER_NOT_READY` as long as nothing was ever sent. Nothing
    is raised.

    **Reasons.** `STATIC` for a flag from the stream, `CACHED` from the disk cache, `DEFAULT` from `initial_flags`,
    `ERROR` where the default stands in.

    **Events.** `PROVIDER_READY` when the stream has brought flags, `PROVIDER_STALE` when it is lost or cannot be had,
    `PROVIDER_ERROR` if there are no flags at all when `initialize` ends, `PROVIDER_CONFIGURATION_CHANGED` with the keys
    that have changed. They are sent from the client's callback task.

    Resolving is safe from any thread, greenlet and asyncio task, and never waits. Two providers are equal only if they
    are the same, and each can be a key of a dictionary.

    Args:
        client: A client of the application's own, which stays open when the provider shuts down; or options, for a
            client that the provider makes, closes, and makes anew if it is initialized again.
        ready_timeout: Seconds that `initialize` waits for the first flags, at most.

    Raises:
        TypeError, ValueError: An argument, or an option, is wrong; the message names it.
    """

    def __init__(self, client: SoasapClientImpl | SoasapClientOptions, *, ready_timeout: float = 5.0) -> None:
        if isinstance(ready_timeout, bool) or not isinstance(ready_timeout, (int, float)):
            raise TypeError(f"ready_timeout must be a number of seconds, not {ready_timeout!r:.80}")
        if not (math.isfinite(ready_timeout) and ready_timeout >= 0):
            raise ValueError(f"ready_timeout must be 0 seconds or more and finite, not {ready_timeout!r}")
        if isinstance(client, SoasapClientOptions):
            self._options: SoasapClientOptions | None = client
            client = SoasapClientImpl(client)
        elif isinstance(client, SoasapClientImpl):
            self._options = None
        else:
            raise TypeError(f"client must be a soasap client or SoasapClientOptions, not {type(client).__name__}")
        self._client = client
        self._is_spent = False
        self._ready_timeout = ready_timeout
        self._session: _Session | None = None
        self._send: Callable[[FeatureProvider, ProviderEvent, ProviderEventDetails], None] | None = None

    # --- life

    def get_metadata(self) -> Metadata:
        """The provider's name, `soasap`."""
        return Metadata(name="soasap")

    def get_provider_hooks(self) -> list[Hook]:
        """None."""
        return []

    def attach(self, on_emit: Callable[[FeatureProvider, ProviderEvent, ProviderEventDetails], None]) -> None:
        """Send events there from now on. Called by the SDK."""
        self._send = on_emit

    def detach(self) -> None:
        """Send no more events. Called by the SDK."""
        self._send = None

    def initialize(self, evaluation_context: EvaluationContext) -> None:
        """
        Start the client's work, and wait for the first flags, at most `ready_timeout` seconds.

        Returns early with the first flags of the stream, and in time with those of the disk cache or `initial_flags`,
        if there are any. Safe to be called again, after `shutdown` too.

        Raises:
            ProviderNotReadyError: There are no flags. They may still come: then the provider gets ready by itself.
        """
        session = self._session
        if session is None:
            if self._options is not None and self._is_spent:
                self._client, self._is_spent = SoasapClientImpl(self._options), False
            session = self._session = _Session(self._client)
        client = session.client
        client.wait_ready(self._ready_timeout)
        if session is not self._session:
            raise ProviderNotReadyError("shut down while it was initialized")
        if not session.ends:
            session.ends = [
                client._watchers.add(lambda: self._look(session)),
                client.subscribe(lambda changes: self._tell(session, changes)),
            ]
        status = client.status()  # after the watcher was added: nothing can come unseen
        if status.state == "closed":
            raise ProviderNotReadyError("the client is closed")
        if status.source == "none":
            session.said = ProviderEvent.PROVIDER_ERROR
            raise ProviderNotReadyError(f"no flags within {self._ready_timeout:g} seconds{_why(status)}")
        session.said = ProviderEvent.PROVIDER_READY

    def shutdown(self) -> None:
        """
        Stop sending events, and close the client if the provider made it.

        Idempotent, and prompt: see `soasap.SoasapClientImpl.close`. Until it is initialized again, the provider
        resolves to defaults.
        """
        session, self._session = self._session, None
        if session is not None:
            for end in session.ends:
                end()
        if self._options is not None:
            self._is_spent = True
            self._client.close()

    def track(
        self,
        tracking_event_name: str,
        evaluation_context: EvaluationContext | None = None,
        tracking_event_details: TrackingEventDetails | None = None,
    ) -> None:
        """Nothing: soasap sends nothing about its users."""

    # --- values

    def resolve_boolean_details(
        self, flag_key: str, default_value: bool, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[bool]:
        """The flag if it is true or false."""
        return self._resolve(flag_key, default_value, "get_bool", "a boolean")

    def resolve_string_details(
        self, flag_key: str, default_value: str, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[str]:
        """The flag if it is a string."""
        return self._resolve(flag_key, default_value, "get_string", "a string")

    def resolve_integer_details(
        self, flag_key: str, default_value: int, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[int]:
        """The flag if it is an integer, or a float that equals one within +-2**53."""
        return self._resolve(flag_key, default_value, "get_int", "an integer")

    def resolve_float_details(
        self, flag_key: str, default_value: float, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[float]:
        """The flag if it is a float, or an integer that a float equals."""
        details = self._resolve(flag_key, default_value, "get_number", "a float")
        if details.error_code is None and abs(details.value) >= MAX_EXACT:
            stored = _stored(self._client, flag_key)
            if type(stored) is int and stored != details.value:
                return _mismatch(flag_key, default_value, "a float")
        return details

    def resolve_object_details(
        self,
        flag_key: str,
        default_value: Sequence[FlagValueType] | Mapping[str, FlagValueType],
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[Sequence[FlagValueType] | Mapping[str, FlagValueType]]:
        """The flag if it is an object or an array: a dict or list of the caller's own."""
        return self._resolve(flag_key, default_value, "get_json", "an object or an array")

    async def resolve_boolean_details_async(
        self, flag_key: str, default_value: bool, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[bool]:
        """The same: it does not wait."""
        return self.resolve_boolean_details(flag_key, default_value, evaluation_context)

    async def resolve_string_details_async(
        self, flag_key: str, default_value: str, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[str]:
        """The same: it does not wait."""
        return self.resolve_string_details(flag_key, default_value, evaluation_context)

    async def resolve_integer_details_async(
        self, flag_key: str, default_value: int, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[int]:
        """The same: it does not wait."""
        return self.resolve_integer_details(flag_key, default_value, evaluation_context)

    async def resolve_float_details_async(
        self, flag_key: str, default_value: float, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[float]:
        """The same: it does not wait."""
        return self.resolve_float_details(flag_key, default_value, evaluation_context)

    async def resolve_object_details_async(
        self,
        flag_key: str,
        default_value: Sequence[FlagValueType] | Mapping[str, FlagValueType],
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[Sequence[FlagValueType] | Mapping[str, FlagValueType]]:
        """The same: it does not wait."""
        return self.resolve_object_details(flag_key, default_value, evaluation_context)

    # ---

    def _resolve(self, key: str, default: V, getter: str, asked: str) -> FlagResolutionDetails[V]:
        session = self._session
        if session is None:
            return _failure(default, ErrorCode.PROVIDER_NOT_READY, "the provider is not initialized")
        client = session.client
        read = getattr(client, getter)
        value = read(key, _MISSING)
        stored: Any = None
        while value is _MISSING:
            looked_at = client._store.known()
            stored = _stored(client, key)
            value = read(key, _MISSING)
            if client._store.known() is looked_at:
                break  # else the flags have changed meanwhile, and the three do not fit together
        source = client._store.known().source
        if value is not _MISSING:
            return FlagResolutionDetails(value=value, reason=_REASONS[source])
        if stored is not None:
            return _mismatch(key, default, asked)
        if source == "none":
            return _failure(default, ErrorCode.PROVIDER_NOT_READY, "no flags have come yet")
        return _failure(default, ErrorCode.FLAG_NOT_FOUND, f"there is no flag {key!r}")

    def _look(self, session: _Session) -> None:
        """The connection, or what it brought, may be another than before."""
        said = session.said
        if session is not self._session or said is None:
            return
        status = session.client.status()
        if status.state == "live" and status.source == "stream":
            wanted, details = ProviderEvent.PROVIDER_READY, ProviderEventDetails()
        elif said is ProviderEvent.PROVIDER_ERROR:
            return  # there was nothing that could be stale
        else:
            wanted = ProviderEvent.PROVIDER_STALE
            details = ProviderEventDetails(message=f"the stream is lost for now{_why(status)}")
        if wanted is not said:
            session.said = wanted
            self._emit(wanted, details)

    def _tell(self, session: _Session, changes: Mapping[str, FlagChange]) -> None:
        if session is self._session:
            details = ProviderEventDetails(flags_changed=list(changes))
            self._emit(ProviderEvent.PROVIDER_CONFIGURATION_CHANGED, details)

    def _emit(self, event: ProviderEvent, details: ProviderEventDetails) -> None:
        send = self._send
        if send is not None:
            send(self, event, details)


class _Session:
    """
    From one `initialize` to the next `shutdown`.

    Attributes:
        client: Whom to ask from `initialize` to `shutdown`.
        said: What the application was told last, or is about to be told by the SDK: ready, stale or in error.
        ends: Call these to hear no more of the client.
    """

    def __init__(self, client: SoasapClientImpl) -> None:
        self.client = client
        self.said: ProviderEvent | None = None
        self.ends: list[Callable[[], None]] = []


def _stored(client: SoasapClientImpl, key: Any) -> Any:
    """What the client has under this key, shared: look, and change nothing. `None` if that is nothing."""
    try:
        return client._store.snapshot.flags.get(key)
    except Exception:
        return None


def _mismatch(key: str, default: V, asked: str) -> FlagResolutionDetails[V]:
    return _failure(default, ErrorCode.TYPE_MISMATCH, f"the flag {key!r} is not {asked}")


def _failure(default: V, code: ErrorCode, message: str) -> FlagResolutionDetails[V]:
    return FlagResolutionDetails(value=default, reason=Reason.ERROR, error_code=code, error_message=message)


def _why(status: ClientStatus) -> str:
    """The reason that the client knows, as the end of a sentence. Of foreign errors the kind only: they may quote."""
    if status.hint:
        return f": {status.hint}"
    if status.last_error is None:
        return ""
    error = status.last_error.exception
    return f": {error}" if isinstance(error, SoasapError) else f": {type(error).__name__}"
