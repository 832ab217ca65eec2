"""The smallest ASGI application with a client made at import."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl

from compat.questions import answer, client_from_environment

client = client_from_environment()


async def app(
    scope: dict[str, Any],
    receive: Callable[[], Awaitable[dict[str, Any]]],
    send: Callable[[dict[str, Any]], Awaitable[None]],
) -> None:
    """`GET /<question>?<arguments>`, see `compat.questions`."""
    if scope["type"] != "http":
        raise RuntimeError(f"{scope['type']} is not served")  # servers take it as "no lifespan, please"
    question, arguments = scope["path"].strip("/"), dict(parse_qsl(scope["query_string"].decode()))
    if question == "flags":  # reads never wait: they belong on the event loop
        given = answer(client, question, arguments)
    else:
        given = await asyncio.to_thread(answer, client, question, arguments)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": json.dumps(given).encode()})
