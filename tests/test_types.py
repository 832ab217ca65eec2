"""The vocabulary: what travels is frozen, and what is secret is not shown."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields
from datetime import timedelta
from typing import Any

import pytest

from soasap import (
    SoasapClient,
    SoasapClientImpl,
    SoasapClientOptions,
    SoasapErrorSource,
    create_error_context,
)
from tests.clients import API_KEY, NOWHERE, open_client


def test_options_show_no_secret() -> None:
    """The `repr` of options has neither the API key nor a password of the proxy."""
    options = SoasapClientOptions(API_KEY, proxy="http://user:hidden@proxy:3128")

    assert API_KEY not in repr(options)
    assert "hidden" not in repr(options)


def test_newer_options_are_keyword_only() -> None:
    """The five options of release 1.0.3 may be given by position, in their order; no other one may."""
    positional = [each.name for each in fields(SoasapClientOptions) if not each.kw_only]

    assert ["api_key", "base_url", "preload", "cache_directory", "on_error"] == positional


def test_error_context() -> None:
    """A context is frozen, and its time is aware and in UTC."""
    context: Any = create_error_context(ValueError("x"), SoasapErrorSource.PARSER, False)

    assert timedelta(0) == context.timestamp.utcoffset()
    assert ("parser", False) == (context.source, context.is_transient)
    with pytest.raises(FrozenInstanceError):
        context.is_transient = True


def test_status_is_frozen() -> None:
    """What `status()` gives is one value of one moment."""
    with open_client(NOWHERE) as client:
        client.close()
        status = client.status()

    with pytest.raises(AttributeError):
        status.state = "live"  # type: ignore[misc]
    assert "closed" == status._asdict()["state"]


def test_protocol_is_not_widened() -> None:
    """`SoasapClient` asks for the five getters and `close`: fakes written for release 1.0.3 stay valid."""
    asked = {name for name in vars(SoasapClient) if not name.startswith("_")}

    assert {"get_bool", "get_number", "get_string", "get_json", "get_flag", "close"} == asked
    assert all(callable(getattr(SoasapClientImpl, name)) for name in asked)
