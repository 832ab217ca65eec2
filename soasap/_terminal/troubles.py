"""The headings of the README's section "Troubleshooting": where a finding that is not fine sends its reader."""

from __future__ import annotations

from enum import Enum

__all__ = ["Trouble"]


class Trouble(str, Enum):
    """One heading each, word by word."""

    KEY = "The key is missing or malformed"
    URL = "The address is wrong"
    UNREACHABLE = "The service cannot be reached"
    PROXY = "A proxy stands in between"
    TLS = "The certificate is refused"
    REFUSED = "401 or 403: the key is refused"
    ANSWER = "Another answer than a flag stream"
    BUFFERING = "Events come late, or never"
    ENDING = "The stream ends again and again"
    PAYLOAD = "An event is not believed"
    CACHE = "The cache file cannot be read or written"
    PATCHING = "Monkey-patched too late"
    MASTER = "Nothing runs in the master process"
    PACKAGES = "A package is too old"
    FORK = "Nothing updates after a fork"
    DEFAULT = "The default comes back"
