"""Options: what is taken, what it becomes, and how what is refused is named."""

from __future__ import annotations

import ssl
from typing import Any

import pytest

from soasap import SoasapClientOptions
from soasap._sansio.options import DEFAULT_BASE_URL, check_options, exposes_key

SECRET = "sk-3f9a-not-to-be-seen"


class Cache:
    def load(self) -> bytes | None:
        return None

    def save(self, payload: bytes) -> None:
        pass


def checked(**options: Any) -> SoasapClientOptions:
    return check_options(SoasapClientOptions(**{"api_key": SECRET, **options}))


def test_defaults_pass_unchanged() -> None:
    """An API key alone is enough, and every other option keeps its default."""
    options = SoasapClientOptions(SECRET)

    assert options == check_options(options)


@pytest.mark.parametrize(
    ("expected", "given"),
    [
        ("key", "key"),
        ("key", "key\n"),
        ("key", "key\r\n"),
        (" key ", " key "),
    ],
)
def test_api_key(expected: str, given: str) -> None:
    """A line end around the key, as files have it, is stripped; the given options stay as they were."""
    options = SoasapClientOptions(given)

    assert expected == check_options(options).api_key
    assert given == options.api_key


@pytest.mark.parametrize(
    ("expected", "given"),
    [
        (DEFAULT_BASE_URL, ""),
        ("http://localhost:8080", "http://localhost:8080"),
        ("https://flags.example/base", "https://flags.example/base//"),
        ("http://[::1]:1", "http://[::1]:1/"),
        ("https://h:65535", "https://h:65535"),
    ],
)
def test_base_url(expected: str, given: str) -> None:
    """An empty address means the default, and a slash at the end is dropped."""
    assert expected == checked(base_url=given).base_url


@pytest.mark.parametrize(
    "options",
    [
        {"on_error": print},
        {"cache_directory": "/nowhere"},
        {"backend": "auto"},
        {"backend": "threads"},
        {"backend": "gevent"},
        {"backend": "eventlet"},
        {"backend": object},
        {"connect_timeout": 1, "response_timeout": 0.001, "read_timeout": 1e9},
        {"proxy": ""},
        {"proxy": "http://user:pass@proxy:3128"},
        {"ca_file": "ca.pem"},
        {"client_cert": "client.pem"},
        {"client_cert": ("client.pem", "client.key")},
        {"ssl_context": ssl.create_default_context()},
        {"cache": None},
        {"cache": "disk"},
        {"cache": Cache()},
    ],
    ids=lambda options: ",".join(options),
)
def test_what_is_allowed(options: dict[str, Any]) -> None:
    """Every allowed value passes as it is."""
    result = checked(**options)

    assert options == {name: getattr(result, name) for name in options}


LOOSE = ssl.create_default_context()
LOOSE.check_hostname = False
LOOSE.verify_mode = ssl.CERT_NONE

NAMELESS = ssl.create_default_context()
NAMELESS.check_hostname = False


@pytest.mark.parametrize(
    ("error", "name", "value"),
    [
        (TypeError, "on_error", "print"),
        (TypeError, "cache_directory", 5),
        (TypeError, "ca_file", b"ca.pem"),
        (TypeError, "client_cert", ["a", "b"]),
        (TypeError, "client_cert", ("a",)),
        (TypeError, "client_cert", ("a", 1)),
        (ValueError, "backend", "asyncio"),
        (TypeError, "backend", 3),
        (TypeError, "backend", None),
        (TypeError, "connect_timeout", "10"),
        (TypeError, "connect_timeout", True),
        (TypeError, "response_timeout", None),
        (ValueError, "read_timeout", 0),
        (ValueError, "read_timeout", -1.0),
        (ValueError, "read_timeout", float("nan")),
        (ValueError, "response_timeout", float("inf")),
        (TypeError, "base_url", 5),
        (ValueError, "base_url", "flags.example"),
        (ValueError, "base_url", "ftp://flags.example"),
        (ValueError, "base_url", "https://"),
        (ValueError, "base_url", "https://h:0"),
        (ValueError, "base_url", "https://h:70000"),
        (ValueError, "base_url", "https://h:x"),
        (ValueError, "base_url", "https://[::1"),
        (ValueError, "base_url", "https://h/ä"),
        (ValueError, "base_url", "https://h/a b"),
        (ValueError, "base_url", "https://h/\x7f"),
        (ValueError, "base_url", "https://h/?q=1"),
        (ValueError, "base_url", "https://h/#f"),
        (TypeError, "proxy", 5),
        (ValueError, "proxy", "proxy:3128"),
        (ValueError, "proxy", "socks5://proxy"),
        (TypeError, "ssl_context", "context"),
        (TypeError, "ssl_context", Cache()),
        (ValueError, "ssl_context", LOOSE),
        (ValueError, "ssl_context", NAMELESS),
        (ValueError, "cache", "memory"),
        (TypeError, "cache", object()),
        (TypeError, "api_key", 5),
        (TypeError, "api_key", SECRET.encode()),
        (ValueError, "api_key", None),
        (ValueError, "api_key", ""),
        (ValueError, "api_key", " \n\t"),
        (ValueError, "api_key", SECRET + "\0"),
        (ValueError, "api_key", SECRET + "\nX-Evil: 1"),
        (ValueError, "api_key", SECRET + "ä"),
    ],
)
def test_what_is_refused(error: type[Exception], name: str, value: Any) -> None:
    """A wrong type or a value out of range is an error that begins with the option's name; no key is quoted."""
    with pytest.raises(error, match=f"^{name} ") as caught:
        checked(**{name: value})

    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("base_url", "https://user:s3cret@flags.example"),
        ("base_url", "https://s3cret@flags.example"),
        ("proxy", "http://user:s3cret@:3128"),
        ("proxy", "http://user:s3cret@proxy:70000"),
        ("proxy", "http://user:s3cret@pröxy"),
        ("proxy", "user:s3cret@proxy"),
    ],
)
def test_passwords_are_not_quoted(name: str, url: str) -> None:
    """A refused address that may hold a password is not shown."""
    with pytest.raises(ValueError, match=f"^{name} ") as caught:
        checked(**{name: url})

    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("other", [{"ca_file": "ca.pem"}, {"client_cert": "client.pem"}])
def test_ready_context_stands_alone(other: dict[str, str]) -> None:
    """A ready context beside certificate files is refused: nobody could say which counts."""
    with pytest.raises(ValueError, match="leave out ca_file and client_cert"):
        checked(ssl_context=ssl.create_default_context(), **other)


def test_long_values_are_cut() -> None:
    """A message stays readable whatever was given."""
    with pytest.raises(TypeError) as caught:
        checked(cache_directory=["x" * 10_000])

    assert len(str(caught.value)) < 200


def test_secrets_are_not_in_the_representation() -> None:
    """Neither the API key nor a proxy's password shows in the options' own text."""
    options = SoasapClientOptions(SECRET, proxy="http://user:s3cret@proxy")

    assert SECRET not in repr(options)
    assert "s3cret" not in repr(options)


@pytest.mark.parametrize(
    "base_url",
    [
        "http://flags.example",
        "http://10.0.0.1:8080",
        "http://127.0.0.1.example",
        "http://localhost.example/x",
        "HTTP://a",
    ],
)
def test_exposed_key(base_url: str) -> None:
    """Over plain http to another machine everybody on the way can read the key."""
    assert exposes_key(base_url)


@pytest.mark.parametrize(
    "base_url",
    [
        "https://flags.example",
        "http://localhost:8765",
        "http://LOCALHOST",
        "http://flags.localhost",
        "http://127.0.0.1:1/base",
        "http://127.1",
        "http://[::1]:8765",
    ],
)
def test_key_that_stays(base_url: str) -> None:
    """Over https nobody can, and what goes to this very machine passes nobody."""
    assert not exposes_key(base_url)
