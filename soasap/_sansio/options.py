"""
Checks what the application asked for, before anything is made from it.

Every message names the option, what was given and what is allowed. Secrets are never quoted.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from soasap.types import SoasapClientOptions

__all__ = ["DEFAULT_BASE_URL", "check_opener", "check_options", "exposes_key"]

DEFAULT_BASE_URL = "https://api.soasap.com"

BACKENDS = ("auto", "threads", "gevent", "eventlet")


def check_options(options: SoasapClientOptions) -> SoasapClientOptions:
    """
    The options, checked and in their plainest form; the given object is not changed.

    Raises:
        TypeError: A value of the wrong type.
        ValueError: A value out of range. Also an empty API key, as in release 1.0.3.
    """
    _require(options, "options", (SoasapClientOptions,), secret=True)  # an API key may stand in the wrong place
    for name in ("on_error", "on_update"):
        handler = getattr(options, name)
        if handler is not None and not callable(handler):
            raise TypeError(f"{name} must be callable or None, not {_kind(handler)}")
    _require(options.initial_flags, "initial_flags", (Mapping, type(None)))
    _require(options.cache_directory, "cache_directory", (str, type(None)))
    _require(options.ca_file, "ca_file", (str, type(None)))
    _check_client_cert(options.client_cert)
    _check_backend(options.backend)
    _check_ssl_context(options)
    _check_cache(options.cache)
    for name in ("connect_timeout", "response_timeout", "read_timeout"):
        _check_seconds(getattr(options, name), name)
    return replace(
        options,
        api_key=_checked_key(options.api_key),
        base_url=_checked_url(options.base_url or DEFAULT_BASE_URL, "base_url"),
        proxy=options.proxy and _checked_url(options.proxy, "proxy", secret=True),
    )


def check_opener(opener: object) -> None:
    """Raises `TypeError` unless this is a function, or nothing."""
    if opener is not None and not callable(opener):
        raise TypeError(f"http_opener must be callable or None, not {_kind(opener)}")


def exposes_key(base_url: str) -> bool:
    """Whether the API key would travel unencrypted to another machine. The address is one that was checked."""
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    is_loopback = host in ("localhost", "::1") or host.endswith(".localhost") or re.fullmatch(r"127(\.\d+){1,3}", host)
    return parts.scheme == "http" and not is_loopback


def _checked_key(key: Any) -> str:
    if key is not None:
        _require(key, "api_key", (str,), secret=True)
    if not key or not key.strip():
        raise ValueError("api_key is empty; expected the API key of one environment")
    checked = str(key).strip("\r\n")  # keys are often read from files
    if not checked.isascii() or not checked.isprintable():
        raise ValueError("api_key has control or non-ASCII characters (not shown), which no HTTP header can carry")
    return checked


def _checked_url(url: str, name: str, *, secret: bool = False) -> str:
    _require(url, name, (str,), secret=secret)
    shown = "what was given (not shown)" if secret else repr(url)
    expected = f"{name} must be http:// or https:// with a host and perhaps a port"
    try:
        parts = urlsplit(url)
        port_is_good = parts.port is None or parts.port > 0
    except ValueError:
        raise ValueError(f"{expected}; {shown} cannot be parsed") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_is_good:
        raise ValueError(f"{expected}, not {shown}")
    if not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError(f"{expected}; {shown} has spaces, control or non-ASCII characters")
    if not secret and (parts.username is not None or parts.query or parts.fragment):
        # The URL is not quoted: a user name in it may be a secret.
        raise ValueError(f"{expected}, without user name, query or fragment")
    return url.rstrip("/") if not secret else url


def _check_client_cert(value: Any) -> None:
    if value is None or isinstance(value, str):
        return
    if not (isinstance(value, tuple) and len(value) == 2 and all(isinstance(part, str) for part in value)):
        raise TypeError(f"client_cert must be a path, a pair (certificate, key) of paths or None, not {_kind(value)}")


def _check_backend(value: Any) -> None:
    if isinstance(value, str):
        if value not in BACKENDS:
            raise ValueError(f"backend must be one of {', '.join(BACKENDS)} or a callable, not {value!r}")
    elif not callable(value):
        raise TypeError(f"backend must be a name or a callable that makes a ConcurrencyBackend, not {_kind(value)}")


def _check_ssl_context(options: SoasapClientOptions) -> None:
    context: Any = options.ssl_context
    if context is None:
        return
    # Asked without importing ssl: whoever has a context has imported it.
    if not hasattr(context, "wrap_socket") or not hasattr(context, "verify_mode"):
        raise TypeError(f"ssl_context must be an ssl.SSLContext or None, not {_kind(context)}")
    if options.ca_file is not None or options.client_cert is not None:
        raise ValueError("ssl_context brings its own certificates; leave out ca_file and client_cert")
    if context.verify_mode != 2 or not context.check_hostname:  # 2 is ssl.CERT_REQUIRED
        raise ValueError("ssl_context does not check certificates and host names; soasap always does")


def _check_cache(value: Any) -> None:
    if value is None or value == "disk":
        return
    if isinstance(value, str):
        raise ValueError(f"cache must be 'disk', None or an object with load() and save(), not {value!r}")
    if not callable(getattr(value, "load", None)) or not callable(getattr(value, "save", None)):
        raise TypeError(f"cache must be 'disk', None or an object with load() and save(), not {_kind(value)}")


def _check_seconds(value: Any, name: str) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name} must be a number of seconds, not {_kind(value)}")
    if not (math.isfinite(value) and value > 0):
        raise ValueError(f"{name} must be more than 0 seconds and finite, not {value!r}")


def _require(value: Any, name: str, types: tuple[type, ...], *, secret: bool = False) -> None:
    if not isinstance(value, types):
        expected = " or ".join("None" if kind is type(None) else kind.__name__ for kind in types)
        seen = type(value).__name__ if secret else _kind(value)
        raise TypeError(f"{name} must be {expected}, not {seen}")


def _kind(value: object) -> str:
    return f"{type(value).__name__} {value!r:.80}"
