"""Errors as the application and the operator see them, and secrets that nobody sees."""

from __future__ import annotations

import logging
import sys
import threading
import traceback
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import trustme

from soasap import SoasapErrorContext, SoasapErrorSource, create_soasap_client
from soasap.exceptions import CertificateRefused
from tests.addresses import free_port
from tests.clients import API_KEY, open_client
from tests.flagserver import Connection, Script, ScriptedServer, hold_open
from tests.waiting import thread_names, wait_until


def leave(context: SoasapErrorContext) -> None:
    sys.exit("enough")


def fail(context: SoasapErrorContext) -> None:
    raise LookupError("the handler is broken")


@pytest.mark.parametrize("handler", [fail, leave], ids=["raises", "exits"])
def test_handler_that_raises(handler: Callable[[SoasapErrorContext], None], caplog: pytest.LogCaptureFixture) -> None:
    """What a handler raises is logged and swallowed, `SystemExit` too; stream and later reports go on."""
    calls: list[SoasapErrorContext] = []

    def on_error(context: SoasapErrorContext) -> None:
        calls.append(context)
        handler(context)

    with (
        ScriptedServer(hold_open(b"not json", b"nor this", b'{"n": 1}')) as server,
        open_client(server.base_url, on_error=on_error) as client,
    ):
        assert client.wait_ready(10)
        wait_until(lambda: 2 == len(calls), message="both reports")
        server.connections[0].event(b'{"n": 2}')
        wait_until(lambda: 2 == client.get_int("n"), message="the next event")
        wait_until(lambda: 2 == caplog.text.count("a callback of the application raised"))

        assert (1, 2) == (client.status().connects, client.status().errors)


def test_handler_that_blocks() -> None:
    """A handler that does not come back stops neither the stream nor the counting."""
    entered, go_on = threading.Event(), threading.Event()

    def on_error(context: SoasapErrorContext) -> None:
        entered.set()
        go_on.wait(30)

    with (
        ScriptedServer(hold_open(b"not json")) as server,
        open_client(server.base_url, on_error=on_error) as client,
    ):
        client.get_int("n")
        assert entered.wait(10)
        server.connections[0].event(b"nor this")
        server.connections[0].event(b'{"n": 2}')
        wait_until(lambda: 2 == client.get_int("n"), message="the next event")

        assert 2 == client.status().errors
        go_on.set()


def test_handler_runs_on_a_task_of_its_own() -> None:
    """A handler may use the client, and runs neither on the stream's thread nor on the caller's."""
    seen: list[tuple[str, bool, int]] = []

    def on_error(context: SoasapErrorContext) -> None:
        seen.append((threading.current_thread().name, client.wait_ready(10), client.get_int("n")))

    with (
        ScriptedServer(hold_open(b"not json", b'{"n": 1}')) as server,
        open_client(server.base_url, on_error=on_error) as client,
    ):
        client.get_int("n")
        wait_until(lambda: seen, message="the handler")

    assert [("soasap-callbacks", True, 1)] == seen


class FullDisk:
    """A cache that keeps the first payload, and no other."""

    def __init__(self) -> None:
        self.saved: list[bytes] = []

    def load(self) -> bytes | None:
        return None

    def save(self, payload: bytes) -> None:
        if self.saved:
            raise OSError("no space left")
        self.saved.append(payload)


def test_a_last_save_that_fails() -> None:
    """What close() could not save is reported to the handler as well."""
    errors: list[SoasapErrorContext] = []
    cache = FullDisk()
    with (
        ScriptedServer(hold_open(b'{"n": 1}')) as server,
        open_client(server.base_url, cache=cache, on_error=errors.append) as client,
    ):
        client.get_int("n")
        wait_until(lambda: cache.saved, message="the first save")
        server.connections[0].event(b'{"n": 2}')
        wait_until(lambda: 2 == client.get_int("n"), message="a change that waits to be saved")
        assert [] == errors
        client.close()
        wait_until(lambda: errors, message="the report")

        assert [SoasapErrorSource.DISK] == [error.source for error in errors]
        assert 1 == client.status().errors


def test_parser_reports_are_limited(caplog: pytest.LogCaptureFixture) -> None:
    """Of thirty bad events ten are reported and one is logged; all are counted, and the good one arrives."""
    errors: list[SoasapErrorContext] = []
    with (
        ScriptedServer(hold_open(*[b"not json"] * 30, b'{"n": 1}')) as server,
        open_client(server.base_url, on_error=errors.append) as client,
    ):
        assert client.wait_ready(10)
        wait_until(lambda: 10 == len(errors), message="the reports")

        assert (31, 30, 1) == (client.status().events, client.status().errors, client.get_int("n"))
    assert 10 == len(errors)
    assert {SoasapErrorSource.PARSER} == {error.source for error in errors}
    assert all(timedelta(0) == error.timestamp.utcoffset() for error in errors)
    assert 1 == sum("parser error" in record.message for record in caplog.records if record.levelno == logging.WARNING)


def test_a_kind_is_logged_again_after_recovery(caplog: pytest.LogCaptureFixture) -> None:
    """A warning is news again once that part has worked in between."""
    payloads = [b"not json", b"not json", b'{"n": 1}', b"not json", b'{"n": 2}']
    with ScriptedServer(hold_open(*payloads)) as server, open_client(server.base_url) as client:
        client.get_int("n")
        wait_until(lambda: 2 == client.get_int("n"), message="the last event")

    warnings = [record.message for record in caplog.records if "parser error" in record.message]
    assert 2 == len(warnings)


def test_connects_and_disconnects_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    """What an operator wants to know is at INFO, in the logger `soasap`."""
    caplog.set_level(logging.INFO, "soasap")

    def script(connection: Connection, index: int) -> None:
        connection.head()
        connection.end()

    with ScriptedServer(script) as server, open_client(server.base_url, preload=True):
        server.wait_connections(1)
        wait_until(lambda: "disconnected" in caplog.text, message="the end in the log")

    levels = {(record.name, record.levelname) for record in caplog.records if record.name.startswith("soasap")}
    assert {("soasap", "INFO")} == levels
    assert caplog.text.index("soasap: connected") < caplog.text.index("soasap: disconnected")


def quoting(connection: Connection, index: int) -> None:
    """An answer that repeats the key everywhere it can."""
    key = connection.request.headers["x-api-key"]
    connection.answer(403, key.encode(), headers={"Content-Type": key, "Location": key, "Retry-After": key})


def wrong_type(connection: Connection, index: int) -> None:
    connection.answer(200, API_KEY.encode(), headers={"Content-Type": "text/html"})


def elsewhere(connection: Connection, index: int) -> None:
    connection.answer(302, headers={"Location": "http://elsewhere.example/" + API_KEY})


def not_http(connection: Connection, index: int) -> None:
    connection.send(b"SSH-2.0-" + API_KEY.encode() + b"\r\n\r\n")


def not_json(connection: Connection, index: int) -> None:
    connection.head()
    connection.event(API_KEY.encode())
    connection.hang()


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("script", [quoting, wrong_type, elsewhere, not_http, not_json])
def test_the_key_is_nowhere(
    script: Script, secure: bool, ca: trustme.CA, ca_file: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The API key is in no log record, error, traceback, representation, status or thread name."""
    caplog.set_level(logging.DEBUG)
    errors: list[SoasapErrorContext] = []
    with (
        ScriptedServer(script, tls=ca if secure else None) as server,
        open_client(server.base_url, on_error=errors.append, ca_file=ca_file) as client,
    ):
        client.get_bool("on")
        wait_until(lambda: errors, message="the report")
        told = [repr(client), repr(client.status()), str(client.status()), *thread_names()]
        assert API_KEY == server.requests[0].headers["x-api-key"]

    for error in errors:
        told += [repr(error), str(error.exception), *traceback.format_exception(error.exception)]
    told += [caplog.text, *[repr(record.args) for record in caplog.records]]
    assert [] == [text for text in told if API_KEY in text]


def test_the_key_in_foreign_words(caplog: pytest.LogCaptureFixture) -> None:
    """An error of the application's own opener is passed on as it is, but not logged with the key in it."""
    errors: list[SoasapErrorContext] = []
    broken = RuntimeError(f"cannot send {API_KEY}")

    def opener(url: str, headers: dict[str, str], stop_event: object) -> object:
        raise broken

    with open_client("http://localhost", http_opener=opener, on_error=errors.append) as client:
        client.get_bool("on")
        wait_until(lambda: errors, message="the report")

    assert broken is errors[0].exception
    assert (SoasapErrorSource.NETWORK, True) == (errors[0].source, errors[0].is_transient)
    assert "RuntimeError: cannot send ***" in caplog.text
    assert API_KEY not in caplog.text


def test_the_proxy_password_is_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    """A proxy that cannot be reached is named without user and password."""
    caplog.set_level(logging.DEBUG)
    errors: list[SoasapErrorContext] = []
    port = free_port()
    with open_client(
        "http://flags.example", proxy=f"http://someone:s3cret@127.0.0.1:{port}", on_error=errors.append
    ) as client:
        client.get_bool("on")
        wait_until(lambda: errors, message="the report")

    told = [caplog.text, *traceback.format_exception(errors[0].exception), repr(errors[0])]
    assert [] == [text for text in told if "s3cret" in text or "someone" in text]
    assert f"127.0.0.1:{port}" in str(errors[0].exception)


def test_ca_file_that_is_missing(ca: trustme.CA, tmp_path: Path) -> None:
    """A `ca_file` that is not there is one lasting error that names it; once it is there, a later read finds it."""
    errors: list[SoasapErrorContext] = []
    path = tmp_path / "ca.pem"
    with (
        ScriptedServer(hold_open(b'{"n": 1}'), tls=ca) as server,
        open_client(server.base_url, ca_file=str(path), on_error=errors.append) as client,
    ):
        assert 7 == client.get_int("n", 7)
        assert str(path) in str(client.status().last_error)
        ca.cert_pem.write_to_path(str(path))
        wait_until(lambda: 1 == client.get_int("n"), message="the flags")
        wait_until(lambda: errors, message="the report")

    assert (SoasapErrorSource.NETWORK, False) == (errors[0].source, errors[0].is_transient)
    assert isinstance(errors[0].exception, CertificateRefused)


def test_backend_that_cannot_be_made(caplog: pytest.LogCaptureFixture) -> None:
    """A backend that fails is one report and one warning; `auto` takes its place and reads never raise."""
    errors: list[SoasapErrorContext] = []

    def broken() -> object:
        raise OSError("no such thing")

    with ScriptedServer(hold_open(b'{"n": 1}')) as server:
        client = create_soasap_client(
            api_key=API_KEY,
            base_url=server.base_url,
            cache=None,
            backend=broken,  # type: ignore[arg-type]
            on_error=errors.append,
        )
        with client:
            assert client.get_int("n") in (0, 1)
            assert client.wait_ready(10)
            wait_until(lambda: errors, message="the report")

            assert "threads" == client.status().backend
    assert ["BackendUnavailable"] == [type(error.exception).__name__ for error in errors]
    assert 1 == sum("BackendUnavailable" in record.message for record in caplog.records)
