"""
A Celery application; the same for every pool: `prefork`, `threads`, `gevent` and `eventlet`.

    celery --app celery_worker worker

The client is made at import, before the pool forks or patches: each process that reads a flag has a stream of its own.
"""

import os

from celery import Celery
from celery.signals import worker_process_shutdown

import soasap

REDIS = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0")

app = Celery("celery_worker", broker=REDIS, backend=REDIS)
flags = soasap.create_soasap_client(
    api_key=os.environ["SOASAP_API_KEY"],
    base_url=os.environ.get("SOASAP_BASE_URL", ""),
)


@app.task
def checkout():
    checkout = "new" if flags.get_bool("new-checkout") else "old"
    return f"{flags.get_string('greeting', 'Hi')}, this is the {checkout} checkout.\n"


@worker_process_shutdown.connect
def close(**about):
    """Optional: closing here saves the last snapshot. Children of `prefork` end without Python's exit handlers."""
    flags.close()
