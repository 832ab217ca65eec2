"""
The environments of the deployments, and the packages whose versions their rows show.

As few as possible, because building them takes time: those that agree share one. What is installed and not used makes
no difference to soasap.
"""

from __future__ import annotations

from compat.environments import Family

__all__ = ["browser", "eventlet", "servers", "uwsgi"]

SERVERS = ("gunicorn[gevent]", "packaging", "uvicorn", "celery[redis]", "requests")
FRAMEWORKS = ("flask", "fastapi", "django")


def servers(*shown: str) -> Family:
    """Everything current."""
    return Family("servers", (*SERVERS, *FRAMEWORKS), shown)


def eventlet(*shown: str) -> Family:
    """Gunicorn removed its eventlet worker in version 26; Celery has its own."""
    return Family("eventlet", ("gunicorn<26", "celery[redis]", "eventlet", "requests"), shown)


def uwsgi(*shown: str) -> Family:
    """PyPI has uWSGI as source only: pip compiles it, with gcc and the headers of the Python that runs the tests."""
    return Family("uwsgi", ("uwsgi", "gevent", "requests"), shown)


def browser(*shown: str) -> Family:
    """Drives Debian's chromium; the rest is what the flag server needs."""
    return Family("browser", ("playwright", "gevent", "click", "watchfiles"), shown)
