"""The end of a thread that hosts an event loop is noticed in that thread, and nowhere else."""

from __future__ import annotations

import threading
from collections.abc import Callable

from soasap.concurrency.host import LastWords
from tests.scripts import run_script


def in_thread(function: Callable[[], object]) -> None:
    thread = threading.Thread(target=function)
    thread.start()
    thread.join(10)
    assert not thread.is_alive()


def test_said_at_the_end_of_the_thread() -> None:
    """Once, in the thread that made it, when that ends."""
    kept: list[LastWords] = []
    said: list[int] = []
    made_by: list[int] = []

    def host() -> None:
        made_by.append(threading.get_ident())
        kept.append(LastWords(threading.local, threading.get_ident, lambda: said.append(threading.get_ident())))
        assert [] == said

    in_thread(host)

    assert made_by == said


def test_not_said_by_others() -> None:
    """Who lets go of it in another thread, or before the end, hears nothing."""
    said: list[str] = []
    kept: list[LastWords] = []
    stay = threading.Event()
    made = threading.Event()

    def host() -> None:
        kept.append(LastWords(threading.local, threading.get_ident, lambda: said.append("end")))
        made.set()
        stay.wait(10)

    thread = threading.Thread(target=host)
    thread.start()
    made.wait(10)
    kept.clear()
    stay.set()
    thread.join(10)

    assert [] == said


FORK = """
import os, threading
from soasap.concurrency.host import LastWords

kept, made, stay = [], threading.Event(), threading.Event()

def host():
    kept.append(LastWords(threading.local, threading.get_ident, lambda: print("end", flush=True)))
    made.set()
    stay.wait(10)

thread = threading.Thread(target=host)
thread.start()
made.wait(10)
child = os.fork()
if child:
    assert os.waitpid(child, 0)[1] == 0
    print("parent", flush=True)
    stay.set()
    thread.join(10)
else:
    import gc
    kept.clear()
    gc.collect()
    print("child", flush=True)
    os._exit(0)
"""


def test_a_fork_ends_no_thread() -> None:
    """In a child the parent's other threads are gone, which is nobody's end."""
    assert ["child", "parent", "end"] == run_script(FORK).split()
