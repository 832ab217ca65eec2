"""Which proxy the environment puts in between, and what in the environment will not do what was meant."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from soasap._io.proxies import choose_proxy, without_credentials
from soasap._sansio.options import exposes_key
from soasap._terminal.finding import Finding, failure, ok, warning
from soasap._terminal.troubles import Trouble

__all__ = ["check_proxy"]


def check_proxy(url: str, environ: Mapping[str, str]) -> Finding:
    """
    What stands between us and the flag service, as far as the environment says.

    Args:
        url: The address of the service, one that was checked.
        environ: This process's own: the choice itself reads no other.
    """
    try:
        proxy = choose_proxy(url, None)
    except ValueError as error:
        return failure("proxy", str(error), "soasap speaks to http and https proxies, not to SOCKS ones", Trouble.PROXY)
    name = f"{urlsplit(url).scheme}_proxy"
    here = _stays_here(url)
    if proxy is not None and here:
        return warning(
            "proxy",
            f"{name.upper()} sends even this machine's own address through {without_credentials(proxy)}",
            "add it to NO_PROXY",
            Trouble.PROXY,
            proxy=without_credentials(proxy),
        )
    spellings = {environ[each] for each in (name, name.upper()) if environ.get(each)}
    if len(spellings) > 1:
        return warning(
            "proxy",
            f"{name} and {name.upper()} differ; the lower case one counts",
            "set one of them, or both alike",
            Trouble.PROXY,
            proxy=proxy and without_credentials(proxy),
        )
    if proxy is not None:
        words = f"{without_credentials(proxy)}, from {name.upper()}; it can hold events back"
        return ok("proxy", words, proxy=without_credentials(proxy))
    if spellings:
        return ok("proxy", f"none: NO_PROXY excepts {urlsplit(url).hostname} from {name.upper()}", proxy=None)
    if not here and (environ.get("all_proxy") or environ.get("ALL_PROXY")):
        return warning(
            "proxy",
            "ALL_PROXY is set, which soasap does not read; it connects directly",
            f"set {name.upper()} if the service is behind it",
            Trouble.PROXY,
            proxy=None,
        )
    return ok("proxy", "none", proxy=None)


def _stays_here(url: str) -> bool:
    """Whether this is the machine's own address: no key would be exposed on the way there."""
    return not exposes_key(url.replace("https://", "http://", 1))
