"""
nginx between client and service: with and without buffering, with an idle timeout, over TLS, stopped and restarted.

What nginx does by default with a stream is documented here by what it does to ours.
"""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from compat.flag_service import API_KEY, SEQUENCE, Certificate, FlagService
from compat.nginx import Nginx
from compat.waiting import eventually
from soasap import SoasapClientImpl, SoasapErrorContext, create_soasap_client
from soasap.exceptions import ConnectionFailed, NetworkError, UnexpectedAnswer

UNBUFFERED = ["proxy_buffering off;"]

BUFFERED = ["proxy_buffering on;", "proxy_ignore_headers X-Accel-Buffering;"]
"""The service asks nginx for no buffering by a header of its answer; here nginx does not listen."""

PATIENCE = 60.0

Record = Callable[[str, object], None]


@pytest.fixture
def service(tmp_path: Path) -> Iterator[FlagService]:
    """A flag service that sends a sign of life every second."""
    with contextlib.closing(FlagService(tmp_path, None)) as service:
        service.up()
        yield service


@contextlib.contextmanager
def streaming(
    base_url: str, certificate: Certificate, errors: list[SoasapErrorContext] | None = None, **options: float
) -> Iterator[SoasapClientImpl]:
    """A client that has started."""
    client = create_soasap_client(
        api_key=API_KEY,
        base_url=base_url,
        cache=None,
        ca_file=str(certificate.authority) if base_url.startswith("https:") else None,
        on_error=None if errors is None else errors.append,
        response_timeout=options.get("response_timeout", 15),
        read_timeout=options.get("read_timeout", 300),
    )
    with client:
        client.status()
        yield client


def await_value(client: SoasapClientImpl, service: FlagService) -> None:
    """Wait for the newest change."""
    eventually(
        lambda: client.get_int(SEQUENCE, -1) == service.value,
        f"change {service.value}, not {client.get_int(SEQUENCE, -1)}: {client.status()}",
        PATIENCE,
        pause=0.002,
    )


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize(
    "directives",
    [
        UNBUFFERED,
        [*UNBUFFERED, "proxy_http_version 1.1;", 'proxy_set_header Connection "";'],
        [],
        ["proxy_buffering on;"],
    ],
    ids=["off", "off, 1.1", "defaults", "on, by the header off"],
)
def test_changes_arrive(
    directives: list[str],
    secure: bool,
    service: FlagService,
    certificate: Certificate,
    tmp_path: Path,
    record_property: Record,
) -> None:
    """Each change arrives within a second, over one stream; when the client closes, the service sees the end."""
    delays = []
    with (
        Nginx(tmp_path / "nginx", service.base_url, directives, certificate if secure else None) as nginx,
        streaming(nginx.url, certificate) as client,
    ):
        assert client.wait_ready(PATIENCE)
        for _ in range(20):
            service.change()
            changed = time.monotonic()
            await_value(client, service)
            delays.append(time.monotonic() - changed)

        assert (1, 0, "") == (client.status().connects, client.status().errors, client.status().hint)
        assert 1 == len(service.streams())
        client.close()
        eventually(lambda: not service.streams(), "the end of the stream at the service")
    record_property("delay_ms_median_worst", (statistics.median(delays) * 1000, max(delays) * 1000))
    assert statistics.median(delays) < 1.0


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
def test_nginx_is_stopped_and_restarted(
    secure: bool, service: FlagService, certificate: Certificate, tmp_path: Path
) -> None:
    """Flags outlive nginx; when it is back there is one stream again, and the news."""
    errors: list[SoasapErrorContext] = []
    with (
        Nginx(tmp_path / "nginx", service.base_url, UNBUFFERED, certificate if secure else None) as nginx,
        streaming(nginx.url, certificate, errors) as client,
    ):
        assert client.wait_ready(PATIENCE)
        nginx.stop()
        eventually(lambda: client.status().state == "stale" and errors, "the loss, and a refused connection")
        assert 0 == client.get_int(SEQUENCE, -1)
        service.change()
        nginx.start()
        await_value(client, service)

        assert "live" == client.status().state
        eventually(lambda: len(service.streams()) == 1, "one stream")
    assert all(isinstance(error.exception, ConnectionFailed) and error.is_transient for error in errors)


def test_service_is_killed_and_restarted(service: FlagService, certificate: Certificate, tmp_path: Path) -> None:
    """While the service is away nginx answers 502, which passes; when it is back there is one stream, and the news."""
    errors: list[SoasapErrorContext] = []
    with (
        Nginx(tmp_path / "nginx", service.base_url, UNBUFFERED) as nginx,
        streaming(nginx.url, certificate, errors) as client,
    ):
        assert client.wait_ready(PATIENCE)
        service.down()
        refusals = eventually(
            lambda: [each.exception for each in errors if isinstance(each.exception, UnexpectedAnswer)], "a 502"
        )
        assert 0 == client.get_int(SEQUENCE, -1)
        service.change()
        service.up()
        await_value(client, service)

        assert 502 == refusals[0].status
        assert 1 == len(service.streams())
    assert all(error.is_transient for error in errors)


IDLE = 11
"""Seconds of silence after which nginx cuts; more than the ten after which a stream counts as a good one."""


def test_idle_timeout(certificate: Certificate, tmp_path: Path, record_property: Record) -> None:
    """
    Where nginx cuts every stream that is silent for a while, the client is back within two seconds, each time.

    So it is blind for little of its time, reports nothing, and hears what changed meanwhile.
    """
    errors: list[SoasapErrorContext] = []
    with contextlib.closing(FlagService(tmp_path, None, keep_alive=3600)) as service:
        service.up()
        directives = [*UNBUFFERED, f"proxy_read_timeout {IDLE}s;"]
        with (
            Nginx(tmp_path / "nginx", service.base_url, directives) as nginx,
            streaming(nginx.url, certificate, errors) as client,
        ):
            assert client.wait_ready(PATIENCE)
            began, live, looks = time.monotonic(), 0, 0
            while client.status().connects < 4:
                looks += 1
                live += client.status().state == "live"
                time.sleep(0.02)
                assert time.monotonic() - began < 4 * PATIENCE
            service.change()
            await_value(client, service)

            record_property("share_of_time_connected", round(live / looks, 3))
            assert live / looks > 0.8
            assert (0, "") == (client.status().errors, client.status().hint)
    assert [] == errors


def test_signs_of_life_prevent_the_idle_timeout(service: FlagService, certificate: Certificate, tmp_path: Path) -> None:
    """A comment a second keeps a stream open through an idle timeout of three."""
    with (
        Nginx(tmp_path / "nginx", service.base_url, [*UNBUFFERED, "proxy_read_timeout 3s;"]) as nginx,
        streaming(nginx.url, certificate) as client,
    ):
        assert client.wait_ready(PATIENCE)
        time.sleep(8)  # nothing to wait for: that nothing happens is the point

        assert ("live", 1) == (client.status().state, client.status().connects)


def test_buffering_holds_the_head_back(service: FlagService, certificate: Certificate, tmp_path: Path) -> None:
    """
    nginx that buffers passes nothing on until 8 kB have gathered: a small set of flags never arrives.

    The report says what may be the cause, and what to set.
    """
    errors: list[SoasapErrorContext] = []
    with (
        Nginx(tmp_path / "nginx", service.base_url, BUFFERED) as nginx,
        streaming(nginx.url, certificate, errors, response_timeout=2) as client,
    ):
        eventually(lambda: errors, "the report")
        error = errors[0].exception

        assert isinstance(error, NetworkError)
        assert "proxy_buffering off" in str(error)
        assert errors[0].is_transient
        assert "connecting" == client.status().state
        eventually(nginx.requests, "the end of the request in nginx's log")


def test_buffering_holds_the_event_back(
    service: FlagService, certificate: Certificate, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """
    Of a larger set the first 8 kB arrive: the stream is open, and its first event does not end.

    The status gives the hint after ten seconds, and a warning follows when the silence has lasted too long.
    """
    service.change(ballast=10_000)
    with streaming(service.base_url, certificate) as direct:
        await_value(direct, service)  # the service has read it
    with (
        Nginx(tmp_path / "nginx", service.base_url, BUFFERED) as nginx,
        streaming(nginx.url, certificate, read_timeout=12) as client,
    ):
        eventually(lambda: client.status().hint, "the hint", PATIENCE)
        status = client.status()

        assert "proxy_buffering off" in status.hint
        assert ("live", 0, -1) == (status.state, status.events, client.get_int(SEQUENCE, -1))
        eventually(lambda: client.status().errors, "the end of patience", PATIENCE)
        eventually(lambda: "proxy_buffering off" in caplog.text, "the warning")


def test_buffering_with_chunks(service: FlagService, certificate: Certificate, tmp_path: Path) -> None:
    """With HTTP/1.1 to the service nginx passes each chunk on at once, buffering or not."""
    directives = [*BUFFERED, "proxy_http_version 1.1;", 'proxy_set_header Connection "";']
    with (
        Nginx(tmp_path / "nginx", service.base_url, directives) as nginx,
        streaming(nginx.url, certificate) as client,
    ):
        assert client.wait_ready(PATIENCE)
        for ballast in (0, 100_000, 0):
            service.change(ballast=ballast)
            await_value(client, service)

        assert (1, "") == (client.status().connects, client.status().hint)
