"""The smallest WSGI application with a client made at import."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from compat.host import Host
from compat.questions import answer, client_from_environment

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

client = client_from_environment()


def app(environ: WSGIEnvironment, start_response: StartResponse, host: Host | None = None) -> Iterable[bytes]:
    """`GET /<question>?<arguments>`, see `compat.questions`."""
    given = answer(client, environ["PATH_INFO"].strip("/"), dict(parse_qsl(environ["QUERY_STRING"])), host)
    body = json.dumps(given).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
