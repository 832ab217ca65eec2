"""A real proxy between client and service: tunnels, plain requests, wrong passwords, variables, a proxy that goes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from compat.flag_service import API_KEY, SEQUENCE, Certificate, FlagService
from compat.tinyproxy import PASSWORD, USER, Tinyproxy
from compat.waiting import eventually
from soasap import SoasapClientImpl, SoasapErrorContext, create_soasap_client
from soasap.exceptions import ConnectionFailed, UnexpectedAnswer
from tests.addresses import free_port

PATIENCE = 60.0
VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY")

both_schemes = pytest.mark.parametrize("secure", [False, True], ids=["http", "https"])


@pytest.fixture(autouse=True)
def no_proxy_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing goes through the proxy of whoever runs this."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def service(secure: bool, certificate: Certificate, tmp_path: Path) -> Iterator[FlagService]:
    with contextlib.closing(FlagService(tmp_path, certificate if secure else None)) as service:
        service.up()
        yield service


@contextlib.contextmanager
def streaming(
    base_url: str, certificate: Certificate, errors: list[SoasapErrorContext] | None = None, **options: Any
) -> Iterator[SoasapClientImpl]:
    """A client that has started."""
    client = create_soasap_client(
        api_key=API_KEY,
        base_url=base_url,
        cache=None,
        ca_file=str(certificate.authority),
        on_error=None if errors is None else errors.append,
        **options,
    )
    with client:
        client.status()
        yield client


def await_value(client: SoasapClientImpl, service: FlagService) -> None:
    """Wait for the newest change."""
    eventually(
        lambda: client.get_int(SEQUENCE, -1) == service.value,
        f"change {service.value}: {client.status()}",
        PATIENCE,
        pause=0.002,
    )


@both_schemes
@pytest.mark.parametrize("demands_password", [False, True], ids=["open", "password"])
def test_stream_goes_through(
    secure: bool, demands_password: bool, service: FlagService, certificate: Certificate, tmp_path: Path
) -> None:
    """Changes arrive through the proxy, over one connection; a tunnel hides the key and the path from it."""
    with (
        Tinyproxy(tmp_path / "proxy", demands_password=demands_password) as proxy,
        streaming(service.base_url, certificate, proxy=proxy.url) as client,
    ):
        assert client.wait_ready(PATIENCE)
        for _ in range(10):
            service.change()
            await_value(client, service)

        assert (1, 0) == (client.status().connects, client.status().errors)
        host = service.base_url.partition("://")[2]
        expected = f"CONNECT {host} HTTP/1.0" if secure else f"GET {service.base_url}/api/v1/flags/live HTTP/1.1"
        assert [expected.split()[:2]] == [request.split()[:2] for request in proxy.requests()]
        client.close()
        eventually(lambda: not service.streams(), "the end of the stream at the service")
        assert API_KEY not in proxy.log()


@both_schemes
def test_wrong_password(secure: bool, service: FlagService, certificate: Certificate, tmp_path: Path) -> None:
    """The report names the proxy and what to check; it is nothing that passes, and the password is not in it."""
    errors: list[SoasapErrorContext] = []
    with Tinyproxy(tmp_path / "proxy", demands_password=True) as proxy:
        url = proxy.url.replace(PASSWORD, "wr0ng")
        with streaming(service.base_url, certificate, errors, proxy=url):
            eventually(lambda: errors, "the report")
    error = errors[0].exception

    assert isinstance(error, UnexpectedAnswer)
    # tinyproxy answers 401 to a wrong password, and 407 to none.
    assert (401, False, True) == (error.status, errors[0].is_transient, error.is_refusal)
    assert f"the proxy http://{proxy.address}" in str(error)
    assert ("check the user name and password of the proxy" in str(error)) is secure
    assert "wr0ng" not in repr(errors) + str(error)


@both_schemes
def test_no_password(secure: bool, service: FlagService, certificate: Certificate, tmp_path: Path) -> None:
    """Where the proxy says so itself, the report says what to check over plain http, too."""
    errors: list[SoasapErrorContext] = []
    with (
        Tinyproxy(tmp_path / "proxy", demands_password=True) as proxy,
        streaming(service.base_url, certificate, errors, proxy=f"http://{proxy.address}"),
    ):
        eventually(lambda: errors, "the report")

    expected = (
        f"the proxy http://{proxy.address} answered 407, expected 200; check the user name and password of the proxy"
    )
    assert (expected, False) == (str(errors[0].exception), errors[0].is_transient)


@both_schemes
def test_service_is_down_behind_the_proxy(
    secure: bool, service: FlagService, certificate: Certificate, tmp_path: Path
) -> None:
    """What the proxy answers for a service that is away passes; the flags stay, and the next start is found."""
    errors: list[SoasapErrorContext] = []
    with (
        Tinyproxy(tmp_path / "proxy") as proxy,
        streaming(service.base_url, certificate, errors, proxy=proxy.url) as client,
    ):
        assert client.wait_ready(PATIENCE)
        service.down()
        eventually(lambda: [each for each in errors if isinstance(each.exception, UnexpectedAnswer)], "an answer 5xx")
        assert 0 == client.get_int(SEQUENCE, -1)
        service.change()
        service.up()
        await_value(client, service)

    assert all(error.is_transient for error in errors)


@both_schemes
def test_proxy_is_stopped_and_restarted(
    secure: bool, service: FlagService, certificate: Certificate, tmp_path: Path
) -> None:
    """Flags outlive the proxy; when it is back there is one stream again, and the news."""
    errors: list[SoasapErrorContext] = []
    with (
        Tinyproxy(tmp_path / "proxy") as proxy,
        streaming(service.base_url, certificate, errors, proxy=proxy.url) as client,
    ):
        assert client.wait_ready(PATIENCE)
        proxy.stop()
        eventually(lambda: client.status().state == "stale" and errors, "the loss, and a refused connection")
        assert 0 == client.get_int(SEQUENCE, -1)
        service.change()
        proxy.start()
        await_value(client, service)
        eventually(lambda: len(service.streams()) == 1, "one stream")

    assert f"through the proxy http://{proxy.address}" in str(errors[-1].exception)


@both_schemes
@pytest.mark.parametrize("lower", [False, True], ids=["capitals", "lower case"])
def test_variables(
    secure: bool,
    lower: bool,
    service: FlagService,
    certificate: Certificate,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The variable for the scheme leads through the proxy; NO_PROXY leads around it."""
    name, exception = ("HTTPS_PROXY" if secure else "HTTP_PROXY"), "NO_PROXY"
    if lower:
        name, exception = name.lower(), exception.lower()
    with Tinyproxy(tmp_path / "proxy", demands_password=True) as proxy:
        monkeypatch.setenv(name, proxy.url)
        with streaming(service.base_url, certificate) as client:
            assert client.wait_ready(PATIENCE)
        assert 1 == len(proxy.requests())
        monkeypatch.setenv(exception, "localhost")
        with streaming(service.base_url, certificate) as client:
            assert client.wait_ready(PATIENCE)
        assert 1 == len(proxy.requests())


@both_schemes
def test_variable_points_nowhere(
    secure: bool, service: FlagService, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The report names the proxy, without its password, so that nobody looks for the fault at the service."""
    errors: list[SoasapErrorContext] = []
    port = free_port()
    monkeypatch.setenv("HTTPS_PROXY" if secure else "HTTP_PROXY", f"http://{USER}:{PASSWORD}@127.0.0.1:{port}")
    with streaming(service.base_url, certificate, errors):
        eventually(lambda: errors, "the report")

    assert isinstance(errors[0].exception, ConnectionFailed)
    assert errors[0].is_transient
    assert f"through the proxy http://127.0.0.1:{port}" in str(errors[0].exception)
    assert PASSWORD not in repr(errors) + str(errors[0].exception)
