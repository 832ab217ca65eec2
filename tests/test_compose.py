"""The composition root: what it makes, when it loads what is heavy, and what it takes when a choice cannot be had."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

import soasap
from soasap import create_soasap_client
from soasap._compose import STREAM_PATH, request_headers
from tests.clients import API_KEY, open_client
from tests.flagserver import ScriptedServer, hold_open
from tests.scripts import run_script

HEAVY = """
def loaded():
    return {name for name in ("urllib3", "ssl", "orjson", "logging") if name in sys.modules}
"""


def test_heavy_parts_are_loaded_at_construction(tmp_path: Path) -> None:
    """Construction pays for urllib3, ssl, orjson and logging, so that the first read does not."""
    run_script(
        f"""
        import sys
        import soasap
        {HEAVY.replace(chr(10), chr(10) + " " * 8)}
        assert loaded() == set(), loaded()
        client = soasap.create_soasap_client(api_key="key", cache_directory=sys.argv[1])
        assert loaded() == {{"urllib3", "ssl", "orjson", "logging"}}, loaded()
        client.close()
        """,
        tmp_path,
    )


def test_request_headers() -> None:
    """What is sent with each request is what `request_headers` says, beside what every request has."""
    with ScriptedServer(hold_open()) as server, open_client(server.base_url, preload=True):
        server.wait_requests(1)
        sent = server.requests[0]
    expected = {name.lower(): value for name, value in request_headers(API_KEY, "threads").items()}

    assert f"soasap-python/{soasap.__version__} (threads)" == sent.headers["user-agent"]
    assert ("GET", STREAM_PATH) == (sent.method, sent.target)
    assert {**expected, "host": f"127.0.0.1:{server.port}"} == sent.headers


@pytest.mark.parametrize("name", ["", "counting threads", "x)\r\nX-Evil: 1"])
def test_other_backends_are_not_named(name: str) -> None:
    """Only our own backends are told of on the wire: what an application calls its own is nobody's business."""
    assert f"soasap-python/{soasap.__version__}" == request_headers(API_KEY, name)["User-Agent"]


@pytest.mark.parametrize("library", ["gevent", "eventlet"])
def test_master_that_is_about_to_patch(library: str, tmp_path: Path) -> None:
    """
    In Gunicorn's master with a green worker class and nothing patched, a client is made, answers, and says why no more.

    Neither urllib3 nor ssl is imported there: after the patch they would break the application's own HTTPS.
    """
    run_script(
        f"""
        import sys, types
        import soasap
        # What Gunicorn has loaded before it imports the application under --preload.
        sys.modules["gunicorn.workers.g{library}"] = types.ModuleType("gunicorn.workers.g{library}")
        client = soasap.create_soasap_client(api_key="key", cache_directory=sys.argv[1], preload=True)
        assert client.get_int("n", 7) == 7
        assert client.wait_ready(5) is False
        status = client.status()
        assert (status.state, status.backend) == ("idle", ""), status
        assert "{library}" in status.hint, status
        assert not {{"urllib3", "ssl"}} & set(sys.modules)
        client.close()
        """,
        tmp_path,
    )


def test_worker_after_the_patch(tmp_path: Path) -> None:
    """In a worker of that master, patched after the fork, the first read starts a stream on gevent."""
    with ScriptedServer(hold_open(b'{"n": 1}')) as server:
        run_script(
            """
            import os, sys, types, warnings
            import soasap
            sys.modules["gunicorn.workers.ggevent"] = types.ModuleType("gunicorn.workers.ggevent")
            client = soasap.create_soasap_client(api_key="key", base_url=sys.argv[2], cache_directory=sys.argv[1])
            assert client.get_int("n", 7) == 7
            child = os.fork()
            if not child:
                code = 1
                try:
                    from gevent import monkey
                    monkey.patch_all()
                    assert client.wait_ready(20), client.status()
                    assert client.get_int("n") == 1
                    assert client.status().backend == "gevent"
                    client.close()
                    code = 0
                finally:
                    os._exit(code)
            assert os.waitpid(child, 0)[1] == 0
            assert client.status().state == "idle"
            """,
            tmp_path,
            server.base_url,
        )

        assert 1 == len(server.connections)


def test_cache_of_another_client_is_not_ours(tmp_path: Path) -> None:
    """Two keys at one service, and one key at two services, have a file each."""
    with ScriptedServer(hold_open(b'{"n": 1}')) as one, ScriptedServer(hold_open(b'{"n": 2}')) as other:
        run_script(
            """
            import os, sys
            import soasap
            directory, *urls = sys.argv[1:]
            for key, url in (("a", urls[0]), ("b", urls[0]), ("a", urls[1])):
                with soasap.create_soasap_client(api_key=key, base_url=url, cache_directory=directory) as client:
                    assert client._store.known().source == "none"  # asked without starting the stream
                    assert client.wait_ready(20), client.status()
            assert len(os.listdir(directory)) == 3, os.listdir(directory)
            """,
            tmp_path / "cache",
            one.base_url,
            other.base_url,
        )


def test_eventlet_by_name_is_deprecated(tmp_path: Path) -> None:
    """Only who asks for eventlet by name is warned, at his own line; that is no import of it yet."""
    with pytest.warns(DeprecationWarning, match="eventlet") as warned:
        client = create_soasap_client(api_key="key", cache_directory=str(tmp_path), backend="eventlet")
    client.close()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        create_soasap_client(api_key="key", cache_directory=str(tmp_path)).close()

    assert [__file__] == [warning.filename for warning in warned]
