"""
The world of the state machine: a client, the service and the disk it has, the model of it, and what must hold.

The service answers when it is told to. So a client that is open is in one of three phases::

    asking     its request waits for an answer        `connection` is that request's
    live       its stream is open                     `connection` is the stream's
    away       nothing listens, it tries in vain      no connection

Pauses between attempts are short (`tests.time_lapse`); everything else is the real thing: sockets, threads, files.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any, Literal

from soasap import SoasapClientImpl, SoasapErrorContext, SoasapErrorSource, create_soasap_client
from tests.clients import API_KEY, of_source
from tests.flagserver import Connection
from tests.state_machine.disk import MARK, Disk
from tests.state_machine.model import GETTERS, ClientModel, read
from tests.state_machine.reader import Reader
from tests.state_machine.service import Service
from tests.time_lapse import TimeLapse
from tests.waiting import wait_until

__all__ = ["PATIENCE", "Phase", "World"]

Phase = Literal["asking", "live", "away"]

PATIENCE = 10.0
"""Seconds for what takes milliseconds."""


class World:
    """
    One client at a time, one after the other on the same disk.

    Attributes:
        client: The newest client, `None` before the first.
        is_closed: Whether it was closed.
        phase: Of an open client; see above.
        connection: See above.
        is_up: Whether the service listens.
        flags: What the service has.
        payload: The bytes of it.
        errors: What the client's handler got.
        disk_has_failed: Since this client was made.
        may_litter: Whether a save may have been cut short: by a child's end, or by the disk going away.
        may_be_saved: What the file may hold, `None` being no file.
        strangers: What other processes may have saved since this client was made.
        others: What of it may still be in the file.
        is_behind: Whether the file is known to be another process's, and younger than what the client knows.
    """

    def __init__(self) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="soasap-machine-"))
        self.service = Service()
        self.disk = Disk(self.root, self.service.base_url)
        self.model = ClientModel()
        self.client: SoasapClientImpl | None = None
        self.is_closed = False
        self.phase: Phase = "asking"
        self.connection: Connection | None = None
        self.is_up = True
        self.flags: dict[str, Any] = {}
        self.payload = b"{}"
        self.errors: list[SoasapErrorContext] = []
        self.disk_has_failed = False
        self.may_litter = False
        self.may_be_saved: set[bytes | None] = {None}
        self.strangers: set[bytes] = set()
        self.others: set[bytes] = set()
        self.is_behind = False
        self._number = 0
        self.reader: Reader | None = None

    # Steps.

    def start_client(self, *, preload: bool, raising: bool) -> None:
        """A new client in the place of the one before, on what that has left on the disk."""
        self.model = ClientModel()
        self.errors = []
        self.is_closed = self.is_behind = False
        self.strangers, self.others = set(), set()
        self.disk_has_failed = not self.disk.works
        content = self.disk.content() if self.disk.works else None
        flags = _flags_in(content)
        if content is not None and flags is not None:
            self.model.start_warm(flags, content.removeprefix(MARK))
            self.may_be_saved.add(self.model.payload)
        self.client = create_soasap_client(
            api_key=API_KEY,
            base_url=self.service.base_url,
            cache_directory=str(self.disk.directory),
            backend=TimeLapse(),
            on_error=self._raising if raising else self.errors.append,
            response_timeout=300.0,
            preload=preload,
            proxy="",
        )
        self.reader = Reader(self.client)
        if self.is_up:
            self.expect_request()
        else:
            self.phase = "away"
        if content is not None and flags is None:
            wait_until(lambda: of_source(self.errors, SoasapErrorSource.DISK), PATIENCE, "the report of a useless file")

    def expect_request(self) -> None:
        """The client asks, now or soon; a lazy one when it is read."""
        assert self.client is not None
        self.client.get_bool("any")
        self.connection = self.service.next_request()
        self.phase = "asking"
        assert self.service.is_unasked()
        request = self.connection.request
        assert ("GET", API_KEY) == (request.method, request.headers["x-api-key"])

    def change(self, flags: dict[str, Any], *, indent: int | None = None) -> None:
        """Let the service have these flags, and a number that grows."""
        self._number += 1
        self.flags = {**flags, Reader.KEY: self._number}
        self.payload = json.dumps(self.flags, indent=indent).encode()

    def clear(self) -> None:
        """Let the service have no flags."""
        self.flags, self.payload = {}, b"{}"

    def take(self) -> None:
        """The client gets what the service has."""
        if self.payload == b"{}":
            # The only payload that returns. If ours saved it long ago it does not look whether it is still there.
            self.others = set(self.strangers)
        elif self.payload != self.model.payload:
            self.others = set()  # ours will be saved after theirs
        self.is_behind &= self.payload == self.model.payload and self.model.source == "stream"
        self.model.take(self.flags, self.payload)
        self.may_be_saved.add(self.payload)

    def another_saved(self, content: bytes) -> None:
        """A process that shares the file saved this, or may have."""
        self.strangers.add(content)
        self.others.add(content)
        self.may_be_saved.add(content)

    # What must hold.

    def settle(self) -> None:
        """Wait until the client is what the model says. AssertionError if it does not come to be that."""
        try:
            wait_until(lambda: not self._difference(), PATIENCE)
        except AssertionError:
            raise AssertionError(self._difference() or "it took too long") from None
        self.check_reads(self.model.flags)
        assert self.disk.content() in self.may_be_saved
        if self.reader is not None:
            assert [] == self.reader.complaints
        if not self.may_litter:
            assert len(self.disk.litter()) <= 1  # a save that is under way

    def check_reads(self, flags: dict[str, Any]) -> None:
        """Every getter, with every key that these flags have."""
        for key in [*flags, "no such flag"]:
            for getter in GETTERS:
                self.check_read(flags, getter, key, object())

    def check_read(self, flags: dict[str, Any], getter: str, key: Any, default: Any) -> None:
        """One read gives what it must if these are the flags."""
        expected = read(flags, getter, key, default)
        found = getattr(self.client, getter)(key, default)
        if expected is default:
            assert found is default, (getter, key)
            return
        assert (type(expected), expected) == (type(found), found), (getter, key)
        if isinstance(found, (dict, list)):
            found.clear()  # it is the caller's own
            assert expected == getattr(self.client, getter)(key, default)

    def check_first_reads(self) -> None:
        """In a forked child: what the parent knew, or what the file holds if that is younger."""
        content = self.disk.content() if self.disk.works and not self.is_closed else None
        found = _flags_in(content) if content in self.others else None
        if found is not None and self.is_behind:
            self.check_reads(found)
            return
        try:
            self.check_reads(self.model.flags)
        except AssertionError:
            if found is None:
                raise
            self.check_reads(found)

    def errors_apart_from_disk(self) -> int:
        """How many the client has counted. Those of the disk come when they like, but never without a reason."""
        assert self.client is not None
        of_disk = len(of_source(self.errors, SoasapErrorSource.DISK))
        return self.client.status().errors - of_disk

    def all_delivered(self) -> bool:
        """Whether no report is on its way to the handler."""
        assert self.client is not None
        return not self.client._supervisor._callbacks._queue

    def _difference(self) -> str:
        """What the client's status says otherwise than the model; empty if nothing."""
        assert self.client is not None
        status = self.client.status()
        model = self.model
        expected = [model.state, model.source, model.events, model.connects, os.getpid(), ""]
        found = [status.state, status.source, status.events, status.connects, status.pid, status.hint]
        errors = self.errors_apart_from_disk()
        # Nobody but the client counts its attempts in vain.
        errors_fit = errors >= model.errors if self.phase == "away" else errors == model.errors
        if expected != found or not errors_fit:
            return f"expected {expected} and {model.errors} errors, found {found} and {errors}; {self.errors[-3:]}"
        return ""

    def _raising(self, error: SoasapErrorContext) -> None:
        self.errors.append(error)
        raise RuntimeError("a handler that raises")


def _flags_in(content: bytes | None) -> dict[str, Any] | None:
    """The flags of a cache file; `None` if it is of no use."""
    try:
        flags = json.loads((content or b"").removeprefix(MARK))
    except ValueError:
        return None
    return flags if isinstance(flags, dict) else None
