"""
Feature flags for cooperative Python servers.

>>> from soasap import create_soasap_client
>>> flags = create_soasap_client(api_key="...")
>>> flags.get_bool("new-checkout")
False

Reads answer from memory, at once, and never raise. A background task keeps the memory fresh over one stream, under
native threads, gevent or eventlet, whichever the process uses, and in every process that a fork makes. See
`create_soasap_client` and `SoasapClientImpl`.
"""

from __future__ import annotations

from soasap._version import __version__
from soasap.client import SoasapClientImpl
from soasap.create_client import create_soasap_client
from soasap.types import (
    ClientStatus,
    FlagChange,
    SoasapClient,
    SoasapClientOptions,
    SoasapErrorContext,
    SoasapErrorHandler,
    SoasapErrorSource,
    SoasapUpdateHandler,
    create_error_context,
)

__all__ = [
    "ClientStatus",
    "FlagChange",
    "SoasapClient",
    "SoasapClientImpl",
    "SoasapClientOptions",
    "SoasapErrorContext",
    "SoasapErrorHandler",
    "SoasapErrorSource",
    "SoasapUpdateHandler",
    "__version__",
    "create_error_context",
    "create_soasap_client",
]
