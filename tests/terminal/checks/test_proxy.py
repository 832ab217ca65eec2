"""What the environment says about proxies."""

from __future__ import annotations

import os

import pytest

from soasap._terminal.checks.proxy import check_proxy
from soasap._terminal.finding import Finding

ELSEWHERE = "https://flags.example.com"


def look(monkeypatch: pytest.MonkeyPatch, url: str, **environ: str) -> Finding:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    return check_proxy(url, os.environ)


def test_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without variables there is no proxy; one for another scheme is none either."""
    assert ("ok", "none") == ((found := look(monkeypatch, ELSEWHERE, HTTP_PROXY="http://p:3128")).verdict, found.words)


def test_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy is named without its password."""
    finding = look(monkeypatch, ELSEWHERE, HTTPS_PROXY="http://user:pass-word@p.example:3128")

    assert "ok" == finding.verdict
    assert "http://p.example:3128, from HTTPS_PROXY; it can hold events back" == finding.words
    assert "http://p.example:3128" == finding.facts["proxy"]


def test_an_exception(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that NO_PROXY excepts is said to be."""
    finding = look(monkeypatch, ELSEWHERE, HTTPS_PROXY="http://p:3128", NO_PROXY=".example.com")

    assert ("ok", None) == (finding.verdict, finding.facts["proxy"])
    assert "NO_PROXY excepts flags.example.com" in finding.words


@pytest.mark.parametrize("value", ["socks5://user:pass-word@p:1080", "http://user:pass/word@p:3128"])
def test_no_proxy_of_ours(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """What is no http proxy is a failure, and is not quoted."""
    finding = look(monkeypatch, ELSEWHERE, HTTPS_PROXY=value)

    assert "failure" == finding.verdict
    assert "pass" not in finding.words.partition("user name and password")[0]
    assert "1080" not in finding.words


@pytest.mark.parametrize(
    ("url", "environ", "words"),
    [
        ("http://127.0.0.1:8765", {"HTTP_PROXY": "http://p:3128"}, "this machine's own address"),
        (ELSEWHERE, {"HTTPS_PROXY": "http://p:3128", "https_proxy": "http://q:3128"}, "the lower case one counts"),
        (ELSEWHERE, {"ALL_PROXY": "http://p:3128"}, "ALL_PROXY is set, which soasap does not read"),
    ],
)
def test_odd_environments(monkeypatch: pytest.MonkeyPatch, url: str, environ: dict[str, str], words: str) -> None:
    """What does something else than what was probably meant is a warning."""
    finding = look(monkeypatch, url, **environ)

    assert "warning" == finding.verdict
    assert words in finding.words
