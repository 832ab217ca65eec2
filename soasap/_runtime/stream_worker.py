"""
Keeps one stream open: connect, listen, lose it, wait, again - until the run is over.

Bytes go from the transport to the decoder unseen, events become snapshots, snapshots go to the store. What goes wrong
goes to the reporter, and the backoff says how long to wait.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone

from soasap._runtime.misreads import Misreads
from soasap._runtime.reporter import Reporter
from soasap._runtime.run import Run
from soasap._runtime.store import SnapshotStore
from soasap._runtime.vitals import HELD_BACK, Vitals
from soasap._runtime.watchers import Watchers
from soasap._sansio.backoff import FULL_HEALTH, Backoff
from soasap._sansio.snapshot import FlagSnapshot, parse_snapshot
from soasap._sansio.sse import ServerSentEvent, SseDecoder
from soasap.exceptions import ConnectionFailed, InvalidPayload, NetworkError, PayloadTooLarge
from soasap.protocols import ByteStream, Transport
from soasap.types import SoasapErrorSource

__all__ = ["StreamWorker"]

READS_PER_BREATH = 8
"""A flood of ready data would hold a green hub (157 ms measured): others run after so many reads, and after events."""

CUT_OFF = "the stream ended inside an event"

LARGE_PAYLOAD = 64 * 1024
"""Bytes from which parsing and freeing are kept apart by a breath: each is a stall of its own."""


@dataclass(kw_only=True)
class StreamWorker:
    """
    The task that streams.

    Attributes:
        run: The run it belongs to.
        transport: Opens streams.
        store: Gets the snapshots.
        reporter: Gets the errors.
        vitals: Gets counters and times.
        prepare: Called once, before the first connection.
        misreads: Has what reads have noted.
        watchers: Told when the state of the connection may have changed.
        is_outdated: Whether the process has changed so that this run's backend no longer fits; asked between streams.
        clock: Monotonic seconds.
        wall_clock: Seconds since the epoch.
        roll: A random number in [0, 1), different in every process.
    """

    run: Run
    transport: Transport
    store: SnapshotStore
    reporter: Reporter
    vitals: Vitals
    prepare: Callable[[], None]
    misreads: Misreads
    watchers: Watchers
    is_outdated: Callable[[], bool]
    clock: Callable[[], float]
    wall_clock: Callable[[], float]
    roll: Callable[[], float]
    _backoff: Backoff = field(default_factory=Backoff, init=False)

    def __call__(self) -> None:
        try:
            self.prepare()
            while not self.run.over() and not self.is_outdated():
                self.run.stop.wait(self._attempt())
        finally:
            if not self.run.dead:  # in a forked child the descriptors are not ours to close
                self.transport.close()

    def _attempt(self) -> float:
        """Live through one connection; seconds to wait before the next."""
        try:
            stream = self.transport.open()
        except Exception as error:
            return self._after_failure(error)
        opened = self.clock()
        delivered = False
        try:
            if not self.run.over():
                self._note_open()
                delivered = self._listen(stream)
        finally:
            if not self.run.dead:
                stream.close()
        return self._after_stream(self.clock() - opened, delivered)

    def _listen(self, stream: ByteStream) -> bool:
        """Take in what the stream brings, until it ends; whether it delivered a snapshot."""
        decoder = SseDecoder()
        delivered = False
        reads = 0
        while True:
            try:
                chunk = stream.read()
            except Exception as error:
                if not self.run.over():
                    self.reporter.report(error, SoasapErrorSource.NETWORK)
                return delivered
            if self.run.over():  # what arrives after close or fork is not ours
                return delivered
            if not chunk:
                if decoder.is_inside_event:  # else it may end at any time
                    self.reporter.report(ConnectionFailed(CUT_OFF), SoasapErrorSource.NETWORK)
                return delivered
            self.vitals.last_life = self.clock()
            events = decoder.feed(chunk)
            for event in events:
                delivered |= self._take(event)
            if decoder.retry is not None:
                self._backoff.suggest(decoder.retry)
            self.misreads.tell(self.store.known().flags)
            reads += 1
            if events or reads % READS_PER_BREATH == 0:
                self.run.breathe()

    def _take(self, event: ServerSentEvent | InvalidPayload | PayloadTooLarge) -> bool:
        """Take in one event; whether it brought a snapshot. Blank data is nothing at all."""
        if isinstance(event, ServerSentEvent) and (not event.data or event.data.isspace()):
            return False
        self.vitals.events += 1
        try:
            if not isinstance(event, ServerSentEvent):
                raise event
            snapshot = self._snapshot_of(event.data)
        except (InvalidPayload, PayloadTooLarge) as error:
            self.vitals.owed_since = None
            self.reporter.report(error, SoasapErrorSource.PARSER)
            return False
        large = snapshot is not None and len(event.data) >= LARGE_PAYLOAD
        if large:
            self.run.breathe()
        # Together with the snapshot: until here, what is known is not what the service says.
        self.vitals.owed_since = None
        if snapshot is not None:
            previous = self.store.publish(self.run, snapshot)
            if large:
                self.run.breathe()
            del previous  # freeing a hundred thousand objects is a stall too: after others had their turn
        self.reporter.recovered(SoasapErrorSource.PARSER)
        return True

    def _snapshot_of(self, payload: bytes) -> FlagSnapshot | None:
        """A new snapshot; `None` if the current one came from the stream with these very bytes."""
        known = self.store.known()
        if payload == known.payload and known.source in ("disk", "stream"):
            return None if known.source == "stream" and self.run.ready.is_set() else self._confirmed(known)
        return parse_snapshot(payload, source="stream", received_at=self.wall_clock())

    def _confirmed(self, known: FlagSnapshot) -> FlagSnapshot:
        return known.with_origin("stream", self.wall_clock())

    def _note_open(self) -> None:
        self.vitals.connects += 1
        self.vitals.last_life = self.vitals.owed_since = self.clock()
        self.vitals.connected_since = datetime.now(timezone.utc)
        self.vitals.note("open")
        self.watchers(self.run)
        self.reporter.info("soasap: connected")

    def _after_failure(self, error: Exception) -> float:
        if self.run.over():
            return 0.0
        self.vitals.note("lost")
        self.reporter.report(error, SoasapErrorSource.NETWORK)
        self.watchers(self.run)
        is_refusal, retry_after = False, 0.0
        if isinstance(error, NetworkError):
            is_refusal, retry_after = error.is_refusal, error.retry_after
        return self._backoff.after_failure(is_refusal=is_refusal, retry_after=retry_after, roll=self.roll())

    def _after_stream(self, lived: float, delivered: bool) -> float:
        if self.run.over():
            return 0.0
        if self.vitals.is_held_back(self.clock()):
            self.reporter.warn_once(HELD_BACK)
        self.vitals.owed_since = None
        self.vitals.connected_since = None
        self.vitals.note("lost")
        self.watchers(self.run)
        self.reporter.info("soasap: disconnected after %.1f s", lived)
        if delivered and lived >= FULL_HEALTH:
            self.reporter.recovered(SoasapErrorSource.NETWORK)
        return self._backoff.after_stream(lived=lived, delivered=delivered, roll=self.roll())
