from __future__ import annotations

import pytest

from soasap._io.proxies import choose_proxy, credentials, without_credentials

URL = "https://api.soasap.com/api/v1/flags/live"


class TestChooseProxy:
    def test_none(self) -> None:
        """Without option and variables there is no proxy."""
        assert choose_proxy(URL, None) is None

    def test_option(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The option counts more than the environment, NO_PROXY included."""
        monkeypatch.setenv("HTTPS_PROXY", "http://other:1")
        monkeypatch.setenv("NO_PROXY", "*")

        assert "http://proxy:3128" == choose_proxy(URL, "http://proxy:3128")

    def test_empty_option(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """An empty option means none, whatever the environment says."""
        monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")

        assert choose_proxy(URL, "") is None

    @pytest.mark.parametrize(
        ("name", "url"),
        [
            ("HTTPS_PROXY", URL),
            ("https_proxy", URL),
            ("HTTP_PROXY", URL.replace("https", "http")),
            ("http_proxy", URL.replace("https", "http")),
            ("HTTPS_PROXY", URL.replace("https", "HTTPS")),
        ],
    )
    def test_variable(self, name: str, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """The variable for the scheme counts, in either case."""
        monkeypatch.setenv(name, "http://proxy:3128")

        assert "http://proxy:3128" == choose_proxy(url, None)

    def test_other_scheme(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The variable for http does not count for https."""
        monkeypatch.setenv("HTTP_PROXY", "http://proxy:3128")

        assert choose_proxy(URL, None) is None

    def test_without_scheme(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A variable without a scheme means http, as curl reads it."""
        monkeypatch.setenv("HTTPS_PROXY", "proxy:3128")

        assert "http://proxy:3128" == choose_proxy(URL, None)

    @pytest.mark.parametrize("name", ["NO_PROXY", "no_proxy"])
    @pytest.mark.parametrize("value", ["api.soasap.com", "soasap.com", ".soasap.com", "other, api.soasap.com:443", "*"])
    def test_no_proxy(self, name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """NO_PROXY names hosts, domains or host:port, in either case."""
        monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
        monkeypatch.setenv(name, value)

        assert choose_proxy(URL.replace(".com/", ".com:443/"), None) is None

    @pytest.mark.parametrize("value", ["soasap.org", "pi.soasap.com", "api.soasap.com:444", ""])
    def test_no_proxy_for_others(self, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """NO_PROXY for other hosts and ports changes nothing."""
        monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
        monkeypatch.setenv("NO_PROXY", value)

        assert "http://proxy:3128" == choose_proxy(URL.replace(".com/", ".com:443/"), None)

    def test_no_proxy_by_host_alone(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A URL without a port is matched by its host."""
        monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
        monkeypatch.setenv("NO_PROXY", "api.soasap.com")

        assert choose_proxy(URL, None) is None


UNUSABLE = [
    "socks5://user:s3cret@proxy:1080",
    "http://user:s3/cret@proxy:3128",
    "http://user:12/s3cret@proxy:3128",
    "http://user:s3?cret@proxy:3128",
    "http://user:s3#cret@proxy:3128",
    "http://user:s3cret@proxy:many",
    "http://user:s3cret@proxy:0",
    "http://user:s3cret@proxy:70000",
    "http://user:s3cret@[::1",
    "http://user:s3cret@",
    "http://",
]


class TestUnusable:
    @pytest.mark.parametrize("proxy", UNUSABLE)
    def test_option(self, proxy: str) -> None:
        """An option that is no proxy URL is an error that names the option and quotes nothing of it."""
        with pytest.raises(ValueError, match="the option proxy") as caught:
            choose_proxy(URL, proxy)

        assert "s3" not in str(caught.value)
        assert "12" not in str(caught.value)

    @pytest.mark.parametrize("proxy", UNUSABLE)
    def test_variable(self, proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """A variable that is no proxy URL is an error that names the variable and quotes nothing of it."""
        monkeypatch.setenv("HTTPS_PROXY", proxy)

        with pytest.raises(ValueError, match="https_proxy") as caught:
            choose_proxy(URL, None)

        assert "s3" not in str(caught.value)


class TestCredentials:
    @pytest.mark.parametrize(
        ("proxy", "expected", "shown"),
        [
            ("http://proxy:3128", None, "http://proxy:3128"),
            ("http://ada:s3cret@proxy:3128", "ada:s3cret", "http://proxy:3128"),
            ("https://ada:p%40ss%2Fword@proxy", "ada:p@ss/word", "https://proxy"),
            ("http://ada@proxy:3128", "ada:", "http://proxy:3128"),
            ("http://ada:b@c@proxy:3128", "ada:b@c", "http://proxy:3128"),
            ("http://ada:s3cret@[::1]:3128", "ada:s3cret", "http://[::1]:3128"),
        ],
    )
    def test_parts(self, proxy: str, expected: str | None, shown: str) -> None:
        """User and password come out decoded; what is shown has neither."""
        assert (expected, shown) == (credentials(proxy), without_credentials(proxy))
