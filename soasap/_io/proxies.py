"""Which proxy stands between us and the flag service."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit
from urllib.request import getproxies_environment, proxy_bypass_environment  # type: ignore[attr-defined]

__all__ = ["choose_proxy", "credentials", "without_credentials"]


def choose_proxy(url: str, given: str | None) -> str | None:
    """
    The URL of the proxy for `url`, `None` for none.

    Args:
        url: What will be asked.
        given: The option `proxy`: `None` reads `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` in either case; `""` is none.

    Raises:
        ValueError: What was found is not the URL of a proxy. It is not quoted: a password may be anywhere in it.
    """
    if given is not None:
        return _checked(given, "the option proxy") if given else None
    parts = urlsplit(url)
    proxies = getproxies_environment()
    proxy = proxies.get(parts.scheme)
    host = parts.hostname or ""
    if parts.port is not None:
        host = f"{host}:{parts.port}"
    if not proxy or proxy_bypass_environment(host, proxies):
        return None
    return _checked(proxy if "://" in proxy else f"http://{proxy}", f"the environment's {parts.scheme}_proxy")


def _checked(proxy: str, origin: str) -> str:
    try:
        parts = urlsplit(proxy)
        is_good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_good = False
    # A "/" in a password ends the host for every parser, and the password would be taken for a port.
    if not is_good or "@" in parts.path + parts.query + parts.fragment:
        raise ValueError(
            f"{origin} (not shown) is not http:// or https:// with a host and perhaps a port; "
            "special characters in its user name and password must be percent-encoded"
        )
    return proxy


def credentials(proxy: str) -> str | None:
    """`user:password` of a proxy URL, `None` if it has none."""
    parts = urlsplit(proxy)
    if parts.username is None:
        return None
    return f"{unquote(parts.username)}:{unquote(parts.password or '')}"


def without_credentials(proxy: str) -> str:
    """The proxy URL without user and password, as it may appear in messages."""
    parts = urlsplit(proxy)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
