"""The front desk: folds keywords into options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Literal

from soasap.client import SoasapClientImpl
from soasap.types import BackendChoice, SoasapClientOptions, SoasapErrorHandler, SoasapUpdateHandler

if TYPE_CHECKING:
    from ssl import SSLContext

    from soasap.protocols import HttpOpener, SnapshotCache

__all__ = ["create_soasap_client"]


def create_soasap_client(
    options: SoasapClientOptions | None = None,
    *,
    api_key: str | None = None,
    base_url: str = "https://api.soasap.com",
    preload: bool = False,
    cache_directory: str | None = None,
    on_error: SoasapErrorHandler | None = None,
    http_opener: HttpOpener | None = None,
    backend: BackendChoice = "auto",
    connect_timeout: float = 10.0,
    response_timeout: float = 15.0,
    read_timeout: float = 300.0,
    proxy: str | None = None,
    ca_file: str | None = None,
    client_cert: str | tuple[str, str] | None = None,
    ssl_context: SSLContext | None = None,
    cache: Literal["disk"] | SnapshotCache | None = "disk",
    initial_flags: Mapping[str, Any] | None = None,
    on_update: SoasapUpdateHandler | None = None,
) -> SoasapClientImpl:
    """
    Make the client of this process. Returns at once: the network is never waited for.

    Args:
        options: Everything in one object. The keywords of release 1.0.3 beside it are ignored, as there, except
            `http_opener`; newer ones are refused.
        http_opener: Replaces the transport; see `soasap.protocols.HttpOpener`.
        api_key, base_url, preload, cache_directory, on_error, backend, connect_timeout, response_timeout,
            read_timeout, proxy, ca_file, client_cert, ssl_context, cache, initial_flags, on_update: See
            `soasap.SoasapClientOptions`.

    Raises:
        TypeError: Neither `options` nor `api_key`; or a value of the wrong type.
        ValueError: An empty API key, or a value out of range.
    """
    newer: dict[str, Any] = {
        "backend": backend,
        "connect_timeout": connect_timeout,
        "response_timeout": response_timeout,
        "read_timeout": read_timeout,
        "proxy": proxy,
        "ca_file": ca_file,
        "client_cert": client_cert,
        "ssl_context": ssl_context,
        "cache": cache,
        "initial_flags": initial_flags,
        "on_update": on_update,
    }
    if options is None:
        if api_key is None:
            raise TypeError("api_key is required: pass it, or options")
        options = SoasapClientOptions(
            api_key=api_key,
            base_url=base_url,
            preload=preload,
            cache_directory=cache_directory,
            on_error=on_error,
            **newer,
        )
    else:
        defaults = {each.name: each.default for each in fields(SoasapClientOptions)}
        given = sorted(name for name, value in newer.items() if value != defaults[name])
        if given:
            raise TypeError(f"{', '.join(given)} beside options: set it in SoasapClientOptions instead")
    return SoasapClientImpl(options, http_opener=http_opener)
