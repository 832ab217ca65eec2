"""Names and connections, on real sockets."""

from __future__ import annotations

import pytest

from soasap._terminal.checks.network import check_connection, check_dns, endpoint
from soasap._terminal.troubles import Trouble
from tests.addresses import FullBacklog, free_port
from tests.flagserver import ScriptedServer, hold_open


@pytest.mark.parametrize(
    ("url", "expected"),
    [("http://h", ("h", 80)), ("https://h/x", ("h", 443)), ("http://h:81", ("h", 81)), ("http://[::1]", ("::1", 80))],
)
def test_endpoints(url: str, expected: tuple[str, int]) -> None:
    """A URL without a port means that of its scheme."""
    assert expected == endpoint(url)


def test_a_name() -> None:
    """A name that is known gives its addresses."""
    finding, addresses = check_dns("localhost", 80)

    assert "ok" == finding.verdict
    assert {"127.0.0.1", "::1"} & set(addresses)


@pytest.mark.parametrize("host", ["no.such.host.invalid", "a" * 70 + ".example"])
def test_an_unknown_name(host: str) -> None:
    """A name that is unknown, or that no name can be, is a failure."""
    finding, addresses = check_dns(host, 80)

    assert ("failure", Trouble.UNREACHABLE, []) == (finding.verdict, finding.trouble, addresses)
    assert finding.words.startswith(f"{host} is unknown")


def test_a_connection() -> None:
    """A port that takes connections is fine, and nothing is asked there."""
    with ScriptedServer(hold_open()) as server:
        finding = check_connection("localhost", server.port, ["127.0.0.1"], 10, is_proxy=False)

    assert "ok" == finding.verdict
    assert [] == server.requests


def test_the_second_address() -> None:
    """An address that is refused before another takes the connection is a warning."""
    with ScriptedServer(hold_open()) as server:
        finding = check_connection("localhost", server.port, ["127.0.0.2", "127.0.0.1"], 10, is_proxy=False)

    assert "warning" == finding.verdict
    assert "127.0.0.2: Connection refused" in finding.words


@pytest.mark.parametrize(("is_proxy", "trouble"), [(False, Trouble.UNREACHABLE), (True, Trouble.PROXY)])
def test_refused(is_proxy: bool, trouble: Trouble) -> None:
    """A port where nobody listens is a failure, of the proxy if it is the proxy's."""
    finding = check_connection("localhost", free_port(), ["127.0.0.1"], 10, is_proxy=is_proxy)

    assert ("failure", trouble, is_proxy) == (finding.verdict, finding.trouble, "the proxy " in finding.words)
    assert "Connection refused" in finding.words


def test_nobody_answers() -> None:
    """An address that does not answer is given up after the timeout."""
    with FullBacklog() as full:
        finding = check_connection("localhost", full.port, ["127.0.0.1"], 0.2, is_proxy=False)

    assert "failure" == finding.verdict
    assert "127.0.0.1: no answer within 0.2 s" in finding.words
