"""A TLS context of the application, shown to urllib3 and never changed."""

from __future__ import annotations

import ssl
from typing import Any

import pytest

from soasap.concurrency.ready_context import adapt


@pytest.fixture
def context() -> ssl.SSLContext:
    return ssl.create_default_context()


def test_sockets_are_made_by_the_function_given(context: ssl.SSLContext) -> None:
    """The stand-in makes sockets by the function it was given, with what urllib3 says."""
    asked: list[Any] = []
    stand_in: Any = adapt(context, lambda sock, **kwargs: asked.append((sock, kwargs)))
    stand_in.wrap_socket("a socket", server_hostname="example.com")

    assert [("a socket", {"server_hostname": "example.com"})] == asked


def test_attributes_are_those_of_the_context(context: ssl.SSLContext) -> None:
    """Whatever else is asked for is the context's own."""
    stand_in = adapt(context, lambda sock, **kwargs: None)

    assert context.verify_mode == stand_in.verify_mode
    assert context.options == stand_in.options
    assert context.cert_store_stats() == stand_in.cert_store_stats()
    with pytest.raises(AttributeError):
        _ = stand_in.no_such_thing  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("verify_mode", ssl.CERT_NONE),
        ("check_hostname", False),
        ("minimum_version", ssl.TLSVersion.TLSv1_3),
        ("verify_flags", ssl.VerifyFlags.VERIFY_CRL_CHECK_LEAF),
    ],
)
def test_change_is_refused(context: ssl.SSLContext, name: str, value: object) -> None:
    """Setting an attribute to another value is an error with both values; to the same one it is nothing."""
    stand_in = adapt(context, lambda sock, **kwargs: None)
    before = getattr(context, name)
    setattr(stand_in, name, before)

    with pytest.raises(AttributeError, match=f"{name} of the option ssl_context"):
        setattr(stand_in, name, value)
    assert before == getattr(context, name)


def test_protocols_stay(context: ssl.SSLContext) -> None:
    """What urllib3 would negotiate is left as the application has it: the context may serve other connections."""

    class Watched(ssl.SSLContext):
        asked: list[list[str]]

        def set_alpn_protocols(self, alpn_protocols: Any) -> None:
            self.asked = [*getattr(self, "asked", []), alpn_protocols]

    watched = Watched(ssl.PROTOCOL_TLS_CLIENT)
    adapt(watched, lambda sock, **kwargs: None).set_alpn_protocols(["http/1.1"])

    assert not hasattr(watched, "asked")
