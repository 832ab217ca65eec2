"""
Which backend, and whether anything may start in this process at all.

The one question is: does starting a thread give a greenlet? If it does, a loop in a "thread" would stop the whole hub,
so the tasks must be greenlets; if not, a native thread is safe whatever else is patched. What is merely imported, or
installed, says nothing. Asking imports nothing: everything is looked up in `sys.modules`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Literal

from soasap.exceptions import BackendUnavailable
from soasap.protocols import ConcurrencyBackend
from soasap.types import BackendChoice

__all__ = ["METHODS", "detect", "make_backend", "process_obstacle"]

METHODS = ("obstacle", "spawn", "on_host_end", "event", "run_blocking", "socket", "getaddrinfo", "tls_context")
"""What a `ConcurrencyBackend` has besides its `name`."""

_LATER = "the first read in a worker that serves requests starts the stream there"


def detect() -> Literal["threads", "gevent", "eventlet"]:
    """What `auto` means in this process, now."""
    if _gevent_patched("_thread", "start_new_thread"):
        return "gevent"
    if _eventlet_patched("thread"):
        return "eventlet"
    return "threads"


def process_obstacle() -> str:
    """
    Why no background work may start in this process, in words for the operator; empty if it may.

    Two kinds of process only prepare. uWSGI's master forks in C without running Python's hooks, and a thread alive in
    it can leave its workers with an interpreter lock that nobody owns (uwsgi#2387). And a process that its server is
    about to patch: importing ssl or urllib3 before that breaks the application's own HTTPS (`RecursionError`). That is
    Gunicorn's master under a green worker class and `--preload`, which has that class loaded and nothing patched yet,
    and a worker of uWSGI under `--gevent-monkey-patch`, which patches after it has imported the application.
    In each of them the first read in a worker that serves starts the work.
    """
    uwsgi = sys.modules.get("uwsgi")
    if uwsgi is not None:
        try:
            if uwsgi.worker_id() > 0:
                if _uwsgi_will_patch(uwsgi):
                    return f"uWSGI is about to patch this worker with gevent; {_LATER}"
            elif uwsgi.mule_id() == 0 and not uwsgi.i_am_the_spooler():
                return f"this is uWSGI's master process; {_LATER}"
        except AttributeError:
            pass  # a module of that name that is not uWSGI's
    if "gunicorn.workers.ggevent" in sys.modules and not _gevent_patched_anything():
        return f"Gunicorn is about to patch its workers with gevent; {_LATER}"
    if "gunicorn.workers.geventlet" in sys.modules and not (_eventlet_patched("thread") or _eventlet_patched("socket")):
        return f"Gunicorn is about to patch its workers with eventlet; {_LATER}"
    return ""


def make_backend(choice: BackendChoice) -> ConcurrencyBackend:
    """
    A new backend for a run in this process.

    Raises:
        BackendUnavailable: The choice cannot run here; the message says why. `"auto"` never raises it.
        OSError: The system has too little left just now: another time it may work.
    """
    found = detect()
    if choice == "auto":
        choice = found
    if callable(choice):
        return _made_by(choice)
    if choice == "threads":
        if found != "threads":
            raise BackendUnavailable(
                f'backend="threads" was asked for, but {found} has patched threading: a thread would stop its loop'
            )
        from soasap.concurrency.threads import ThreadsBackend

        return ThreadsBackend()
    backend: Callable[[], ConcurrencyBackend]
    try:
        if choice == "gevent":
            from soasap.concurrency.gevent import GeventBackend as backend
        else:
            from soasap.concurrency.eventlet import EventletBackend as backend
    except Exception as error:  # missing, too old, or built for another greenlet
        raise BackendUnavailable(
            f'backend="{choice}" was asked for, but cannot be imported: {error}; pip install "soasap[{choice}]"'
        ) from error
    return backend()


def _made_by(choice: Callable[[], ConcurrencyBackend]) -> ConcurrencyBackend:
    try:
        backend = choice()
        missing = [name for name in METHODS if not callable(getattr(backend, name, None))]
        if not isinstance(getattr(backend, "name", None), str):
            missing.insert(0, "name")
    except Exception as error:
        raise BackendUnavailable(f"the option backend={choice!r} failed: {error!r}") from error
    if missing:
        raise BackendUnavailable(
            f"the option backend={choice!r} gave {backend!r}, which is not a ConcurrencyBackend: "
            f"it has no {', '.join(missing)}"
        )
    return backend


def _gevent_patched(module: str, name: str) -> bool:
    monkey = sys.modules.get("gevent.monkey")
    ask = getattr(monkey, "is_object_patched", None)  # None while gevent.monkey is half imported
    return ask is not None and bool(ask(module, name))


def _gevent_patched_anything() -> bool:
    return _gevent_patched("_thread", "start_new_thread") or _gevent_patched("socket", "socket")


def _uwsgi_will_patch(uwsgi: ModuleType) -> bool:
    """Whether this worker has its patch still to come: uWSGI's gevent loop does it, when all is imported."""
    asked = uwsgi.opt.get("gevent-monkey-patch", b"no")
    is_off = isinstance(asked, bytes) and asked.lower() in (b"false", b"off", b"no", b"0")
    return uwsgi.loop == b"gevent" and not is_off and not _gevent_patched_anything()


def _eventlet_patched(module: str) -> bool:
    patcher = sys.modules.get("eventlet.patcher")
    ask = getattr(patcher, "is_monkey_patched", None)
    return ask is not None and bool(ask(module))
