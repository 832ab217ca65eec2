"""A WSGI application as people write it: the client, and its cache, are made when the module is imported."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

before = set(sys.modules)

from soasap import create_soasap_client  # noqa: E402
from soasap.redis import RedisSnapshotCache  # noqa: E402

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

client = create_soasap_client(
    api_key=os.environ["FLAGS_KEY"],
    base_url=os.environ["FLAGS_URL"],
    cache=RedisSnapshotCache(os.environ["FLAGS_CACHE"], connect_timeout=20, timeout=20),
)
imported_early = sorted({"redis", "ssl", "urllib3"} & (sys.modules.keys() - before))


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """What this worker knows, after a request of its own over HTTPS."""
    import urllib3

    with urllib3.PoolManager(ca_certs=os.environ["FLAGS_AUTHORITY"]) as pool:
        answer = pool.request("GET", os.environ["OTHER_URL"], timeout=20, retries=False)
    live = client.wait_ready(20)
    status = client.status()
    told = {
        "pid": os.getpid(),
        "https": answer.data.decode(),
        "live": live,
        "n": client.get_int("n"),
        "backend": status.backend,
        "errors": status.errors,
        "imported early": imported_early,
    }
    body = json.dumps(told).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
