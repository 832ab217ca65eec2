"""A Gunicorn config file that patches in the master, before anything else is imported."""

from gevent import monkey

monkey.patch_all()
