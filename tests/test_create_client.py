"""The front desk: keywords become options, as in release 1.0.3, and newer ones are not lost silently."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from soasap import SoasapClientImpl, SoasapClientOptions, create_soasap_client
from tests.clients import API_KEY
from tests.flagserver import ScriptedServer, hold_open

NEWER: dict[str, Any] = {
    "backend": "threads",
    "connect_timeout": 1.0,
    "response_timeout": 1.0,
    "read_timeout": 1.0,
    "proxy": "",
    "ca_file": "ca.pem",
    "client_cert": "client.pem",
    "ssl_context": object(),
    "cache": None,
    "initial_flags": {"on": True},
    "on_update": print,
}


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer(hold_open(b'{"on": true}')) as server:
        yield server


def test_neither_options_nor_key() -> None:
    """Without options and API key there is nothing to ask for."""
    with pytest.raises(TypeError, match="api_key"):
        create_soasap_client()


@pytest.mark.parametrize("key", ["", "  ", "\n"])
def test_empty_key(key: str) -> None:
    """An empty or blank key is refused, by keyword and in options."""
    with pytest.raises(ValueError, match="api_key"):
        create_soasap_client(api_key=key)
    with pytest.raises(ValueError, match="api_key"):
        create_soasap_client(SoasapClientOptions(api_key=key))


def test_keywords_reach_the_client(server: ScriptedServer, tmp_path: Path) -> None:
    """Keywords alone make a client that streams from that address, with that key and that cache."""
    with create_soasap_client(
        api_key=API_KEY, base_url=server.base_url + "/", preload=True, cache_directory=str(tmp_path)
    ) as client:
        assert SoasapClientImpl is type(client)
        assert client.wait_ready(10)
        assert client.get_bool("on") is True
        assert ("/api/v1/flags/live", API_KEY) == (server.requests[0].target, server.requests[0].headers["x-api-key"])

    assert 1 == len(list(tmp_path.glob("soasap_*.json")))


def test_options_alone(server: ScriptedServer) -> None:
    """Options alone make a client, in the factory and in the class."""
    options = SoasapClientOptions(API_KEY, base_url=server.base_url, cache=None)
    with create_soasap_client(options) as first, SoasapClientImpl(options) as second:
        assert (True, True) == (first.wait_ready(10), second.wait_ready(10))


def test_old_keywords_beside_options_are_ignored(server: ScriptedServer) -> None:
    """As in release 1.0.3, options win over its keywords without a word."""
    options = SoasapClientOptions(API_KEY, base_url=server.base_url, cache=None)
    with create_soasap_client(
        options,
        api_key="",
        base_url="nonsense",
        preload=True,
        cache_directory="/nonsense",
        on_error=lambda context: pytest.fail(str(context)),
    ) as client:
        assert 0 == len(server.connections)
        assert client.wait_ready(10)
    assert API_KEY == server.requests[0].headers["x-api-key"]


@pytest.mark.parametrize("name", NEWER)
def test_newer_keyword_beside_options(name: str) -> None:
    """A keyword that 1.0.3 did not have is refused beside options, by its name."""
    with pytest.raises(TypeError, match=f"^{name} beside options"):
        create_soasap_client(SoasapClientOptions(API_KEY), **{name: NEWER[name]})


def test_every_option_is_a_keyword_with_the_same_default() -> None:
    """The factory and the options never drift apart."""
    parameters = inspect.signature(create_soasap_client).parameters
    expected = {each.name: each.default for each in fields(SoasapClientOptions) if each.name != "api_key"}

    assert expected == {name: parameters[name].default for name in expected}
    assert set(parameters) == {*expected, "options", "api_key", "http_opener"}
    assert {*NEWER} == {*list(expected)[4:]}


def test_empty_address_means_the_default() -> None:
    """An empty `base_url` is no error: the service's own address counts."""
    create_soasap_client(api_key=API_KEY, base_url="", cache=None).close()


@pytest.mark.parametrize("options", ["sk-a-key-given-in-the-wrong-place", 5, {"api_key": "k"}])
def test_options_of_another_type(options: Any) -> None:
    """What is no options object is refused by name, and not quoted: it may be the key."""
    with pytest.raises(TypeError, match=r"^options must be SoasapClientOptions") as caught:
        create_soasap_client(options)

    assert "sk-a-key" not in str(caught.value)


def test_opener_that_cannot_be_called() -> None:
    """An `http_opener` that is no function is found at construction."""
    with pytest.raises(TypeError, match=r"^http_opener must be callable"):
        create_soasap_client(api_key=API_KEY, http_opener="urlopen")  # type: ignore[arg-type]
