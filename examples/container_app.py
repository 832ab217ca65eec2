"""
For a container without a writable disk: nothing is cached, and the first answers come from a mounted file.

    python container_app.py

`/ready` is for the orchestrator: 200 once the flags are those of the service, so that a pod gets no requests before.
"""

import json
import os
import signal
import threading
from pathlib import Path
from wsgiref.simple_server import make_server

import soasap

initial = Path(os.environ.get("INITIAL_FLAGS", "flags.json"))  # a config map, for example
flags = soasap.create_soasap_client(
    api_key=os.environ["SOASAP_API_KEY"],
    base_url=os.environ.get("SOASAP_BASE_URL", ""),
    cache=None,
    initial_flags=json.loads(initial.read_text("utf-8")) if initial.exists() else None,
    preload=True,
)


def app(environ, start_response):
    if environ["PATH_INFO"] == "/ready":
        ready = flags.status().source == "stream"
        start_response("200 OK" if ready else "503 Service Unavailable", [("Content-Type", "text/plain")])
        return [b"ready\n" if ready else b"no flags from the service yet\n"]
    checkout = "new" if flags.get_bool("new-checkout") else "old"
    start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8")])
    return [f"{flags.get_string('greeting', 'Hi')}, this is the {checkout} checkout.\n".encode()]


with make_server("127.0.0.1", int(os.environ.get("PORT", "8000")), app) as server:
    # In a thread: `shutdown` waits for the loop that the signal interrupts.
    signal.signal(signal.SIGTERM, lambda number, frame: threading.Thread(target=server.shutdown).start())
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()
