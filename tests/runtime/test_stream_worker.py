"""The stream worker: what it takes in, what it reports, and how long it waits - on a clock that is a number."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest

from soasap._runtime.run import Run
from soasap._runtime.stream_worker import LARGE_PAYLOAD, READS_PER_BREATH, StreamWorker
from soasap._runtime.vitals import HELD_BACK
from soasap._sansio.snapshot import FlagSnapshot
from soasap._sansio.sse import MAX_EVENT_BYTES
from soasap.exceptions import ConnectionFailed, InvalidPayload, PayloadTooLarge, UnexpectedAnswer
from soasap.types import SoasapErrorSource
from tests.runtime.fakes import FakeEvent, FakeStream, FakeTransport, World, snapshot

NETWORK, PARSER = SoasapErrorSource.NETWORK, SoasapErrorSource.PARSER


def ready(run: Run, previous: FlagSnapshot, current: FlagSnapshot) -> None:
    """The sink that `_compose` hangs on each store."""
    if current.source == "stream":
        run.ready.set()


class Streaming:
    """A worker, its transport, and the delays between its attempts."""

    def __init__(self, *openings: FakeStream | Exception, roll: float = 0.0) -> None:
        self.world = World()
        self.transport = FakeTransport(self.world.run, openings)
        self.world.run.transport = self.transport
        self.world.store.settle()
        self.world.store.sinks.append(ready)
        self.world.vitals.note("start")
        self.prepared: list[float] = []
        self.outdated = False
        self.worker = StreamWorker(
            run=self.world.run,
            transport=self.transport,
            store=self.world.store,
            reporter=self.world.reporter,
            vitals=self.world.vitals,
            misreads=self.world.misreads,
            watchers=self.world.watchers,
            prepare=lambda: self.prepared.append(self.world.clock.now),
            is_outdated=lambda: self.outdated,
            clock=self.world.clock,
            wall_clock=lambda: 1_700_000_000.0,
            roll=lambda: roll,
        )

    @property
    def stop(self) -> FakeEvent:
        assert isinstance(self.world.run.stop, FakeEvent)
        return self.world.run.stop

    def work(self) -> list[float]:
        """Live through all openings; the delays between attempts."""
        self.worker()
        opened = self.transport.opened_at
        return [round(later - earlier, 3) for earlier, later in pairwise(opened)]

    def lasting(self, seconds: float) -> Callable[[], None]:
        """A part of a stream that takes this long."""

        def last() -> None:
            self.world.clock.now += seconds

        return last


def event(payload: bytes) -> bytes:
    return b"data: " + payload + b"\n\n"


def test_events_become_snapshots() -> None:
    """However the bytes are cut, each event is counted, in order, with its payload and time of receipt."""
    seen: list[FlagSnapshot] = []
    streaming = Streaming(FakeStream(b'data: {"n"', b": 1}\n", b"\n", event(b'{"n": 2}') + event(b'{"n": 3}')))
    streaming.world.store.sinks.append(lambda run, previous, current: seen.append(current))
    streaming.work()

    assert [b'{"n": 1}', b'{"n": 2}', b'{"n": 3}'] == [each.payload for each in seen]
    assert {("stream", 1_700_000_000.0)} == {(each.source, each.received_at) for each in seen}
    assert (3, 1, 0) == (streaming.world.vitals.events, streaming.world.vitals.connects, streaming.world.vitals.errors)
    assert {"n": 3} == streaming.world.store.known().flags


def test_order_of_a_life() -> None:
    """Prepared once before the first attempt; each stream closed; the transport closed at the end."""
    streams = [FakeStream(event(b"{}")), FakeStream(event(b"{}"))]
    streaming = Streaming(*streams)
    streaming.work()

    assert [1000.0] == streaming.prepared
    assert [1, 1] == [stream.closed for stream in streams]
    assert ["wake", "close"] == streaming.transport.calls


def test_state_goes_with_the_stream() -> None:
    """Live while a stream is open, stale afterwards, with the moment it opened."""
    states: list[tuple[str, bool]] = []
    streaming = Streaming(
        FakeStream(lambda: states.append((vitals.state, vitals.connected_since is not None)), event(b"{}")),
        ConnectionFailed("down"),
    )
    vitals = streaming.world.vitals
    streaming.stop.on_wait = lambda timeout: states.append((vitals.state, vitals.connected_since is not None))
    streaming.work()

    assert ("live", True) == states[0]
    assert {("live", True)} == set(states[1:2])  # the breath after the event
    assert {("stale", False)} == set(states[2:])


def test_watchers_hear_of_each_turn() -> None:
    """A stream that opens, one that ends, and an attempt that fails are told, after the state and the report."""
    streaming = Streaming(FakeStream(event(b"{}")), ConnectionFailed("down"), FakeStream())
    world = streaming.world
    seen: list[tuple[str, int]] = []
    make_calls = world.callbacks.post_once

    def post_once(call: Callable[[], None]) -> None:
        make_calls(call)
        world.reported()  # at once, so that nothing is coalesced

    world.callbacks.post_once = post_once  # type: ignore[method-assign]
    world.watchers.add(lambda: seen.append((world.vitals.state, world.vitals.errors)))
    streaming.work()

    assert [("live", 0), ("stale", 0), ("stale", 1), ("live", 1), ("stale", 1)] == seen


def test_bad_events_are_reported_and_the_stream_goes_on() -> None:
    """What is not believed is counted and reported as PARSER; the next event is taken."""
    streaming = Streaming(
        FakeStream(
            event(b"not json"), event(b"[]"), b"data: " + b"x" * (MAX_EVENT_BYTES + 1) + b"\n\n", event(b'{"n": 1}')
        )
    )
    streaming.work()

    assert [(PARSER, InvalidPayload), (PARSER, InvalidPayload), (PARSER, PayloadTooLarge)] == [
        (context.source, type(context.exception)) for context in streaming.world.reported()
    ]
    assert (4, 1) == (streaming.world.vitals.events, streaming.world.vitals.connects)
    assert {"n": 1} == streaming.world.store.known().flags


def test_blank_data_and_comments_are_signs_of_life_only() -> None:
    """Neither counts as an event, and both renew the age."""
    streaming = Streaming()
    streaming.transport.openings.append(
        FakeStream(b": hi\n\n", streaming.lasting(5), b"data:\n\ndata: \t \n\n", streaming.lasting(5))
    )
    streaming.work()

    assert (0, 0) == (streaming.world.vitals.events, streaming.world.vitals.errors)
    assert 1005.0 == streaming.world.vitals.last_life


def test_equal_payload_is_not_published_again() -> None:
    """The second of two equal payloads is counted and nothing else."""
    seen: list[FlagSnapshot] = []
    streaming = Streaming(FakeStream(event(b"{}"), event(b"{}"), event(b"{} "), event(b"{}")))
    streaming.world.store.sinks.append(lambda run, previous, current: seen.append(current))
    streaming.work()

    assert [b"{}", b"{} ", b"{}"] == [each.payload for each in seen]
    assert 4 == streaming.world.vitals.events


def test_stream_confirms_what_the_disk_had() -> None:
    """An event equal to the cached snapshot makes it the stream's without another parse, and the client ready."""
    streaming = Streaming(FakeStream(event(b'{"n": 1}')))
    cached = snapshot(b'{"n": 1}', "disk", 5.0)
    streaming.world.store.replace(cached)
    streaming.work()
    known = streaming.world.store.known()

    assert ("stream", 1_700_000_000.0) == (known.source, known.received_at)
    assert cached.flags is known.flags
    assert streaming.world.run.ready.is_set()


def test_second_run_confirms_what_the_first_had() -> None:
    """A new run is ready only with an event of its own, even if the payload is the old one."""
    streaming = Streaming(FakeStream(event(b'{"n": 1}')))
    streaming.world.store.replace(snapshot(b'{"n": 1}', "stream", 5.0))
    streaming.work()

    assert 1_700_000_000.0 == streaming.world.store.known().received_at


def test_flags_given_by_the_application_are_no_event() -> None:
    """An event with the payload of what never came from stream or disk is parsed and published."""
    streaming = Streaming(FakeStream(event(b'{"n": 1}')))
    initial = snapshot(b'{"n": 1}', "initial")
    streaming.world.store.replace(initial)
    streaming.work()

    assert "stream" == streaming.world.store.known().source
    assert initial.flags is not streaming.world.store.known().flags


def test_failed_attempts_wait_longer_and_longer() -> None:
    """Every failed attempt is one NETWORK report, and the delays are those of the backoff."""
    streaming = Streaming(*[ConnectionFailed("down") for _ in range(5)], roll=0.5)
    delays = streaming.work()

    assert pytest.approx([3.0, 4.1, 6.3, 10.7]) == delays
    assert [NETWORK] * 5 == [context.source for context in streaming.world.reported()]
    assert ("connecting", 0) == (streaming.world.vitals.state, streaming.world.vitals.connects)


def test_foreign_errors_are_failures_too() -> None:
    """Whatever a transport raises is one failed attempt; the worker goes on."""
    streaming = Streaming(ValueError("bad chunk"), RuntimeError("opener"), FakeStream(event(b"{}")))
    streaming.work()

    assert ["bad chunk", "opener"] == [str(context.exception) for context in streaming.world.reported()]
    assert all(context.is_transient for context in streaming.world.errors)
    assert 1 == streaming.world.vitals.connects


def test_retry_after_and_refusals() -> None:
    """What the service asks for is waited for; from the fourth refusal on the delays are minutes."""
    busy = UnexpectedAnswer("503", status=503, is_transient=True, retry_after=120.0)
    refusals = [UnexpectedAnswer("401", status=401, is_transient=False, is_refusal=True) for _ in range(5)]
    streaming = Streaming(busy, *refusals, FakeStream())

    assert [120.0, 1.9, 1.9, 1.9, 300.0, 600.0] == streaming.work()


def test_error_within_a_stream() -> None:
    """A stream that breaks is reported once, and followed by the delay of a stream that ended."""
    streaming = Streaming(FakeStream(event(b"{}"), ConnectionFailed("reset")), FakeStream(event(b"{}")), roll=0.5)

    assert [0.95] == streaming.work()
    assert ["reset"] == [str(context.exception) for context in streaming.world.reported()]


@pytest.mark.parametrize(
    ("last", "reports"),
    [(b"data: {", 1), (b"data: {}\n", 1), (b"da", 1), (b": com", 0), (b"id: 1\n", 0), (b"\n", 0)],
)
def test_end_inside_an_event(last: bytes, reports: int) -> None:
    """A stream may end between two events without a word; half an event is dropped, and reported."""
    streaming = Streaming(FakeStream(event(b"{}"), last), FakeStream(event(b"{}")))
    streaming.work()

    told = [str(context.exception) for context in streaming.world.reported()]
    assert ["the stream ended inside an event"] * reports == told
    assert 2 == streaming.world.vitals.events


@pytest.mark.parametrize(("expected", "lived"), [(0.95 * 2, 5), (0.95, 30), (0.95, 61)])
def test_health_decides_the_delay(expected: float, lived: float) -> None:
    """After one failure a short life counts as another, ten seconds bring the delay down."""
    streaming = Streaming(ConnectionFailed("down"), roll=0.5)
    streaming.transport.openings += [FakeStream(event(b"{}"), streaming.lasting(lived)), FakeStream()]
    delays = streaming.work()

    assert pytest.approx(lived + expected) == delays[1]


def test_retry_field_sets_the_floor() -> None:
    """`retry:` is taken from a stream even without an event."""
    streaming = Streaming(FakeStream(b"retry: 2500\n\n"), FakeStream())

    assert [2.5] == streaming.work()


def test_full_health_makes_network_errors_news_again(caplog: pytest.LogCaptureFixture) -> None:
    """After a minute of health the next failure is logged as a warning; after less it is not."""
    streaming = Streaming(ConnectionFailed("down"))
    for lived in (30, 60):
        streaming.transport.openings += [
            FakeStream(event(b"{}"), streaming.lasting(lived)),
            ConnectionFailed("down"),
        ]
    streaming.work()

    assert 2 == len([record for record in caplog.records if record.levelname == "WARNING"])


def test_stream_that_brings_no_event(caplog: pytest.LogCaptureFixture) -> None:
    """A stream that ends after ten seconds without an event is warned of, once; comments are no events."""
    streaming = Streaming()
    for part in (b": alive\n\n", b""):
        streaming.transport.openings.append(FakeStream(*[part] * bool(part), streaming.lasting(10)))
    streaming.transport.openings.append(FakeStream(event(b"not json"), streaming.lasting(50)))
    streaming.transport.openings.append(FakeStream(streaming.lasting(9)))
    streaming.work()

    assert [f"soasap: {HELD_BACK}"] == [record.message for record in caplog.records if "proxy" in record.message]
    assert streaming.world.vitals.owed_since is None


def test_breathing() -> None:
    """Others run after every read with events, and after every eighth without."""
    streaming = Streaming(
        FakeStream(*[event(b'{"n": %d}' % number) for number in range(3)], *[b": x\n"] * READS_PER_BREATH),
        roll=0.5,
    )
    streaming.work()

    assert 4 == streaming.stop.waits.count(0)


def test_large_payloads_breathe_between_the_steps() -> None:
    """Parsing, swapping and freeing a large set are kept apart."""
    large = b'{"x": "' + b"x" * LARGE_PAYLOAD + b'"}'
    streaming = Streaming(FakeStream(event(large)), roll=0.5)
    streaming.work()

    assert 3 == streaming.stop.waits.count(0)


def test_halt_during_a_read() -> None:
    """What arrives after the end of the run is not taken, and no error is reported for being woken."""
    streaming = Streaming()
    stream = FakeStream(event(b'{"n": 1}'), streaming.world.run.halt, event(b'{"n": 2}'))
    woken = FakeStream(streaming.world.run.halt, ConnectionFailed("woken"))
    streaming.transport.openings += [stream]
    streaming.work()
    again = Streaming(woken)
    woken._parts[0] = again.world.run.halt
    again.work()

    assert {"n": 1} == streaming.world.store.known().flags
    assert ([], []) == (streaming.world.reported(), again.world.reported())
    assert (1, 1) == (stream.closed, woken.closed)


def test_halt_during_an_attempt() -> None:
    """An attempt that ends because the run does is no failure, and a stream that opens too late is closed unread."""
    streaming = Streaming()

    class Late(FakeTransport):
        def open(self) -> FakeStream:
            self._run.halt()
            return super().open()

    unread = FakeStream(event(b"{}"))
    streaming.worker.transport = Late(streaming.world.run, [unread])
    streaming.work()

    assert (0, 1) == (streaming.world.vitals.connects, unread.closed)

    failing = Streaming()
    failing.work()
    assert [] == failing.world.reported()


def test_forked_child_closes_nothing() -> None:
    """An inherited worker leaves without closing the parent's stream or transport, and takes nothing."""
    streaming = Streaming()
    stream = FakeStream(event(b'{"n": 1}'), streaming.world.run.abandon, event(b'{"n": 2}'))
    streaming.transport.openings.append(stream)
    streaming.work()

    assert 0 == stream.closed
    assert ["abandon"] == streaming.transport.calls
    assert 1 == streaming.world.vitals.events


def test_outdated_run_leaves_between_streams() -> None:
    """When the process has been monkey-patched meanwhile the worker leaves, for another run to take over."""
    streaming = Streaming()

    def outdate() -> None:
        streaming.outdated = True

    streaming.transport.openings += [FakeStream(event(b"{}"), outdate, event(b'{"n": 1}')), FakeStream()]
    streaming.work()

    assert {"n": 1} == streaming.world.store.known().flags
    assert 1 == len(streaming.transport.opened_at)
    assert not streaming.world.run.over()
