"""
Secrets stay, and nobody is believed on their word.

What belongs to one part is shown beside that part: options in `tests/sansio/test_options.py`, redirects and
certificates in `test_protocol.py` and `test_network.py`, the file in `tests/io/test_cache_file.py`, logs and reports in
`tests/test_reports.py`, floors of dependencies in `tests/test_packaging.py`. Here are the promises about all of it.
"""

from __future__ import annotations

import logging
import os
import stat
import traceback
from pathlib import Path

import pytest
import trustme

from soasap import SoasapErrorContext, create_soasap_client
from tests.addresses import free_port
from tests.clients import API_KEY, open_client
from tests.connect_proxy import ConnectProxy
from tests.faults.weather import BEFORE, Fault
from tests.flagserver import Connection, ScriptedServer, hold_open
from tests.time_lapse import TimeLapse
from tests.waiting import wait_until


def warnings_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in caplog.records if record.levelno == logging.WARNING]


def test_key_in_the_clear(caplog: pytest.LogCaptureFixture) -> None:
    """A client that would send its key unencrypted to another machine says so: one WARNING, whatever follows."""
    lapse = TimeLapse()
    with open_client("http://flags.invalid:80/base", backend=lapse) as client:
        client.get_int("n")
        wait_until(lambda: 3 <= len(lapse.delays), 60, "three attempts")

    warned = [message for message in warnings_of(caplog) if "unencrypted" in message]
    assert ["soasap: the API key travels unencrypted to http://flags.invalid:80/base; use https"] == warned


@pytest.mark.parametrize("secure", [False, True], ids=["loopback", "https"])
def test_key_that_is_safe(secure: bool, ca: trustme.CA, ca_file: str, caplog: pytest.LogCaptureFixture) -> None:
    """Over https, and to this very machine, there is nothing to warn of."""
    with (
        ScriptedServer(hold_open(BEFORE), tls=ca if secure else None) as server,
        open_client(server.base_url, ca_file=ca_file) as client,
    ):
        assert client.wait_ready(10)

    assert [] == warnings_of(caplog)


def shown_by_trackers(error: BaseException) -> str:
    """What an error tracker sends of an exception: its text, its causes, and the local variables of every frame."""
    return "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())


def refuse(connection: Connection) -> None:
    connection.answer(403, API_KEY.encode())


def break_off(connection: Connection) -> None:
    connection.head()
    connection.send(b"400\r\n" + API_KEY.encode())


def not_http(connection: Connection) -> None:
    connection.send(API_KEY.encode() + b"\r\n")


def bad_event(connection: Connection) -> None:
    connection.head()
    connection.event(b'{"private": "' + API_KEY.encode())
    connection.hang()


@pytest.mark.parametrize("fault", [refuse, break_off, not_http, bad_event])
@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
def test_reports_carry_no_secret(fault: Fault, secure: bool, ca: trustme.CA, ca_file: str) -> None:
    """Neither the key nor what came is in the text, the causes or the frames of a report."""
    errors: list[SoasapErrorContext] = []
    with (
        ScriptedServer(lambda connection, index: fault(connection), tls=ca if secure else None) as server,
        open_client(server.base_url, ca_file=ca_file, on_error=errors.append) as client,
    ):
        client.get_int("n")
        wait_until(lambda: errors, message="the report")

    assert API_KEY not in shown_by_trackers(errors[0].exception)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_reports_without_a_server_carry_no_secret(scheme: str, ca_file: str) -> None:
    """The commonest report of all, a refused connection, with and without a proxy that has a password."""
    errors: list[SoasapErrorContext] = []
    for proxy in ("", f"http://someone:s3cret@127.0.0.1:{free_port()}"):
        with open_client(
            f"{scheme}://127.0.0.1:{free_port()}", ca_file=ca_file, proxy=proxy, on_error=errors.append
        ) as client:
            client.get_int("n")
            wait_until(lambda: client.status().errors, message="an error")
            wait_until(lambda: errors, message="the report")
        told = shown_by_trackers(errors.pop().exception)

        assert API_KEY not in told
        assert "s3cret" not in told
        errors.clear()


def test_wrong_password_of_a_proxy(ca: trustme.CA, ca_file: str) -> None:
    """A proxy that refuses us is named, is asked ever more rarely, and its password is nowhere."""
    errors: list[SoasapErrorContext] = []
    lapse = TimeLapse()
    with (
        ScriptedServer(hold_open(BEFORE), tls=ca) as server,
        ConnectProxy("someone", "s3cret") as proxy,
        open_client(
            server.base_url,
            ca_file=ca_file,
            proxy=proxy.url_with_credentials.replace("s3cret", "wr0ng"),
            backend=lapse,
            on_error=errors.append,
        ) as client,
    ):
        client.get_int("n")
        wait_until(lambda: 5 <= len(errors), message="five attempts")

        assert [] == server.connections
    told = "".join(shown_by_trackers(error.exception) + repr(error) for error in errors)
    assert f"the proxy {proxy.url} answered 407" in told
    assert "wr0ng" not in told
    assert {False} == {error.is_transient for error in errors}
    assert lapse.delays[2] < 60 < lapse.delays[4]


def test_what_is_stored(tmp_path: Path) -> None:
    """The payload, and nothing else, in a file and a directory for their owner alone; no name tells the key."""
    directory = tmp_path / "cache"
    with (
        ScriptedServer(hold_open(BEFORE)) as server,
        open_client(server.base_url, cache="disk", cache_directory=str(directory)) as client,
    ):
        assert client.wait_ready(10)

    (path,) = directory.iterdir()
    assert BEFORE == path.read_bytes()
    assert (0o600, 0o700) == (stat.S_IMODE(path.stat().st_mode), stat.S_IMODE(directory.stat().st_mode))
    assert API_KEY not in os.fsdecode(path)


def test_what_is_sent() -> None:
    """The key, what we accept, and our version: nothing about the process, the machine or its user."""
    with ScriptedServer(hold_open(BEFORE)) as server, open_client(server.base_url) as client:
        assert client.wait_ready(10)
        (request,) = server.requests

    assert {"host", "x-api-key", "accept", "accept-encoding", "cache-control", "user-agent"} == set(request.headers)
    assert request.headers["user-agent"].startswith("soasap-python/")
    assert ("GET", "/api/v1/flags/live") == (request.method, request.target)


@pytest.mark.parametrize("key", ["key\r\nX-Evil: 1", "key\0", "schlüssel", "key\x7f", "key\u2028"])
def test_key_that_no_header_can_carry(key: str) -> None:
    """A key with control characters or others that are not ASCII is refused at once, and not quoted."""
    with pytest.raises(ValueError, match="api_key has control or non-ASCII characters") as caught:
        create_soasap_client(api_key=key)

    assert key not in str(caught.value)


def test_final_line_end_of_a_key() -> None:
    """A final line end, as keys in files have it, is not part of the key."""
    with ScriptedServer(hold_open(BEFORE)) as server:
        with create_soasap_client(api_key=API_KEY + "\r\n", base_url=server.base_url, cache=None) as client:
            assert client.wait_ready(10)

        assert API_KEY == server.requests[0].headers["x-api-key"]
