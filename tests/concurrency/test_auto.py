"""
Which backend a process gets, in fresh interpreters; and processes in which nothing may start.

`compat` has the real servers.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from soasap import create_soasap_client
from soasap.concurrency.auto import make_backend
from soasap.concurrency.threads import ThreadsBackend
from soasap.exceptions import BackendUnavailable
from tests.flagserver import ScriptedServer, hold_open
from tests.scripts import run_script

STATES = {
    "nothing": ("threads", ""),
    "gevent imported": ("threads", "import gevent"),
    "gevent.monkey imported": ("threads", "import gevent.monkey"),
    "gevent.monkey half imported": ("threads", "sys.modules['gevent.monkey'] = types.ModuleType('gevent.monkey')"),
    "patch_all()": ("gevent", "import gevent.monkey; gevent.monkey.patch_all()"),
    "patch_all(ssl=False)": ("gevent", "import gevent.monkey; gevent.monkey.patch_all(ssl=False)"),
    "patch_thread()": ("gevent", "import gevent.monkey; gevent.monkey.patch_thread()"),
    "patch_all(thread=False)": ("threads", "import gevent.monkey; gevent.monkey.patch_all(thread=False)"),
    "patch_socket()": ("threads", "import gevent.monkey; gevent.monkey.patch_socket()"),
    "eventlet imported": ("threads", "import eventlet"),
    "eventlet.patcher half imported": (
        "threads",
        "sys.modules['eventlet.patcher'] = types.ModuleType('eventlet.patcher')",
    ),
    "monkey_patch()": ("eventlet", "import eventlet; eventlet.monkey_patch()"),
    "monkey_patch(thread=True)": ("eventlet", "import eventlet; eventlet.monkey_patch(thread=True)"),
    "monkey_patch(socket=True)": ("threads", "import eventlet; eventlet.monkey_patch(socket=True)"),
    "monkey_patch(thread=False)": ("threads", "import eventlet; eventlet.monkey_patch(thread=False)"),
}
"""By what an application has done: what `auto` means then, and how it is done."""

BEFORE = """
import json, sys, types, warnings
warnings.simplefilter("ignore")  # of the green libraries, about patching and about themselves
"""


@pytest.mark.parametrize(("expected", "done"), STATES.values(), ids=STATES)
def test_detection(expected: str, done: str) -> None:
    """It counts whether starting a thread gives a greenlet, not what is imported; asking imports nothing."""
    output = run_script(
        BEFORE
        + done
        + """
import soasap.concurrency.auto
before = set(sys.modules)
found = soasap.concurrency.auto.detect()
soasap.concurrency.auto.process_obstacle()
print(json.dumps([found, sorted(set(sys.modules) - before)]))
"""
    )

    assert [expected, []] == json.loads(output)


@pytest.mark.parametrize("done", ["", "import gevent, gevent.monkey", "import urllib3"])
def test_green_libraries_are_left_alone(done: str) -> None:
    """Under `auto` a whole life of a client imports no green library that the application has not patched with."""
    with ScriptedServer(hold_open(b'{"n": 1}')) as server:
        output = run_script(
            BEFORE
            + done
            + """
before = {name for name in sys.modules if name.partition(".")[0] in ("gevent", "greenlet", "eventlet")}
import soasap
with soasap.create_soasap_client(api_key="key", base_url=sys.argv[1], cache=None) as client:
    assert client.wait_ready(20), client.status()
after = {name for name in sys.modules if name.partition(".")[0] in ("gevent", "greenlet", "eventlet")}
print(json.dumps(sorted(after - before)))
assert not [name for name in sys.modules if name in ("soasap.concurrency.gevent", "soasap.concurrency.eventlet")]
""",
            server.base_url,
        )

    assert [] == json.loads(output)


FALLBACKS = {
    "threads, patched by gevent": (
        "threads",
        "gevent",
        "import gevent.monkey; gevent.monkey.patch_all()",
        "gevent has patched threading",
    ),
    "threads, patched by eventlet": (
        "threads",
        "eventlet",
        "import eventlet; eventlet.monkey_patch()",
        "eventlet has patched threading",
    ),
    "gevent is missing": ("gevent", "threads", "sys.modules['gevent'] = None", 'pip install "soasap[gevent]"'),
    "eventlet is missing": ("eventlet", "threads", "sys.modules['eventlet'] = None", 'pip install "soasap[eventlet]"'),
}
"""By trouble: what was asked for, what is taken instead, how it comes about, and what is said."""


@pytest.mark.parametrize(("asked", "taken", "done", "said"), FALLBACKS.values(), ids=FALLBACKS)
def test_choice_that_cannot_be_had(asked: str, taken: str, done: str, said: str, tmp_path: Path) -> None:
    """What only the first start can find is one report and one WARNING, then `auto`; reads never raise."""
    with ScriptedServer(hold_open(b'{"n": 1}')) as server:
        output = run_script(
            BEFORE
            + done
            + f"""
import logging, os, signal, time
records, errors = [], []

class Handler(logging.Handler):
    def emit(self, record):
        records.append((record.levelname, record.getMessage()))

logger = logging.getLogger("soasap")
logger.propagate = False
logger.addHandler(Handler(logging.WARNING))
import soasap
client = soasap.create_soasap_client(
    api_key="key", base_url=sys.argv[1], cache_directory=sys.argv[2], backend={asked!r}, on_error=errors.append
)
assert not records and not errors  # nothing is decided before the first start
assert client.get_int("n", 1) == 1
assert client.wait_ready(20), client.status()
assert client.get_int("n") == 1
taken = client.status().backend
deadline = time.monotonic() + 20
while not errors:
    assert time.monotonic() < deadline, "no report"
    time.sleep(0.01)

# In a child it is found anew: the same backend, and no second word.
child = os.fork()
if not child:
    signal.alarm(40)
    code = 1
    try:
        assert client.wait_ready(20), client.status()
        assert client.status().backend == taken
        code = 0
    finally:
        os._exit(code)
while not (ended := os.waitpid(child, os.WNOHANG))[0]:
    time.sleep(0.01)
assert ended[1] == 0, ended
client.close()
print(json.dumps([taken, records, [[type(each.exception).__name__, str(each.exception)] for each in errors]]))
""",
            server.base_url,
            tmp_path / "cache",
        )
    backend, records, errors = json.loads(output)

    assert taken == backend
    assert ["WARNING"] == [level for level, _ in records]
    assert said in records[0][1]
    assert ["BackendUnavailable"] == [name for name, _ in errors]
    assert said in errors[0][1]


class Nameless(ThreadsBackend):
    """Whatever it is asked, it fails."""

    @property
    def name(self) -> str:  # type: ignore[override]
        raise LookupError("no name")


class TestMakeBackend:
    def test_class_or_function(self) -> None:
        """A class, or any other callable without arguments, makes the backend."""
        assert isinstance(make_backend(ThreadsBackend), ThreadsBackend)
        assert isinstance(make_backend(lambda: ThreadsBackend()), ThreadsBackend)

    def test_a_new_one_each_time(self) -> None:
        """Each run gets a backend of its own."""
        assert make_backend("threads") is not make_backend("threads")

    @pytest.mark.parametrize(
        ("choice", "said"),
        [
            (lambda: 1 / 0, "ZeroDivisionError"),
            (lambda needed: None, "missing 1 required positional argument"),
            (
                object,
                "it has no name, obstacle, spawn, on_host_end, event, run_blocking, socket, getaddrinfo, tls_context",
            ),
            (Nameless, "no name"),
        ],
        ids=["raises", "wants arguments", "has nothing", "cannot be asked"],
    )
    def test_wrong_object(self, choice: Any, said: str) -> None:
        """What is no backend is refused in words that say what it lacks."""
        with pytest.raises(BackendUnavailable, match=said):
            make_backend(choice)

    def test_unknown_name(self) -> None:
        """A name that no backend has is refused when the client is made, with those that exist."""
        with pytest.raises(ValueError, match="backend must be one of auto, threads, gevent, eventlet"):
            create_soasap_client(api_key="key", backend="asyncio")  # type: ignore[arg-type]


ABOUT = """
    import sys, types
    import soasap

    uwsgi = types.ModuleType("uwsgi")
    uwsgi.worker_id = lambda: {worker}
    uwsgi.mule_id = lambda: {mule}
    uwsgi.i_am_the_spooler = lambda: {spooler}
    uwsgi.loop = {loop}
    uwsgi.opt = {options}
    sys.modules["uwsgi"] = uwsgi
    client = soasap.create_soasap_client(
        soasap.SoasapClientOptions("key", base_url="http://127.0.0.1:9", cache=None, preload=True)
    )
    assert client.get_bool("flag", True)
    status = client.status()
    print(status.hint if status.state == "idle" else status.state, "urllib3" in sys.modules, sep="|")
"""
"""What a client says in a process of uWSGI with these answers, read from one of real ones."""

PATCHING = "{'gevent': b'20', 'gevent-monkey-patch': True}"


def about(
    worker: int = 0, mule: int = 0, spooler: bool | None = None, loop: bytes | None = None, options: str = "{}"
) -> list[str]:
    text = ABOUT.format(worker=worker, mule=mule, spooler=spooler, loop=loop, options=options)
    return run_script(text).strip().split("|")


def test_nothing_starts_in_the_master_of_uwsgi() -> None:
    """The master of uWSGI, which forks in C, starts nothing, says why, and does not import urllib3."""
    hint, has_urllib3 = about()

    assert "uWSGI's master" in hint
    assert "False" == has_urllib3


def test_nothing_starts_before_uwsgi_patches() -> None:
    """A worker of uWSGI that is still to be patched starts nothing: urllib3 must not be there before the patch."""
    hint, has_urllib3 = about(worker=1, loop=b"gevent", options=PATCHING)

    assert "about to patch" in hint
    assert "False" == has_urllib3


@pytest.mark.parametrize(
    ("worker", "mule", "spooler", "loop", "options"),
    [
        pytest.param(1, 0, None, None, "{}", id="worker"),
        pytest.param(1, 0, None, b"gevent", "{'gevent': b'20'}", id="gevent without a patch"),
        pytest.param(1, 0, None, b"gevent", "{'gevent-monkey-patch': b'false'}", id="patch switched off"),
        pytest.param(1, 0, None, None, "{'gevent-monkey-patch': True}", id="patch without the loop that does it"),
        pytest.param(0, 1, None, b"gevent", PATCHING, id="mule"),
        pytest.param(0, 0, True, b"gevent", PATCHING, id="spooler"),
    ],
)
def test_work_starts_elsewhere_under_uwsgi(
    worker: int, mule: int, spooler: bool | None, loop: bytes | None, options: str
) -> None:
    """Workers, mules and spoolers of uWSGI that nothing is about to patch start at once."""
    assert ["connecting", "True"] == about(worker, mule, spooler, loop, options)


@pytest.mark.parametrize(
    ("expected", "done"),
    [
        ("about to patch", ""),
        ("about to patch", "import gevent, gevent.monkey, eventlet"),
        ("", "import gevent.monkey; gevent.monkey.patch_all()"),
        ("", "import gevent.monkey; gevent.monkey.patch_socket()"),
    ],
    ids=["nothing patched", "only imported", "patched", "sockets patched"],
)
def test_gunicorn_with_its_gevent_class(expected: str, done: str) -> None:
    """Where Gunicorn has loaded its gevent worker class, work may start as soon as anything is patched."""
    expect_hint("ggevent", expected, done)


@pytest.mark.parametrize(
    ("expected", "done"),
    [
        ("about to patch", "import eventlet"),
        ("", "import eventlet; eventlet.monkey_patch()"),
        ("", "import eventlet; eventlet.monkey_patch(socket=True)"),
    ],
    ids=["only imported", "patched", "sockets patched"],
)
def test_gunicorn_with_its_eventlet_class(expected: str, done: str) -> None:
    """The same under its eventlet worker class."""
    expect_hint("geventlet", expected, done)


def expect_hint(worker: str, expected: str, done: str) -> None:
    output = run_script(
        BEFORE
        + f"""
sys.modules["gunicorn.workers.{worker}"] = types.ModuleType("gunicorn.workers.{worker}")
{done}
import soasap.concurrency.auto
print(soasap.concurrency.auto.process_obstacle())
"""
    )

    assert (expected in output) if expected else output == "\n"


def test_another_module_of_the_name_uwsgi_is_no_obstacle() -> None:
    """A module that is merely called `uwsgi`, an application's own for example, changes nothing."""
    state = run_script("""
        import sys, types
        import soasap

        sys.modules["uwsgi"] = types.ModuleType("uwsgi")
        options = soasap.SoasapClientOptions("key", base_url="http://127.0.0.1:9", cache=None)
        print(soasap.create_soasap_client(options).status().state)
    """)

    assert "connecting" == state.strip()
