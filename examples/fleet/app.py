"""The application: a WSGI callable that Gunicorn runs in gevent workers, each a client of one of the relays."""

import os

from client import reader

relays = os.environ["SOASAP_RELAYS"].split()
flags = reader(f"worker {os.getpid()}", relays[os.getpid() % len(relays)])


def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{flags.get_int('n', -1)}\n".encode()]
