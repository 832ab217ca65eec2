"""The address of the flag service, before anybody is asked."""

from __future__ import annotations

from soasap._compose import STREAM_PATH
from soasap._sansio.options import check_options, exposes_key
from soasap._terminal.finding import Finding, failure, ok, warning
from soasap._terminal.troubles import Trouble
from soasap.types import SoasapClientOptions

__all__ = ["check_url", "plain_url"]


def plain_url(base_url: str) -> str:
    """The address as the client uses it. `ValueError` if it cannot be used."""
    return check_options(SoasapClientOptions(api_key="not the real one", base_url=base_url)).base_url


def check_url(base_url: str, origin: str) -> Finding:
    """
    Whether a client can use this address.

    Args:
        base_url: As it was given.
        origin: Where it was given, in words.
    """
    try:
        url = plain_url(base_url)
    except ValueError as error:
        return failure("url", f"{origin}: {error}", "for example https://api.soasap.com", Trouble.URL)
    if url.endswith(STREAM_PATH):
        return warning(
            "url",
            f"{url} ({origin}) has the path of the stream in it, which the client adds by itself",
            f"leave {STREAM_PATH} out",
            Trouble.URL,
            url=url,
        )
    if exposes_key(url):
        return warning(
            "url",
            f"{url} ({origin}) is another machine without encryption: the API key can be read on the way",
            "use https",
            Trouble.URL,
            url=url,
        )
    return ok("url", f"{url} ({origin})", url=url)
