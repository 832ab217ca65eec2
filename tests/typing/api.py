"""
The public API as its users write it, for type checkers only: nothing here ever runs.

mypy and pyright read it strictly; an `assert_type` that no longer holds is an error there.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from openfeature.flag_evaluation import FlagResolutionDetails
from openfeature.provider import FeatureProvider
from typing_extensions import assert_type

import soasap
from soasap import (
    FlagChange,
    SoasapClient,
    SoasapClientImpl,
    SoasapClientOptions,
    SoasapErrorContext,
    SoasapErrorHandler,
    SoasapErrorSource,
    SoasapUpdateHandler,
    create_error_context,
    create_soasap_client,
)
from soasap.openfeature import SoasapProvider
from soasap.protocols import SnapshotCache
from soasap.redis import RedisSnapshotCache
from soasap.testing import InMemoryClient
from soasap.types import ClientState, ClientStatus, SnapshotSource


def report(context: SoasapErrorContext) -> None:
    assert_type(context.exception, BaseException)
    assert_type(context.source, SoasapErrorSource)
    assert_type(context.is_transient, bool)
    assert_type(context.timestamp, datetime)


def hear(changes: Mapping[str, FlagChange]) -> None:
    for key, change in changes.items():
        assert_type(key, str)
        assert_type(change.old, Any)
        assert_type(change.new, Any)


class MemoryCache:
    """A cache of the user's own."""

    def load(self) -> bytes | None:
        return None

    def save(self, payload: bytes) -> None: ...


class Response:
    """What a 1.0.3-style opener returns."""

    status = 200

    def read(self, size: int = -1) -> bytes:
        return b""

    def close(self) -> None: ...


class FakeClient:
    """A fake written against the protocol of 1.0.3."""

    def get_bool(self, flag_key: str, default_value: bool = False) -> bool:
        return default_value

    def get_number(self, flag_key: str, default_value: float = 0) -> float:
        return default_value

    def get_string(self, flag_key: str, default_value: str = "") -> str:
        return default_value

    def get_json(self, flag_key: str, default_value: Any = None) -> Any:
        return default_value

    def get_flag(self, flag_key: str, default_value: bool = False) -> bool:
        return default_value

    def close(self, timeout: float = 5.0) -> None: ...


def opener(url: str, headers: dict[str, str], stop_event: Any) -> Response:
    return Response()


def create() -> None:
    handler: SoasapErrorHandler = report
    cache: SnapshotCache = MemoryCache()
    assert_type(create_soasap_client(api_key="key"), SoasapClientImpl)
    create_soasap_client(SoasapClientOptions("key", "https://flags.example", True, "/tmp/flags", handler))
    create_soasap_client(api_key="key", base_url="", preload=True, cache_directory=None, on_error=handler)
    create_soasap_client(api_key="key", http_opener=opener)
    listener: SoasapUpdateHandler = hear
    create_soasap_client(api_key="key", initial_flags={"new-checkout": True, "rates": [1.5]}, on_update=listener)
    create_soasap_client(
        api_key="key",
        backend="threads",
        connect_timeout=1,
        response_timeout=2.5,
        read_timeout=30,
        proxy="http://proxy.example:3128",
        ca_file="ca.pem",
        client_cert=("cert.pem", "key.pem"),
        cache=None,
    )
    create_soasap_client(api_key="key", ssl_context=ssl.create_default_context(), cache=cache)
    SoasapClientImpl(SoasapClientOptions("key", cache=cache, backend="auto"), http_opener=opener)
    SoasapClientOptions("key", read_timeout=1.0, cache="disk", client_cert="both.pem", proxy="")


def read(flags: SoasapClient) -> None:
    assert_type(flags.get_bool("key"), bool)
    assert_type(flags.get_flag("key", True), bool)
    assert_type(flags.get_number("key", 1), float)
    assert_type(flags.get_string("key", "x"), str)
    assert_type(flags.get_json("key", {"a": 1}), dict[str, int] | None)
    assert_type(flags.get_json("key", ["a"]), list[str] | None)
    flags.close()
    flags.close(timeout=1.0)


def live() -> None:
    with create_soasap_client(api_key="key") as flags:
        assert_type(flags, SoasapClientImpl)
        assert_type(flags.get_int("key", 3), int)
        assert_type(flags.wait_ready(), bool)
        assert_type(flags.wait_ready(timeout=1.0), bool)
        assert_type(flags.all_flags(), dict[str, Any])
        unsubscribe = flags.subscribe(hear)
        assert_type(unsubscribe, Callable[[], None])
        unsubscribe()
        read(flags)
        look(flags.status())


def look(status: ClientStatus) -> None:
    assert_type(status.state, ClientState)
    assert_type(status.source, SnapshotSource)
    assert_type(status.age, float | None)
    assert_type(status.snapshot_age, float | None)
    assert_type(status.last_error, SoasapErrorContext | None)
    assert_type(status.connected_since, datetime | None)
    assert_type(status.events, int)
    assert_type(status.hint, str)


def fake() -> None:
    with InMemoryClient({"new-checkout": True}) as flags:
        assert_type(flags, InMemoryClient)
        flags.set("limit", 3)
        flags.remove("limit")
        with flags.override({"new-checkout": False}, beta=True) as same:
            assert_type(same, InMemoryClient)
        read(flags)
        look(flags.status())
    real: SoasapClientImpl = flags
    read(real)


def through_openfeature(flags: SoasapClientImpl) -> None:
    provider = SoasapProvider(flags, ready_timeout=1)
    as_openfeature_sees_it: FeatureProvider = provider
    as_openfeature_sees_it.shutdown()
    SoasapProvider(SoasapClientOptions("key"))
    assert_type(provider.resolve_integer_details("key", 1), FlagResolutionDetails[int])
    assert_type(provider.resolve_boolean_details("key", False).value, bool)


def through_redis() -> None:
    cache: SnapshotCache = RedisSnapshotCache("redis://cache", prefix="flags:", connect_timeout=1, timeout=0.2)
    read(create_soasap_client(api_key="key", cache=cache))
    assert_type(RedisSnapshotCache("redis://cache").for_environment("name"), RedisSnapshotCache)


def use() -> None:
    read(FakeClient())
    assert_type(soasap.__version__, str)
    assert_type(create_error_context(OSError(), SoasapErrorSource.DISK, True), SoasapErrorContext)
