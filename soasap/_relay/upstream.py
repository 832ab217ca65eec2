"""Our own client as a source of payloads: opened when this relay is to stream, closed when another one does."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import gevent

from soasap.client import SoasapClientImpl
from soasap.exceptions import SoasapError
from soasap.types import ClientStatus, SoasapClientOptions

if TYPE_CHECKING:
    from soasap._runtime.run import Run
    from soasap._sansio.snapshot import FlagSnapshot

__all__ = ["Upstream"]

REFUSALS = {401, 403, 404, 410}
"""What the service answers to a key that it does not know."""


class Upstream:
    """
    One environment's stream from the flag service, on the hub of whoever opens it.

    Args:
        options: Of the client; its backend must be `gevent`.
        on_payload: Called with each payload that came over the stream, by the stream's own task: it must neither block
            nor raise.
    """

    def __init__(self, options: SoasapClientOptions, on_payload: Callable[[bytes], None]) -> None:
        self._options = options
        self._on_payload = on_payload
        self._client: SoasapClientImpl | None = None

    @property
    def is_open(self) -> bool:
        return self._client is not None

    @property
    def is_live(self) -> bool:
        """Whether a stream is open and `payload` is what the service says now."""
        client = self._client
        return client is not None and client._vitals.state == "live" and client._vitals.owed_since is None

    @property
    def payload(self) -> bytes | None:
        """The newest payload of the stream; `None` if none has come since `open`."""
        snapshot = self._client._store.known() if self._client is not None else None
        return snapshot.payload if snapshot is not None and snapshot.source == "stream" else None

    @property
    def kept(self) -> bytes | None:
        """What the disk had at `open`, or has come since; `None` if there is nothing."""
        snapshot = self._client._store.known() if self._client is not None else None
        return snapshot.payload if snapshot is not None and snapshot.payload else None

    @property
    def age(self) -> float:
        """Seconds since the stream, or the last one, showed life; 0 if none did."""
        status = self.status()
        return (status.age if status is not None else None) or 0.0

    @property
    def is_refused(self) -> bool:
        """Whether the service does not know this key."""
        status = self.status()
        error = status.last_error.exception if status is not None and status.last_error is not None else None
        return status is not None and status.state != "live" and getattr(error, "status", None) in REFUSALS

    @property
    def is_told_to_wait(self) -> bool:
        """Whether the service has said how long to wait, which holds for whoever asks with this key."""
        status = self.status()
        error = status.last_error.exception if status is not None and status.last_error is not None else None
        return status is not None and status.state != "live" and getattr(error, "retry_after", 0.0) > 0

    def status(self) -> ClientStatus | None:
        """The client's; `None` while it is closed."""
        return self._client.status() if self._client is not None else None

    def open(self) -> None:
        """Start to stream. Nothing if it does already."""
        if self._client is not None:
            return
        client = self._client = SoasapClientImpl(self._options)

        def sink(run: Run, previous: FlagSnapshot, current: FlagSnapshot) -> None:
            if current.source == "stream" and self._client is client:  # a client that is closing is not asked any more
                self._on_payload(current.payload)

        client._store.sinks.append(sink)
        client.status()  # starts it

    def close(self) -> gevent.Greenlet[[], None] | None:
        """
        End the stream. The disk gets what it does not have yet.

        Returns:
            What waits for that, for whoever wants to wait too; `None` if there was nothing to end.
        """
        client, self._client = self._client, None
        return gevent.spawn(client.close) if client is not None else None

    def trouble(self) -> str:
        """Why it is not live, in plain words; empty if it is, or if nothing is known."""
        status = self.status()
        if status is None or status.state == "live" or status.last_error is None:
            return ""
        error = status.last_error.exception
        return str(error) if isinstance(error, SoasapError) else type(error).__name__
