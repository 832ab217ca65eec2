"""The smallest WSGI application: with ten reads per request, of a client or by the smallest methods, or with none."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

from soasap import create_soasap_client
from tests.benchmarks.flag_sets import BOOL, FLOAT, INT, MISSING, STRING, mixed_flags
from tests.benchmarks.smallest import Smallest

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

READS = os.environ["BENCHMARK_READS"]
"""`client`, `smallest` or `none`."""

client = flags = None
if READS == "client":
    client = create_soasap_client(api_key="benchmark", base_url=os.environ["BENCHMARK_BASE_URL"], cache=None)
elif READS == "smallest":
    flags = Smallest(mixed_flags())
reader = client or flags


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Says who answers; for `/flags` also whether its client, if it has one, is live."""
    if reader is not None:
        for _ in range(2):
            reader.get_bool(BOOL)
            reader.get_string(STRING)
            reader.get_int(INT)
            reader.get_number(FLOAT)
            reader.get_bool(MISSING)
    ready = client is None or environ["PATH_INFO"] != "/flags" or client.status().state == "live"
    body = json.dumps({"pid": os.getpid(), "ready": ready}).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
