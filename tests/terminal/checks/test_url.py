"""The address, before anybody is asked."""

from __future__ import annotations

import pytest

from soasap._terminal.checks.url import check_url
from soasap._terminal.troubles import Trouble


@pytest.mark.parametrize("url", ["https://api.soasap.com", "http://127.0.0.1:8765/", "http://localhost", ""])
def test_addresses(url: str) -> None:
    """https, this machine, and the default are fine; the origin of an address is named."""
    finding = check_url(url, "SOASAP_BASE_URL")

    assert "ok" == finding.verdict
    assert "(SOASAP_BASE_URL)" in finding.words


@pytest.mark.parametrize(
    "url", ["flags.example.com", "ftp://flags.example.com", "https://", "http://h:0", "http://a b"]
)
def test_no_addresses(url: str) -> None:
    """What a client refuses is a failure, with its words."""
    finding = check_url(url, "--base-url")

    assert ("failure", Trouble.URL) == (finding.verdict, finding.trouble)
    assert finding.words.startswith("--base-url: base_url must be http:// or https://")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://flags.example.com", "without encryption"),
        ("https://flags.example.com/api/v1/flags/live", "the path of the stream"),
        ("https://flags.example.com/api/v1/flags/live/", "the path of the stream"),
    ],
)
def test_odd_addresses(url: str, words: str) -> None:
    """An address that gives the key away, or has too much path, is a warning."""
    finding = check_url(url, "--base-url")

    assert "warning" == finding.verdict
    assert words in finding.words
