"""What the environment says, and what options say over it."""

from __future__ import annotations

import pytest

from soasap._terminal.settings import CannotUse, client_options, read_settings


def test_the_environment_counts() -> None:
    """Key and address come from the environment."""
    settings = read_settings({"SOASAP_API_KEY": "k", "SOASAP_BASE_URL": "http://one"})

    assert ("k", "http://one", "SOASAP_BASE_URL") == (settings.api_key, settings.base_url, settings.url_origin)


def test_an_option_counts_more() -> None:
    """An address given as an option goes before the environment's."""
    settings = read_settings({"SOASAP_BASE_URL": "http://one"}, base_url="http://two")

    assert (None, "http://two", "--base-url") == (settings.api_key, settings.base_url, settings.url_origin)


@pytest.mark.parametrize("environ", [{}, {"SOASAP_BASE_URL": ""}])
def test_the_default_address(environ: dict[str, str]) -> None:
    """Without an address, or with an empty one, it is soasap's own."""
    settings = read_settings(environ)

    assert ("https://api.soasap.com", "the default") == (settings.base_url, settings.url_origin)


def test_a_client_of_a_command_has_no_file() -> None:
    """A client made from settings keeps nothing on disk."""
    options = client_options(read_settings({"SOASAP_API_KEY": "k"}, ca_file="ca.pem", client_cert="me.pem"))

    assert ("k", None, "ca.pem", "me.pem") == (options.api_key, options.cache, options.ca_file, options.client_cert)


@pytest.mark.parametrize("environ", [{}, {"SOASAP_API_KEY": ""}, {"SOASAP_API_KEY": " \n"}])
def test_no_key(environ: dict[str, str]) -> None:
    """Without a key there is no client, and the message names the variable."""
    with pytest.raises(CannotUse, match=r"^SOASAP_API_KEY is (not set|empty)"):
        client_options(read_settings(environ))


def test_the_key_is_not_shown() -> None:
    """The repr of settings has no key in it, and they hide it in other texts."""
    settings = read_settings({"SOASAP_API_KEY": "hidden\n"})

    assert "hidden" not in repr(settings)
    assert "not '***'" == settings.hide("not 'hidden'")
    assert "as it is" == read_settings({"SOASAP_API_KEY": " "}).hide("as it is")
