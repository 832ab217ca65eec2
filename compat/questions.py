"""
What the tests ask of a worker, whatever brings the question there: WSGI, ASGI or a task queue.

Runs inside the deployments, so it imports nothing early that an application might want to import late: urllib3 and
requests come with the first question about them.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import soasap
from compat.children import make_child, report_of, wait_for_release
from compat.host import Host

__all__ = ["answer", "client_from_environment", "report_as_child"]

Client: TypeAlias = soasap.SoasapClientImpl
Arguments: TypeAlias = Mapping[str, str]


def client_from_environment(**options: Any) -> Client | None:
    """
    A client as the test that started this deployment wants it; `None` if it wants none, for comparison.

    `COMPAT_CLIENT` is `lazy`, `preload` or `none`; the others are `COMPAT_BASE_URL`, `COMPAT_API_KEY`,
    `COMPAT_CA_FILE`, `COMPAT_CACHE` (a directory) and `COMPAT_BACKEND`.
    """
    kind = os.environ["COMPAT_CLIENT"]
    if kind == "none":
        return None
    given: dict[str, Any] = {
        "api_key": os.environ["COMPAT_API_KEY"],
        "base_url": os.environ["COMPAT_BASE_URL"],
        "preload": kind == "preload",
        "cache_directory": os.environ["COMPAT_CACHE"],
        "ca_file": os.environ.get("COMPAT_CA_FILE") or None,
        "backend": os.environ.get("COMPAT_BACKEND", "auto"),
    }
    return soasap.create_soasap_client(soasap.SoasapClientOptions(**(given | options)))


def answer(client: Client | None, question: str, arguments: Arguments, host: Host | None = None) -> dict[str, Any]:
    """
    Answer one question; the answer goes through JSON and says which process gave it.

    ==========  ==================================  =======================================================
    `flags`                                         values and status
    `https`     `url`, `ca`                         how requests of the application's own turn out
    `ticker`    `seconds`, `closing`                the longest sleep of 1 ms; meanwhile another client closes
    `child`     `how`, `release`                    what a child saw that read until it had the value in that file
    ==========  ==================================  =======================================================
    """
    return {"pid": os.getpid(), **_QUESTIONS[question](client, arguments, host or Host())}


def _flags(client: Client | None, arguments: Arguments, host: Host) -> dict[str, Any]:
    return _values(client)


def _values(client: Client | None) -> dict[str, Any]:
    if client is None:
        return {}
    value = client.get_int("sequence", -1)
    status = client.status()
    age = status.snapshot_age
    return {
        "value": value,
        "greeting": client.get_string("greeting"),
        "state": status.state,
        "source": status.source,
        "received_at": None if age is None else time.time() - age,
        "last_error": None if status.last_error is None else repr(status.last_error.exception),
        "backend": status.backend,
        "events": status.events,
        "connects": status.connects,
        "errors": status.errors,
        "hint": status.hint,
    }


def _https(client: Client | None, arguments: Arguments, host: Host) -> dict[str, Any]:
    _values(client)

    def by_urllib3() -> bytes:
        import urllib3

        with urllib3.PoolManager(ca_certs=arguments["ca"], retries=False) as pool:
            return pool.request("GET", arguments["url"], timeout=10).data

    def by_requests() -> bytes:
        import requests  # type: ignore[import-untyped, unused-ignore]  # not in the project's own environment

        body: bytes = requests.get(arguments["url"], verify=arguments["ca"], timeout=10).content
        return body

    return {"urllib3": _outcome(by_urllib3), "requests": _outcome(by_requests)}


def _outcome(call: Callable[[], bytes]) -> str:
    try:
        return call().decode()
    except Exception as error:
        return type(error).__name__


def _ticker(client: Client | None, arguments: Arguments, host: Host) -> dict[str, Any]:
    """Runs on the hub of a green worker, beside the client's tasks."""
    _values(client)
    wait_for_helper: Callable[[float], object] | None = None
    if arguments.get("closing") and client is not None:
        wait_for_helper = host.start(_open_and_close)
    gaps = []
    last = time.perf_counter()
    end = last + float(arguments["seconds"])
    while last < end:
        host.pause(0.001)
        now = time.perf_counter()
        gaps.append(now - last)
        last = now
    if wait_for_helper is not None:
        wait_for_helper(30)
    return {"longest": max(gaps), "ticks": len(gaps)}


def _open_and_close() -> None:
    for _ in range(3):
        other = client_from_environment(cache=None)
        if other is not None:
            other.wait_ready(5)
            other.close()


def _child(client: Client | None, arguments: Arguments, host: Host) -> dict[str, Any]:
    _values(client)
    release = arguments["release"]
    child = make_child(arguments["how"], lambda: report_as_child(client, release, host), release, host)
    return {"child": child}


def report_as_child(client: Client | None, release: str, host: Host) -> None:
    """What a child does: read until it is released, and write down what it saw."""
    assert client is not None
    wait_for_release(release, lambda: client.get_int("sequence", -1), host)
    report = {"pid": os.getpid(), **_values(client)}
    report_of(release).write_text(json.dumps(report), "utf-8")


_QUESTIONS: dict[str, Callable[[Client | None, Arguments, Host], dict[str, Any]]] = {
    "flags": _flags,
    "https": _https,
    "ticker": _ticker,
    "child": _child,
}
