"""
The processes in which backends must work: how each is patched, and what its inhabitants can do.

Runs in sub-processes, before anything is imported that a patch would care about: nothing here may import urllib3, ssl,
threading or soasap at the top.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

State = Literal["unpatched", "first", "after urllib3", "all but thread", "thread only"]
Backend = Literal["threads", "gevent", "eventlet"]


@dataclass(frozen=True)
class Case:
    """
    A process to test in.

    Attributes:
        backend: What the client must run on there.
        library: Whose monkey patch is meant.
        state: What is patched, and when.
        asked: The option `backend` that leads to it: a name only where `auto` would choose another one. With a colon
            in it, the module and class of a backend that is not ours.
        named: What that backend calls itself.
    """

    backend: Backend
    library: str
    state: State
    asked: str
    named: str = ""

    def __str__(self) -> str:
        name = self.named or self.backend
        return f"{name}, {self.library} {self.state}" if self.library else f"{name}, {self.state}"

    def option(self) -> Any:
        """The option `backend`."""
        module, colon, name = self.asked.partition(":")
        return getattr(importlib.import_module(module), name) if colon else module


GREEN_STATES: tuple[tuple[State, bool], ...] = (
    ("unpatched", False),
    ("first", True),
    ("after urllib3", True),
    ("all but thread", False),
    ("thread only", True),
)
"""With whether `auto` finds the library's backend there."""

GREEN: tuple[Literal["gevent", "eventlet"], ...] = ("gevent", "eventlet")

CASES = [
    Case("threads", "", "unpatched", "auto"),
    Case("threads", "gevent", "all but thread", "auto"),
    Case("threads", "eventlet", "all but thread", "auto"),
    *(
        Case(library, library, state, "auto" if found else library)
        for library in GREEN
        for state, found in GREEN_STATES
    ),
    Case("threads", "", "unpatched", "tests.concurrency.third_party:CountingBackend", "counting threads"),
]


def patch(case: Case) -> None:
    """Bring this process into the state of the case."""
    if case.library == "eventlet":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # eventlet warns about itself when it is imported
            importlib.import_module("eventlet")
    if case.state == "after urllib3":
        import urllib3.connection  # noqa: F401  # with ssl, whose classes the patch then replaces
    if case.state == "unpatched":
        return
    if case.library == "gevent":
        _patch_gevent(case.state)
    else:
        _patch_eventlet(case.state)


def _patch_gevent(state: State) -> None:
    import gevent.monkey

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", gevent.monkey.MonkeyPatchWarning)  # about ssl, after urllib3
        if state == "thread only":
            gevent.monkey.patch_thread()
        else:
            gevent.monkey.patch_all(thread=state != "all but thread")


def _patch_eventlet(state: State) -> None:
    import eventlet

    if state == "thread only":
        eventlet.monkey_patch(thread=True)
    elif state == "all but thread":
        eventlet.monkey_patch(thread=False)
    else:
        eventlet.monkey_patch()


class Task:
    """What `World.spawn` started."""

    def __init__(self) -> None:
        self.done = False
        self.error: BaseException | None = None

    def run(self, function: Callable[[], object]) -> None:
        try:
            function()
        except BaseException as error:
            self.error = error
        finally:
            self.done = True


class World:
    """
    What code of the application can do in this process. This one is for native threads.

    Attributes:
        blocks: Whether a wait of one inhabitant blocks the others.
    """

    def sleep(self, seconds: float) -> None:
        """Sleep as a well-behaved inhabitant."""
        time.sleep(seconds)

    def native_sleep(self, seconds: float) -> None:
        """Block this OS thread, as a slow disk does."""
        time.sleep(seconds)

    def spawn(self, function: Callable[[], object]) -> Task:
        """Run a function beside the caller, in the world's own way."""
        return self.spawn_native(function)

    def spawn_native(self, function: Callable[[], object]) -> Task:
        """Run a function in an OS thread that knows nothing of any hub."""
        import threading

        task = Task()
        threading.Thread(target=task.run, args=(function,), daemon=True).start()
        return task

    def spawn_in_pool(self, function: Callable[[], object]) -> Task:
        """Run a function in the event loop's pool of OS threads."""
        raise NotImplementedError

    def call_in_loop(self, function: Callable[[], object]) -> Task:
        """Run a function as a callback of the event loop."""
        raise NotImplementedError

    def give_up_after(self, seconds: float) -> contextlib.AbstractContextManager[object]:
        """Raise `given_up` in the block, however deep it waits."""
        raise NotImplementedError

    given_up: type[BaseException] = TimeoutError

    def kill_all(self) -> int:
        """Kill every greenlet of the process but the caller; how many."""
        raise NotImplementedError

    def run_hub_elsewhere(self, function: Callable[[], object]) -> Task:
        """Run a function in a greenlet of an OS thread whose hub runs until the function returns."""
        raise NotImplementedError

    def wait(self, condition: Callable[[], object], message: str, timeout: float = 15.0) -> None:
        """Sleep until a condition holds."""
        deadline = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < deadline, f"not within {timeout} s: {message}"
            self.sleep(0.002)

    def finish(self, task: Task, timeout: float = 15.0) -> None:
        """Wait for a task and raise what it raised."""
        self.wait(lambda: task.done, "the end of a task", timeout)
        if task.error is not None:
            raise task.error


class GeventWorld(World):
    """Greenlets on gevent's hub."""

    def __init__(self) -> None:
        import gevent.monkey

        self._gevent: Any = gevent
        self.given_up = gevent.Timeout

    def sleep(self, seconds: float) -> None:
        self._gevent.sleep(seconds)

    def native_sleep(self, seconds: float) -> None:
        self._gevent.monkey.get_original("time", "sleep")(seconds)

    def spawn(self, function: Callable[[], object]) -> Task:
        task = Task()
        self._gevent.spawn(task.run, function)
        return task

    def spawn_native(self, function: Callable[[], object]) -> Task:
        task = Task()
        self._gevent.monkey.get_original("_thread", "start_new_thread")(task.run, (function,))
        return task

    def spawn_in_pool(self, function: Callable[[], object]) -> Task:
        task = Task()
        self._gevent.get_hub().threadpool.spawn(task.run, function)
        return task

    def call_in_loop(self, function: Callable[[], object]) -> Task:
        task = Task()
        self._gevent.get_hub().loop.run_callback(task.run, function)
        return task

    def give_up_after(self, seconds: float) -> contextlib.AbstractContextManager[object]:
        timeout: contextlib.AbstractContextManager[object] = self._gevent.Timeout(seconds)
        return timeout

    def kill_all(self) -> int:
        import gc

        current = self._gevent.getcurrent()
        found = [each for each in gc.get_objects() if isinstance(each, self._gevent.Greenlet) and each is not current]
        alive = [each for each in found if not each.dead]
        self._gevent.killall(alive, timeout=10)
        return len(alive)

    def run_hub_elsewhere(self, function: Callable[[], object]) -> Task:
        task = Task()

        def serve() -> None:
            self._gevent.spawn(task.run, function).join()
            self._gevent.get_hub().destroy(destroy_loop=True)

        self._gevent.monkey.get_original("_thread", "start_new_thread")(serve, ())
        return task


class EventletWorld(World):
    """Green threads on eventlet's hub."""

    def __init__(self) -> None:
        self._eventlet: Any = sys.modules["eventlet"]
        self.given_up = self._eventlet.Timeout
        importlib.import_module("eventlet.tpool")

    def sleep(self, seconds: float) -> None:
        self._eventlet.sleep(seconds)

    def native_sleep(self, seconds: float) -> None:
        self._eventlet.patcher.original("time").sleep(seconds)

    def spawn(self, function: Callable[[], object]) -> Task:
        task = Task()
        self._eventlet.spawn(task.run, function)
        return task

    def spawn_native(self, function: Callable[[], object]) -> Task:
        task = Task()
        thread = self._eventlet.patcher.original("threading").Thread(target=task.run, args=(function,), daemon=True)
        thread.start()
        return task

    def spawn_in_pool(self, function: Callable[[], object]) -> Task:
        task = Task()
        self._eventlet.spawn(self._eventlet.tpool.execute, task.run, function)
        return task

    def call_in_loop(self, function: Callable[[], object]) -> Task:
        task = Task()
        self._eventlet.hubs.get_hub().schedule_call_global(0, task.run, function)
        return task

    def give_up_after(self, seconds: float) -> contextlib.AbstractContextManager[object]:
        timeout: contextlib.AbstractContextManager[object] = self._eventlet.Timeout(seconds)
        return timeout

    def kill_all(self) -> int:
        import gc

        green = self._eventlet.greenthread.GreenThread
        current = self._eventlet.getcurrent()
        found = [each for each in gc.get_objects() if isinstance(each, green) and each is not current]
        alive = [each for each in found if not each.dead]
        for each in alive:
            each.kill()
        return len(alive)

    def run_hub_elsewhere(self, function: Callable[[], object]) -> Task:
        task = Task()

        def serve() -> None:
            self._eventlet.spawn(task.run, function).wait()

        self._eventlet.patcher.original("threading").Thread(target=serve, daemon=True).start()
        return task


def make_world(backend: Backend) -> World:
    """What the inhabitants of this process can do."""
    if backend == "gevent":
        return GeventWorld()
    return EventletWorld() if backend == "eventlet" else World()
