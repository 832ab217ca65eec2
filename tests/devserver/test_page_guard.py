"""Who may use the page: each refusal, and what must pass."""

from __future__ import annotations

import pytest

from soasap._devserver.page_guard import PageGuard, is_loopback


def refused(guard: PageGuard, host: str | None, origin: str | None = None, *, scheme: str = "http") -> bool:
    environ = {"wsgi.url_scheme": scheme}
    if host is not None:
        environ["HTTP_HOST"] = host
    if origin is not None:
        environ["HTTP_ORIGIN"] = origin
    return guard.refusal(environ, token=False) is not None


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:8765", "127.0.0.1:8765", "127.0.0.1", "127.1.2.3:1", "[::1]:99"]
)
def test_hosts_that_pass(host: str) -> None:
    """`localhost` and loopback addresses in digits pass, with any port, as one may be forwarded."""
    assert not refused(PageGuard(), host)
    assert not refused(PageGuard(), host, f"http://{host}")
    assert not refused(PageGuard(), host, f"https://{host.lower()}", scheme="https")


@pytest.mark.parametrize(
    "host",
    [
        *(None, "", "example.org", "example.org:8765", "localhost.example.org", "127.0.0.1.example.org", "127.0.0.1x"),
        *(
            "example.org#localhost",
            "localhost@example.org",
            "evil-localhost",
            "localhost.",
            "192.0.2.1:8765",
            "0.0.0.0",
        ),
        *(
            "[::2]",
            "::1",
            "127.0.0.1:",
            "127.0.0.1:8765:1",
            "localhost\n",
            "127.1",
            "2130706433",
            "0x7f.0.0.1",
            "１27.0.0.1",
        ),
    ],
)
def test_other_hosts_are_refused(host: str | None) -> None:
    """Any name that somebody else may make lead here is refused, and whatever only looks like ours."""
    assert refused(PageGuard(), host)


@pytest.mark.parametrize(
    ("origin", "scheme"),
    [
        ("http://example.org", "http"),
        ("null", "http"),
        ("", "http"),
        ("https://localhost:8765", "http"),
        ("http://localhost:8765", "https"),
        ("http://localhost:3000", "http"),
        ("http://localhost", "http"),
        ("http://127.0.0.1:8765", "http"),
        ("http://localhost:8765.example.org", "http"),
    ],
)
def test_other_origins_are_refused(origin: str, scheme: str) -> None:
    """An origin that is not scheme, host and port of the request is refused, another port of this machine too."""
    assert refused(PageGuard(), "localhost:8765", origin, scheme=scheme)


@pytest.mark.parametrize("given", [None, "", "x", "\xff"])
def test_tokens(given: str | None) -> None:
    """Where the token is asked for, only the guard's own passes, and no two guards have the same."""
    guard = PageGuard()
    environ = {"wsgi.url_scheme": "http", "HTTP_HOST": "localhost"}
    wrong = environ if given is None else {**environ, "HTTP_X_SOASAP_TOKEN": given}

    assert "X-Soasap-Token" in (guard.refusal(wrong, token=True) or "")
    assert guard.refusal({**environ, "HTTP_X_SOASAP_TOKEN": guard.token}, token=True) is None
    assert guard.refusal({**environ, "HTTP_X_SOASAP_TOKEN": PageGuard().token}, token=True) is not None
    assert len(guard.token) >= 40


@pytest.mark.parametrize(
    ("address", "loopback"),
    [
        *(("127.0.0.1", True), ("127.3.2.1", True), ("::1", True)),
        *(("0.0.0.0", False), ("::", False), ("192.0.2.1", False), ("localhost", False), ("", False)),
    ],
)
def test_loopback(address: str, loopback: bool) -> None:
    """Loopback is what is so by its digits."""
    assert loopback == is_loopback(address)
