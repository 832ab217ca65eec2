"""
A FastAPI application. Reads never wait, so `async` code calls them as they are.

    uvicorn fastapi_app:app
"""

import asyncio
import os
from contextlib import asynccontextmanager

import fastapi
from fastapi.responses import PlainTextResponse

import soasap

flags = soasap.create_soasap_client(
    api_key=os.environ["SOASAP_API_KEY"],
    base_url=os.environ.get("SOASAP_BASE_URL", ""),
)


@asynccontextmanager
async def lifespan(app):
    await asyncio.to_thread(flags.wait_ready, 2)  # optional: take requests when the flags are there
    yield
    flags.close()  # saves the last snapshot: uvicorn ends by a signal, without Python's exit handlers


app = fastapi.FastAPI(lifespan=lifespan)


@app.get("/", response_class=PlainTextResponse)
async def checkout():
    checkout = "new" if flags.get_bool("new-checkout") else "old"
    return f"{flags.get_string('greeting', 'Hi')}, this is the {checkout} checkout.\n"
