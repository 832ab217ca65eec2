"""
Who may use the page: a browser on this machine that loaded it from here, and nobody whom that browser also visits.

What it stands against, and what stops it:

- A site whose own name is made to lead to 127.0.0.1 (DNS rebinding) would be the same origin to the browser. The
  `Host` header still carries that name: only `localhost` and loopback addresses in digits pass, and no name system can
  give those away. The port is not looked at, so that a forwarded one works.
- A form or script of another site, or of another server on this machine (CSRF): its requests carry an `Origin` that is
  not this `Host`, and they lack the page's token, which is in the page only and new with each start of the server.

The page is a way to change a file without a password. So it exists only where the server listens on a loopback
address; a `Host` can be invented by whoever reaches the port from elsewhere.
"""

from __future__ import annotations

import hmac
import ipaddress
import re
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

__all__ = ["TOKEN_HEADER", "PageGuard", "is_loopback"]

TOKEN_HEADER = "X-Soasap-Token"

_HOST = re.compile(r"(localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?", re.IGNORECASE | re.ASCII)


class PageGuard:
    """
    Looks at requests for the page.

    Attributes:
        token: What the page must send back; new in each guard.
    """

    def __init__(self) -> None:
        self.token = secrets.token_urlsafe(32)

    def refusal(self, environ: WSGIEnvironment, *, token: bool) -> str | None:
        """
        Why this request is refused, or `None`.

        Args:
            environ: The request.
            token: Whether it must carry the page's token.
        """
        host: str = environ.get("HTTP_HOST", "")
        if not _HOST.fullmatch(host):
            return "the page is here for localhost and 127.0.0.1 only"
        origin: str | None = environ.get("HTTP_ORIGIN")
        if origin is not None and origin.lower() != f"{environ['wsgi.url_scheme']}://{host}".lower():
            return "this request comes from another origin"
        given: str = environ.get("HTTP_X_SOASAP_TOKEN", "")
        if token and not hmac.compare_digest(given.encode("latin-1"), self.token.encode()):
            return f"{TOKEN_HEADER} is missing or that of another run: load the page again"
        return None


def is_loopback(address: str) -> bool:
    """Whether this is a loopback address in digits; names are not looked up."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
