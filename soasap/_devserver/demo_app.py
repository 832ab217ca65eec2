"""
The application of `soasap demo --gunicorn`: a WSGI application with a client made at import.

Under `--preload` that is in Gunicorn's master, before gevent has patched anything. Nothing is to be done about it: each
worker has a stream of its own from its first read on.

    GET /?flag=banner&value="Welcome"

is answered as soon as this worker reads that value, with the worker's pid and the time.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from soasap import create_soasap_client
from soasap._devserver.demo_flags import read

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

__all__ = ["app"]

flags = create_soasap_client(
    api_key=os.environ["SOASAP_API_KEY"],
    base_url=os.environ["SOASAP_BASE_URL"],
    cache_directory=os.environ["SOASAP_CACHE_DIRECTORY"],
    proxy="",  # loopback, whatever the environment says
)


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer when the flag has the value."""
    query = parse_qs(environ["QUERY_STRING"])
    flag, value = query["flag"][0], json.loads(query["value"][0])
    while read(flags, flag, value) != value:
        time.sleep(0.001)  # gevent's by now: the worker's stream and other requests go on
    seen = {"pid": os.getpid(), "seen_at": time.time(), "backend": flags.status().backend}
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(seen).encode()]
