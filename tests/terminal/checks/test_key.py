"""The shape of a key; its characters are never in words."""

from __future__ import annotations

import pytest

from soasap._terminal.checks.key import check_key


@pytest.mark.parametrize("key", ["sk-0123456789", "sk-0123456789\n"])
def test_a_key(key: str) -> None:
    """A key is counted and not shown; a newline at its end, as files have it, is fine."""
    finding = check_key(key)

    assert ("ok", "SOASAP_API_KEY is set, 13 characters (not shown)") == (finding.verdict, finding.words)


@pytest.mark.parametrize(("key", "words"), [(None, "is not set"), ("", "is empty"), (" \n", "is empty")])
def test_no_key(key: str | None, words: str) -> None:
    """Without a key nothing can be asked."""
    finding = check_key(key)

    assert ("failure", f"SOASAP_API_KEY {words}") == (finding.verdict, finding.words)


@pytest.mark.parametrize("key", ["sk-0123\x00456", "sk-0123ä456", "sk-0123\n456"])
def test_a_key_that_no_header_carries(key: str) -> None:
    """A key with characters that no header carries is a failure."""
    finding = check_key(key)

    assert "failure" == finding.verdict
    assert "0123" not in finding.words


@pytest.mark.parametrize(
    ("key", "words"),
    [
        (" sk-0123456789", "white space"),
        ("sk-0123456789 ", "white space"),
        ('"sk-0123456789"', "quotation marks"),
        ("'sk-0123456789'", "quotation marks"),
        ("${sk-0123456789}", "placeholder"),
        ("$SOASAP_0123456789", "placeholder"),
        ("<sk-0123456789>", "placeholder"),
        ("Bearer sk-0123456789", "begins like a header"),
        ("X-API-Key: sk-0123456789", "begins like a header"),
    ],
)
def test_odd_keys(key: str, words: str) -> None:
    """What nobody can have meant is a warning."""
    finding = check_key(key)

    assert "warning" == finding.verdict
    assert words in finding.words
    assert "0123456789" not in finding.words
