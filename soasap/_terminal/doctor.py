"""
`soasap doctor`: which checks there are, and in which order.

From what needs nothing to what needs all before it. Where one fails, those that could only fail for the same reason are
left out; the rest goes on.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from urllib.parse import urlsplit

from soasap._compose import STREAM_PATH
from soasap._io.proxies import choose_proxy, credentials
from soasap._sansio.options import check_options
from soasap._terminal.checks.answer import check_answer, check_event, check_framing
from soasap._terminal.checks.cache import check_cache
from soasap._terminal.checks.certificate import check_certificate
from soasap._terminal.checks.key import check_key
from soasap._terminal.checks.listening import listen
from soasap._terminal.checks.network import check_connection, check_dns, endpoint
from soasap._terminal.checks.packages import check_packages, check_python
from soasap._terminal.checks.patching import check_patching
from soasap._terminal.checks.proxy import check_proxy
from soasap._terminal.checks.url import check_url, plain_url
from soasap._terminal.finding import Finding
from soasap._terminal.settings import Settings
from soasap.types import SoasapClientOptions

__all__ = ["examine"]


def examine(settings: Settings, environ: Mapping[str, str] = os.environ) -> Iterator[Finding]:
    """Look at everything, one finding at a time. No secret is in any of them."""
    secrets = _secrets(settings, environ)
    # In this order: the first look at patching must come before anything here has imported more.
    yield check_patching()
    for finding in _findings(settings, environ):
        yield _without(finding, secrets)


def _findings(settings: Settings, environ: Mapping[str, str]) -> Iterator[Finding]:
    yield check_python()
    yield check_packages()
    yield (key := check_key(settings.api_key))
    yield (url := check_url(settings.base_url, settings.url_origin))
    if url.verdict == "failure":
        return
    base_url = plain_url(settings.base_url)
    api_key = "" if key.verdict == "failure" else _plain_key(settings.api_key)
    if api_key and settings.cache:
        yield check_cache(api_key, base_url, settings.cache_directory)
    yield (proxy := check_proxy(base_url, environ))
    if proxy.verdict != "failure":
        yield from _network(settings, base_url, api_key, choose_proxy(base_url + STREAM_PATH, None))


def _network(settings: Settings, base_url: str, api_key: str, proxy: str | None) -> Iterator[Finding]:
    host, port = endpoint(proxy or base_url)
    dns, addresses = check_dns(host, port)
    yield dns
    if dns.verdict == "failure":
        return
    yield (connection := check_connection(host, port, addresses, settings.timeout, is_proxy=proxy is not None))
    if connection.verdict == "failure":
        return
    tls = check_certificate(
        base_url,
        proxy,
        ca_file=settings.ca_file,
        client_cert=settings.client_cert,
        timeout=settings.timeout,
        now=time.time(),
    )
    if tls is not None:
        yield tls
    if api_key and (tls is None or tls.verdict != "failure"):
        yield from _stream(settings, base_url, api_key)


def _stream(settings: Settings, base_url: str, api_key: str) -> Iterator[Finding]:
    heard = listen(
        base_url,
        api_key,
        ca_file=settings.ca_file,
        client_cert=settings.client_cert,
        timeout=settings.timeout,
    )
    yield (answer := check_answer(heard, settings.timeout))
    if answer.verdict == "failure":
        return
    yield check_event(heard, settings.timeout)
    if heard.event is not None:
        yield check_framing(heard)


def _plain_key(key: str | None) -> str:
    return check_options(SoasapClientOptions(api_key=key or "")).api_key


def _secrets(settings: Settings, environ: Mapping[str, str]) -> list[str]:
    """What must not be shown, wherever it was put by mistake: a key can stand where the address should."""
    found = [settings.api_key or ""]
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        for value in (environ.get(name, ""), environ.get(name.upper(), "")):
            try:
                found.append((credentials(value) or "").partition(":")[2])
                found.append(urlsplit(value).password or "")  # as it is spelled there
            except ValueError:
                pass  # nobody quotes what cannot be parsed
    return sorted({secret.strip() for secret in found if len(secret.strip()) > 3}, key=len, reverse=True)


def _without(finding: Finding, secrets: list[str]) -> Finding:
    def clean(text: str) -> str:
        for secret in secrets:
            text = text.replace(secret, "***")
        return text

    facts = {name: clean(value) if isinstance(value, str) else value for name, value in finding.facts.items()}
    return replace(finding, words=clean(finding.words), facts=facts)  # advice is our own words
