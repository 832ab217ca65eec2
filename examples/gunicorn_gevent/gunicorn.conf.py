"""Gunicorn reads this file by itself when it is started in this directory."""

worker_class = "gevent"
workers = 2


def post_worker_init(worker):
    """Optional: a worker takes requests when its flags are there, or after two seconds without them."""
    from app import flags

    flags.wait_ready(timeout=2)
