"""
How long a change took from the server's write to us, where somebody can tell.

`soasap serve` tells when it wrote, and on this machine its clock is ours. Any other service does not, and then nothing
is known.
"""

from __future__ import annotations

import json
import urllib.request
from urllib.parse import urlsplit

from soasap._sansio.options import exposes_key

__all__ = ["Delays"]

PATH = "/api/v1/streams"

TIMEOUT = 1.0
"""Seconds. It is on this machine."""


class Delays:
    """
    Asks the server when it wrote last.

    Args:
        base_url: Of the service, one that was checked.
        api_key: For it.
    """

    def __init__(self, base_url: str, api_key: str) -> None:
        self._is_known = urlsplit(base_url).scheme == "http" and not exposes_key(base_url)
        self._request = urllib.request.Request(base_url + PATH, headers={"X-API-Key": api_key})
        # Neither a proxy nor a redirect is meant: the key goes to this machine, or nowhere.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect())

    def of(self, seen_at: float) -> float | None:
        """
        Seconds from the write that was seen at `seen_at`, wall clock, to that moment; `None` if nobody knows.

        To be asked soon after: once the server has written again, the answer is lost. A service that cannot tell is
        not asked again.
        """
        if not self._is_known:
            return None
        try:
            with self._opener.open(self._request, timeout=TIMEOUT) as response:
                written = [float(stream["last_sent"]) for stream in json.load(response)]
        except Exception:  # whatever it answers: it is no `soasap serve`, or is just going
            self._is_known = False
            return None
        before = [moment for moment in written if 0 < moment <= seen_at]
        return seen_at - max(before) if before and max(before) == max(written) else None


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None
