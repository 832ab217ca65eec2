"""
What the terminal commands work with: the environment, and what options say over it.

The key comes from the environment alone: a command line can be read by everybody on the machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from soasap._sansio.options import DEFAULT_BASE_URL
from soasap.types import SoasapClientOptions

__all__ = ["KEY_VARIABLE", "URL_VARIABLE", "CannotUse", "Settings", "client_options", "read_settings"]

KEY_VARIABLE = "SOASAP_API_KEY"
URL_VARIABLE = "SOASAP_BASE_URL"


class CannotUse(Exception):
    """The environment or an option cannot be used; the message names it, and quotes no key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """
    What a command was given.

    Attributes:
        api_key: As the environment has it, unchecked; `None` if it has none.
        base_url: Unchecked.
        url_origin: Where that came from, in words.
        ca_file, client_cert, cache_directory: As in `soasap.SoasapClientOptions`.
        cache: Whether the application keeps a file.
        timeout: Seconds to wait for an answer.
    """

    api_key: str | None = field(repr=False)
    base_url: str
    url_origin: str
    ca_file: str | None = None
    client_cert: str | None = None
    cache_directory: str | None = None
    cache: bool = True
    timeout: float = 10.0

    def hide(self, text: str) -> str:
        """The text without the key, which can stand where the address should, and be quoted as a wrong address."""
        key = (self.api_key or "").strip()
        return text.replace(key, "***") if key else text


def read_settings(
    environ: Mapping[str, str],
    *,
    base_url: str | None = None,
    ca_file: str | None = None,
    client_cert: str | None = None,
    cache_directory: str | None = None,
    cache: bool = True,
    timeout: float = 10.0,
) -> Settings:
    """Settings from the environment and from options, `None` where one was not given. Checks nothing."""
    if base_url is not None:
        origin = "--base-url"
    elif environ.get(URL_VARIABLE):
        base_url, origin = environ[URL_VARIABLE], URL_VARIABLE
    else:
        base_url, origin = DEFAULT_BASE_URL, "the default"
    return Settings(
        api_key=environ.get(KEY_VARIABLE),
        base_url=base_url,
        url_origin=origin,
        ca_file=ca_file,
        client_cert=client_cert,
        cache_directory=cache_directory,
        cache=cache,
        timeout=timeout,
    )


def client_options(settings: Settings) -> SoasapClientOptions:
    """
    Options for a client of a command: no file, because a look should leave nothing behind.

    Raises:
        CannotUse: There is no key. The client itself checks the rest.
    """
    key = settings.api_key
    if key is None or not key.strip():
        how = "is not set" if key is None else "is empty"
        raise CannotUse(
            f"{KEY_VARIABLE} {how}. Put the API key of one environment there; it is not taken from the command line, "
            "which others on this machine can read"
        )
    return SoasapClientOptions(
        api_key=key,
        base_url=settings.base_url,
        ca_file=settings.ca_file,
        client_cert=settings.client_cert,
        cache=None,
    )
