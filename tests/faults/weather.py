"""
Good weather, a fault, good weather again: what every line of bad weather must leave as it was.

`survive` lets a client stream from a scripted server, strikes it with a fault, and lets the server be well again. It
checks what holds for every fault: the flags stay, nothing that was not sent is believed, one stream is open in the
end, and the client needs nobody to come back. What is particular to a fault, its reports and pauses, is in what it
returns.
"""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import trustme

from soasap import ClientStatus, SoasapErrorContext
from tests.clients import API_KEY, open_client, record_flags
from tests.flagserver import Connection, ScriptedServer
from tests.scripted_connection import Request
from tests.time_lapse import TimeLapse
from tests.waiting import thread_names, wait_until

__all__ = ["BEFORE", "Fault", "Survival", "survive"]

Fault: TypeAlias = Callable[[Connection], None]
"""What one connection says that is struck; afterwards it is closed."""

BEFORE = b'{"n": 1}'
"""The payload before the fault; a fault that has to send an event sends this one."""

AFTER = b'{"n": 2}'

PATIENCE = 30.0


@dataclass
class Survival:
    """
    What was seen of a client that survived.

    Attributes:
        errors: Its reports, in order.
        delays: Seconds it meant to stay away: after the first stream, and after each attempt that was struck.
        requests: What it asked, the first stream's request included.
        status: At the end.
    """

    errors: list[SoasapErrorContext] = field(default_factory=list)
    delays: list[float] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    status: ClientStatus | None = None

    def kinds(self) -> list[tuple[str, bool]]:
        """Type and transience of each report."""
        return [(type(error.exception).__name__, error.is_transient) for error in self.errors]

    def words(self) -> str:
        """What the newest report says."""
        return str(self.errors[-1].exception)


def survive(*faults: Fault, secure: trustme.CA | None = None, **options: Any) -> Survival:
    """
    Strike a client with these faults, one connection each.

    Args:
        faults: In order.
        secure: Speak TLS with a certificate of this authority.
        options: Of the client.

    Raises:
        AssertionError: The client did not come back, or not as it should.
    """
    struck = threading.Event()
    strike = threading.Event()
    talking: set[int] = set()

    def script(connection: Connection, index: int) -> None:
        talking.add(index)
        try:
            speak(connection, index)
        finally:
            talking.discard(index)

    def speak(connection: Connection, index: int) -> None:
        if 1 <= index <= len(faults):
            struck.set()
            faults[index - 1](connection)
            return
        connection.head()
        if index == 0:
            connection.event(BEFORE)
            strike.wait(PATIENCE)
            connection.end()
        else:
            connection.event(AFTER)
            connection.hang()

    survival = Survival()
    lapse = TimeLapse()
    with (
        ScriptedServer(script, tls=secure) as server,
        open_client(server.base_url, backend=lapse, on_error=survival.errors.append, **options) as client,
    ):
        seen = record_flags(client, "n")
        assert client.wait_ready(PATIENCE), client.status()
        strike.set()
        wait_until(struck.is_set, PATIENCE, "the fault")
        wait_until(lambda: 2 == client.get_int("n"), PATIENCE, f"flags after the fault: {client.status()}")
        wait_until(lambda: len(talking) == 1, PATIENCE, f"the end of all streams but one, not {talking}")
        wait_until(lambda: len(survival.errors) == client.status().errors, PATIENCE, "all reports")
        survival.status = client.status()
        survival.requests = server.requests
        survival.delays = lapse.delays[: len(faults) + 1]
        told = [repr(client), repr(survival.status), *thread_names()]

    assert [1, 2] == seen
    assert "live" == survival.status.state
    assert 2 + len(faults) == len(server.connections)
    for error in survival.errors:
        told += [repr(error), *traceback.format_exception(error.exception)]
    assert [] == [text for text in told if API_KEY in text]
    return survival
