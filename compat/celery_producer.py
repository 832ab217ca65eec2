"""
Brings questions to Celery workers over HTTP: `GET /<question>?<arguments>` becomes a task, its result the answer.

Runs beside the workers, in their environment, with Celery's own variables, and makes no client of soasap.
"""

from __future__ import annotations

import json
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from celery import Celery
from celery.states import READY_STATES, SUCCESS

PATIENCE = 120.0
POLL = 0.003

app = Celery("producer")
results = app.backend


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        url = urlsplit(self.path)
        task = app.send_task("answer", (url.path.strip("/"), dict(parse_qsl(url.query))))
        deadline = time.monotonic() + PATIENCE
        # Looked up and not subscribed to: Celery's result consumer is one for all threads.
        while (meta := results.get_task_meta(task.id, cache=False))["status"] not in READY_STATES:
            if time.monotonic() > deadline:
                break
            time.sleep(POLL)
        succeeded = meta["status"] == SUCCESS
        body = json.dumps(meta["result"] if succeeded else repr(meta)).encode()
        self.send_response(200 if succeeded else 500)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


if __name__ == "__main__":
    server = _Server(("127.0.0.1", 0), _Handler)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()
