"""TLS handshakes: good, bad, and soon to be bad."""

from __future__ import annotations

import datetime
import time
from pathlib import Path

import pytest
import trustme

from soasap._terminal.checks.certificate import check_certificate
from soasap._terminal.finding import Finding
from tests.connect_proxy import ConnectProxy
from tests.flagserver import ScriptedServer, hold_open

NOW = datetime.datetime.now(datetime.timezone.utc)


def look(url: str, ca_file: str | None, proxy: str | None = None, client_cert: str | None = None) -> Finding | None:
    return check_certificate(url, proxy, ca_file=ca_file, client_cert=client_cert, timeout=10, now=time.time())


def served(certificate: trustme.CA | trustme.LeafCert) -> ScriptedServer:
    return ScriptedServer(hold_open(), tls=certificate)


def days(count: float) -> datetime.datetime:
    return NOW + datetime.timedelta(days=count)


def test_a_good_one(ca: trustme.CA, ca_file: str) -> None:
    """A certificate that the client takes is named, with its issuer, its end and TLS's version; nothing is asked."""
    with served(ca.issue_cert("127.0.0.1", not_before=days(-10), not_after=days(80.5))) as server:
        finding = look(server.base_url, ca_file)

    assert finding is not None
    assert ("ok", "TLSv1.3", days(80.5).strftime("%Y-%m-%d")) == (
        finding.verdict,
        finding.facts["version"],
        finding.facts["expires"],
    )
    assert "issued by 'Testing CA #" in finding.words or "issued by 'trustme" in finding.words
    assert finding.words.endswith("is good for 80 days")
    assert [] == server.requests


def test_soon_to_end(ca: trustme.CA, ca_file: str) -> None:
    """One that ends soon is a warning; one that lives shortly by design is not."""
    with served(ca.issue_cert("127.0.0.1", not_before=days(-80), not_after=days(3.5))) as server:
        finding = look(server.base_url, ca_file)
    with served(ca.issue_cert("127.0.0.1", not_before=days(-2), not_after=days(4))) as server:
        short_lived = look(server.base_url, ca_file)

    assert finding is not None
    assert short_lived is not None
    assert ("warning", "ok") == (finding.verdict, short_lived.verdict)
    assert finding.words.endswith("is good for 3 days")


@pytest.mark.parametrize(
    ("name", "begin", "end", "words", "advice"),
    [
        ("127.0.0.1", -10.0, -1.0, "certificate has expired", "renew it"),
        ("127.0.0.1", 2.0, 10.0, "certificate is not yet valid", "clock"),
        ("other.example", -1.0, 10.0, "IP address mismatch", "a name that is in the certificate"),
    ],
)
def test_refused(ca: trustme.CA, ca_file: str, name: str, begin: float, end: float, words: str, advice: str) -> None:
    """One that is refused is a failure that says why, what was shown, and what to do about it."""
    certificate = ca.issue_cert(name, common_name="flags", not_before=days(begin), not_after=days(end))
    with served(certificate) as server:
        finding = look(server.base_url, ca_file)

    assert finding is not None
    assert "failure" == finding.verdict
    assert words in finding.words
    assert "for 'flags', issued by 'Testing CA #" in finding.words or "for 'flags', issued by 'trustme" in finding.words
    assert f"until {days(end):%Y-%m-%d}" in finding.words
    assert advice in finding.advice


def test_an_unknown_authority(ca: trustme.CA) -> None:
    """Without the authority's file the certificate is refused, and the file is the advice."""
    with served(ca) as server:
        finding = look(server.base_url, None)

    assert finding is not None
    assert "failure" == finding.verdict
    assert "unable to get local issuer certificate" in finding.words
    assert "--ca-file" in finding.advice


def test_no_tls_there(ca_file: str) -> None:
    """A port that speaks plain HTTP is a failure of the handshake."""
    with ScriptedServer(hold_open()) as server:
        finding = look(server.base_url.replace("http:", "https:"), ca_file)

    assert finding is not None
    assert "failure" == finding.verdict
    assert "no TLS handshake" in finding.words


def test_files_that_cannot_be_used(tmp_path: Path) -> None:
    """A file of authorities that is missing or no PEM is a failure before anybody is asked."""
    empty = tmp_path / "empty.pem"
    empty.write_text("")
    for path in (tmp_path / "missing.pem", empty):
        finding = look("https://127.0.0.1:1", str(path))

        assert finding is not None
        assert "failure" == finding.verdict
        assert f"ca_file='{path}'" in finding.words


def test_through_a_tunnel(ca: trustme.CA, ca_file: str) -> None:
    """Through an http proxy it is the service's certificate that is seen, refused ones too."""
    with ConnectProxy("user", "pw") as proxy, served(ca) as server:
        good = look(server.base_url, ca_file, proxy.url_with_credentials)
        bad = look(server.base_url, None, proxy.url_with_credentials)
        no_tunnel = look(server.base_url, ca_file, proxy.url)

    assert good is not None
    assert bad is not None
    assert ("ok", "failure", None) == (good.verdict, bad.verdict, no_tunnel)
    assert [f"127.0.0.1:{server.port}"] * 3 == proxy.tunnels


@pytest.mark.parametrize(
    ("url", "proxy"), [("http://127.0.0.1:1", None), ("https://127.0.0.1:1", "https://127.0.0.1:2")]
)
def test_nothing_to_see(url: str, proxy: str | None) -> None:
    """Without TLS, and behind a proxy that speaks TLS itself, there is no finding."""
    assert look(url, None, proxy) is None
