"""
An ASGI application. Reads never wait, so they belong on the event loop like any other line.

    uvicorn asgi_app:app
"""

import os

import soasap

flags = soasap.create_soasap_client(
    api_key=os.environ["SOASAP_API_KEY"],
    base_url=os.environ.get("SOASAP_BASE_URL", ""),
)


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
    elif scope["type"] == "http":
        checkout = "new" if flags.get_bool("new-checkout") else "old"
        text = f"{flags.get_string('greeting', 'Hi')}, this is the {checkout} checkout.\n"
        headers = [(b"content-type", b"text/plain; charset=utf-8")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": text.encode()})


async def lifespan(receive, send):
    """Closing here saves the last snapshot: uvicorn ends by a signal, without Python's exit handlers."""
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    flags.close()
    await send({"type": "lifespan.shutdown.complete"})
