"""
A WSGI application for Gunicorn's gevent workers.

    gunicorn app:app
    gunicorn --preload app:app

The client is made at import, in the master or in a worker, before or after gevent's patch: each worker that reads a
flag has a stream of its own.
"""

import os

import soasap

flags = soasap.create_soasap_client(
    api_key=os.environ["SOASAP_API_KEY"],
    base_url=os.environ.get("SOASAP_BASE_URL", ""),
)


def app(environ, start_response):
    checkout = "new" if flags.get_bool("new-checkout") else "old"
    start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8")])
    return [f"{flags.get_string('greeting', 'Hi')}, this is the {checkout} checkout.\n".encode()]
