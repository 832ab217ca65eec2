"""
The state machine: what client, service, disk and process may do, one step at a time, in any order.

Each rule says what happens, and what it means for the model; after each, `World.settle` compares the two.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sys
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from soasap._io.transport import MAX_REDIRECTS
from soasap._sansio.sse import MAX_EVENT_BYTES
from tests.flagserver import ClientGone, Connection
from tests.state_machine.disk import CONTENTS, FAILURES, MARK
from tests.state_machine.model import GETTERS
from tests.state_machine.world import PATIENCE, Phase, World
from tests.strategies import flag_trees, json_values
from tests.waiting import thread_names, wait_until

__all__ = ["ClientMachine", "ClientMachineWithoutForks"]

INVALID = (
    *(b"<html>", b'{"cut": tru', b"[]", b"null", b'"text"', b"{} {}"),
    *(b'{"a": NaN}', b'{"a": "\xff"}', b'{"a": "\\ud800"}', b'{"a": 1}' + b" " * MAX_EVENT_BYTES),
)
NOISE = (b"data\n\n", b"data: \t \n\n", b": comment\n\n", b"id: 7\n\n", b"x: y\n\n", b"retry: 100\n\n")
ANSWERS: dict[str, tuple[int, dict[str, str]]] = {
    "401": (401, {}),
    "403": (403, {}),
    "404": (404, {}),
    "410": (410, {}),
    "429": (429, {"retry-after": "7"}),
    "500": (500, {}),
    "503": (503, {"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}),
    "204": (204, {}),
    "elsewhere": (302, {"location": "http://127.0.0.2:1/"}),
    "nowhere": (308, {}),
    "here": (307, {"location": "/elsewhere"}),
    "HTML": (200, {"content-type": "text/html"}),
    "compressed": (200, {"content-encoding": "gzip"}),
}
"""Answers that are no stream: none of them is believed or given up upon, and only "here" is followed."""

BODY = b'data: {"from": "a page that is no stream"}\n\n'

REFUSALS = (*ANSWERS, *["here"] * 4, "FIN", "RST", "garbage", "half a head")

HAS_READ = "has read\n"

refusals = st.lists(st.sampled_from(REFUSALS), max_size=4)
"""What requests meet, before one is accepted or left waiting."""

mostly = st.sampled_from([True, True, True, False])

keys = st.one_of(
    st.text(max_size=3), st.none(), st.integers(), st.floats(), st.binary(max_size=2), st.just([]), st.builds(dict)
)
line_ends = st.sampled_from([b"\n", b"\r\n", b"\r"])


def is_open(machine: ClientMachine) -> bool:
    return machine.client is not None and not machine.is_closed


def in_phase(phase: Phase) -> Callable[[ClientMachine], bool]:
    return lambda machine: is_open(machine) and machine.phase == phase


class ClientMachine(World, RuleBasedStateMachine):
    """
    See above.

    Attributes:
        steps: How many were made in each state of the world, by all machines of this process.
    """

    steps: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        RuleBasedStateMachine.__init__(self)
        World.__init__(self)
        self.redirects = 0

    def teardown(self) -> None:
        try:
            if is_open(self) and sys.exc_info()[0] is None:
                self.close()
        finally:
            if self.reader is not None:
                self.reader.stop()
            if self.client is not None:
                self.client.close()
            self.service.go_away()
            shutil.rmtree(self.root)

    @invariant()
    def all_holds(self) -> None:
        if self.client is not None:
            phase = "closed" if self.is_closed else self.phase
            self.steps[f"{phase}, the disk {'works' if self.disk.works else 'fails'}"] += 1
            self.settle()

    # The client.

    @initialize(preload=st.booleans(), raising=st.booleans(), met=refusals, accepted=mostly)
    def first_client(self, preload: bool, raising: bool, met: list[str], accepted: bool) -> None:
        self.start_client(preload=preload, raising=raising)
        self.meet(met, accepted)

    @precondition(lambda self: not is_open(self))
    @rule(
        written=st.none() | st.sampled_from(CONTENTS),
        preload=st.booleans(),
        raising=st.booleans(),
        met=refusals,
        accepted=mostly,
    )
    def next_client(self, written: bytes | None, preload: bool, raising: bool, met: list[str], accepted: bool) -> None:
        """On the file that the one before has left, or that somebody has written since, good or bad."""
        if written is not None and self.disk.works:
            self.disk.put(written, written_at=time.time())
            self.may_be_saved = {written}
        self.start_client(preload=preload, raising=raising)
        self.meet(met, accepted)

    @precondition(is_open)
    @rule()
    def close(self) -> None:
        """Close it in any phase: promptly, and with everything saved that can be."""
        assert self.client is not None
        self.settle()
        started = time.monotonic()
        self.client.close()
        assert time.monotonic() - started < 3.0
        self.model.close()
        self.is_closed = True
        if self.connection is not None:
            assert self.connection.wait_closed(PATIENCE)
            self.connection = None
        wait_until(lambda: not any(name.startswith("soasap") for name in thread_names()), PATIENCE, "the tasks' end")
        if self.disk.works and self.model.source != "none":
            content = (self.disk.content() or b"").removeprefix(MARK)  # a file that has one may keep it
            assert content in {self.model.payload} | self.others, (content, self.model.payload, self.others)
        if not self.may_litter:
            assert [] == self.disk.litter()
        self.may_be_saved = {self.disk.content()}
        if self.reader is not None:
            self.reader.stop()
            self.reader = None

    @precondition(lambda self: self.client is not None)
    @rule(key=keys, getter=st.sampled_from(GETTERS), default=json_values)
    def read(self, key: Any, getter: str, default: Any) -> None:
        """Any key, any getter: the value, or the default as given."""
        self.check_read(self.model.flags, getter, key, default)

    @precondition(lambda self: self.client is not None)
    @rule()
    def ask_whether_ready(self) -> None:
        assert self.client is not None
        # The flags of the first event can be read a moment before.
        assert self.client.wait_ready(PATIENCE if self.model.ready else 0) is self.model.ready

    # The service, while a stream is open.

    @precondition(in_phase("live"))
    @rule(flags=flag_trees, data=st.data())
    def send_flags(self, flags: dict[str, Any], data: st.DataObject) -> None:
        """A valid event, cut anywhere."""
        self.change(flags, indent=data.draw(st.sampled_from([None, 1])))
        event = encode(self.payload, data.draw(line_ends))
        places = sorted(data.draw(st.lists(st.integers(0, len(event)), max_size=3)))
        for start, end in zip([0, *places], [*places, len(event)], strict=True):
            self.stream.chunk(event[start:end])
        self.take()

    @precondition(in_phase("live"))
    @rule(trees=st.lists(flag_trees, min_size=2, max_size=5))
    def send_many(self, trees: list[dict[str, Any]]) -> None:
        """Several events in one piece: each counts, the last one stays."""
        events = b""
        for flags in trees:
            self.change(flags)
            events += encode(self.payload)
            self.take()
        self.stream.chunk(events)

    @precondition(in_phase("live"))
    @rule(cleared=st.booleans())
    def send_plain(self, cleared: bool) -> None:
        """`{}`, which clears all flags, or the event before once more."""
        if cleared:
            self.clear()
        self.stream.event(self.payload)
        self.take()

    @precondition(in_phase("live"))
    @rule(payload=st.sampled_from(INVALID))
    def send_invalid(self, payload: bytes) -> None:
        """What is no object, or too large."""
        self.stream.event(payload)
        self.model.refuse_event()

    @precondition(in_phase("live"))
    @rule(texts=st.lists(st.sampled_from(NOISE), min_size=1, max_size=6))
    def send_noise(self, texts: list[bytes]) -> None:
        """What is no event: blank data, comments, other fields."""
        for text in texts:
            self.stream.chunk(text)

    @precondition(in_phase("live"))
    @rule(how=st.sampled_from(["end", "FIN", "RST"]), half=st.booleans(), met=refusals, accepted=mostly)
    def end_stream(self, how: str, half: bool, met: list[str], accepted: bool) -> None:
        """The end, which needs no reason. What is reported is a reset, and half an event, which is nothing."""
        self.settle()  # a reset takes with it what was not read yet
        if half:
            self.stream.chunk(b'data: {"half": true}\n')
        if how == "end":
            self.stream.end()
        if how == "RST":
            self.stream.reset()
        self.stream.close()
        self.model.lose(reported=half or how == "RST")
        self.expect_request()
        self.meet(met, accepted)

    # The service, while a request waits.

    @precondition(in_phase("asking"))
    @rule(met=refusals, accepted=mostly)
    def answer(self, met: list[str], accepted: bool) -> None:
        """Answer what waits."""
        self.meet(met, accepted)

    def meet(self, met: list[str], accepted: bool) -> None:
        """Answer the request that waits, and those after it."""
        if in_phase("asking")(self):
            for refusal in met:
                self.refuse(refusal)
            if accepted:
                self.accept()

    def accept(self) -> None:
        """A stream, and its first event."""
        self.stream.head()
        self.stream.event(self.payload)
        self.phase = "live"
        self.redirects = 0
        self.model.open()
        self.take()

    def refuse(self, how: str) -> None:
        """No stream, and the next request. A few redirects belong to one attempt."""
        stream = self.stream
        with contextlib.suppress(ClientGone):  # who has seen enough need not wait for the end of an answer
            if how in ANSWERS:
                status, headers = ANSWERS[how]
                stream.answer(status, BODY if status == 200 else b"", headers=headers)
            elif how == "garbage":
                stream.send(b"220 mail.example ESMTP\r\n\r\n")
            elif how == "half a head":
                stream.send(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-str")
            elif how == "RST":
                stream.reset()
        stream.close()
        self.redirects = self.redirects + 1 if how == "here" else 0
        if self.redirects not in range(1, MAX_REDIRECTS + 1):
            self.redirects = 0
            self.model.fail()
        self.expect_request()

    # The service, coming and going.

    @precondition(lambda self: self.is_up)
    @rule()
    def go_away(self) -> None:
        if is_open(self):
            self.settle()
        self.service.go_away()
        self.is_up = False
        self.connection = None
        if is_open(self):
            if self.phase == "live":
                self.model.lose(reported=False)
            else:
                self.model.fail()
            self.phase = "away"
            self.redirects = 0
            wait_until(lambda: self.errors_apart_from_disk() > self.model.errors, PATIENCE, "an attempt in vain")

    @precondition(lambda self: not self.is_up)
    @rule(met=refusals, accepted=mostly)
    def come_back(self, met: list[str], accepted: bool) -> None:
        self.service.come_back()
        self.is_up = True
        if is_open(self):
            self.expect_request()
            wait_until(self.all_delivered, PATIENCE, "the last reports")
            self.model.errors = self.errors_apart_from_disk()
            self.meet(met, accepted)

    @precondition(lambda self: not in_phase("live")(self))
    @rule(flags=flag_trees)
    def change_unseen(self, flags: dict[str, Any]) -> None:
        """Flags change while this client has no stream."""
        self.change(flags)

    # The disk.

    @precondition(lambda self: self.disk.works)
    @rule(how=st.sampled_from(FAILURES))
    def disk_fails(self, how: str) -> None:
        self.disk.fail(how)
        self.disk_has_failed = self.may_litter = True

    @precondition(lambda self: not self.disk.works)
    @rule()
    def disk_recovers(self) -> None:
        self.disk.recover()

    @precondition(lambda self: is_open(self) and self.disk.works and not self.disk_has_failed)
    @rule(flags=flag_trees)
    def another_process_saves(self, flags: dict[str, Any]) -> None:
        """Another process is ahead of ours, and shares the file. Ours is quiet: what it knows is saved already."""
        if self.disk.content() == self.model.payload:
            content = json.dumps({**flags, "foreign": time.time()}).encode()
            self.disk.put(content, written_at=time.time())
            self.another_saved(content)
            self.is_behind = True

    # The process.

    @precondition(lambda self: self.client is not None)
    @rule(closing=st.booleans())
    def fork(self, closing: bool) -> None:
        """A child lives by itself, with a stream of its own if there is a service, and its parent does not notice."""
        self.settle()
        streams = is_open(self) and self.is_up
        reading, writing = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12: a fork in a process with threads
            child = os.fork()
        if child == 0:
            os.close(reading)
            self._live_in_child(writing, streams, closing)
        os.close(writing)
        try:
            with open(reading) as pipe:
                told = pipe.readline()
                if streams and told == HAS_READ:
                    connection = self.service.next_request()
                    connection.head()
                    connection.event(self.payload)
                told += pipe.read()
        finally:
            status = os.waitpid(child, 0)[1]
        assert (HAS_READ, 0) == (told, status), told
        if streams:
            assert connection.wait_closed(PATIENCE)
            self.another_saved(self.payload)
        self.may_litter |= not closing

    def _live_in_child(self, writing: int, streams: bool, closing: bool) -> None:
        """All that the child does. Says when it has read for the first time, and then what went wrong, if anything."""
        code = 1
        try:
            signal.alarm(60)  # a child that hangs must not outlive the test
            self._check_child(writing, streams, closing)
            code = 0
        except BaseException:
            os.write(writing, traceback.format_exc().encode()[-4000:])
        finally:
            os._exit(code)

    def _check_child(self, writing: int, streams: bool, closing: bool) -> None:
        client = self.client
        assert client is not None
        assert f"<soasap client, {'closed' if self.is_closed else 'idle'}, " in repr(client)
        self.check_first_reads()
        os.write(writing, HAS_READ.encode())
        if streams:
            wait_until(lambda: "<soasap client, live, " in repr(client), PATIENCE, "a stream, by reading alone")
            assert client.wait_ready(PATIENCE)
            self.check_reads(self.flags)
        status = client.status()
        assert (os.getpid(), self.is_closed) == (status.pid, status.state == "closed")
        if streams:
            assert ("live", "stream", 1, 1) == (status.state, status.source, status.connects, status.events)
        if closing:
            client.close()
            if streams:
                self.check_reads(self.flags)

    @property
    def stream(self) -> Connection:
        assert self.connection is not None
        return self.connection


def encode(payload: bytes, end: bytes = b"\n") -> bytes:
    """An event, with these ends of lines."""
    return b"".join(b"data: " + line + end for line in payload.split(b"\n")) + end


class ClientMachineWithoutForks(ClientMachine):
    """For processes where the service's own greenlets would survive a fork, and take the parent's connections."""

    @precondition(lambda self: False)
    @rule(closing=st.booleans())
    def fork(self, closing: bool) -> None:
        raise NotImplementedError
