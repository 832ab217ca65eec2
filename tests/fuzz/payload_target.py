"""The parser and the getters under the fuzzer: a snapshot that reads as it was written, or a plain refusal."""

from __future__ import annotations

import math
import re
from functools import cache
from typing import Any

from soasap import SoasapClientImpl, create_soasap_client
from soasap._sansio.snapshot import FlagSnapshot, parse_snapshot
from soasap.exceptions import InvalidPayload
from tests.clients import API_KEY, NOWHERE
from tests.fuzz.plain_json import containers, read_plainly

__all__ = ["check_payload"]


def check_payload(data: bytes) -> None:
    """Bytes are a snapshot or an `InvalidPayload`; of a snapshot every getter gives every flag, or the default."""
    plain = read_plainly(data)
    try:
        snapshot = parse_snapshot(data, source="stream", received_at=1.0)
    except InvalidPayload as error:
        _check_refusal(error)
        assert plain is None, "refused although it is plain JSON"
        return
    assert isinstance(snapshot, FlagSnapshot)
    assert (data, "stream", 1.0) == (snapshot.payload, snapshot.source, snapshot.received_at)
    assert plain is None or _same_tree(plain, snapshot.flags), "not what the standard library reads"
    client = _client()
    client._store.replace(snapshot)
    for flag_key, value in snapshot.flags.items():
        _check_getters(client, flag_key, value)
    for key in (None, 7, b"bytes", ["unhashable"], math.nan, "no such flag, we hope \0"):
        _check_getters(client, key, None)


def _check_refusal(error: InvalidPayload) -> None:
    """Neither the message nor what hangs on the error keeps the payload."""
    assert re.fullmatch(r"expected one JSON object, [ -~]{1,120}", str(error)), str(error)
    assert (None, None) == (error.__cause__, error.__context__)


NOTHING: Any = object()
"""A default that comes back as given, of whatever type."""


def _check_getters(client: SoasapClientImpl, key: Any, value: Any) -> None:
    """Each getter gives the value if it is of its kind, and else the default as given."""
    kind = type(value)
    for get_bool in (client.get_bool, client.get_flag):
        assert get_bool(key, NOTHING) is (value if kind is bool else NOTHING)
    number = client.get_number(key, NOTHING)
    if kind is int or kind is float:
        assert type(number) is float and math.isfinite(number) and number == float(value)  # noqa: PT018
    else:
        assert number is NOTHING
    integer = client.get_int(key, NOTHING)
    if kind is int or (kind is float and value == math.floor(value) and abs(value) <= 2**53):
        assert type(integer) is int and integer == value  # noqa: PT018
    else:
        assert integer is NOTHING
    assert client.get_string(key, NOTHING) is (value if kind is str else NOTHING)
    if kind is not dict and kind is not list:
        assert client.get_json(key, NOTHING) is NOTHING
        return
    first: Any = client.get_json(key, NOTHING)
    assert _same_tree(value, first)
    mine = list(containers(first))
    assert set(map(id, mine)).isdisjoint(map(id, containers(value))), "a part is shared"
    for container in mine:
        container.clear()
    assert _same_tree(value, client.get_json(key, NOTHING)), "changed by somebody who changed a copy"


def _same_tree(one: Any, other: Any) -> bool:
    """Equal in types, too, `True` being no `1`; without recursion, as trees are up to 1,024 deep."""
    waiting = [(one, other)]
    while waiting:
        left, right = waiting.pop()
        if type(left) is not type(right):
            return False
        if isinstance(left, dict):
            if list(left) != list(right):
                return False
            waiting += [(left[key], right[key]) for key in left]
        elif isinstance(left, list):
            if len(left) != len(right):
                return False
            waiting += zip(left, right, strict=True)
        elif left != right or repr(left) != repr(right):  # 0.0 and -0.0 are equal
            return False
    return True


@cache
def _client() -> SoasapClientImpl:
    """A closed client, which never starts anything; made once."""
    client = create_soasap_client(api_key=API_KEY, base_url=NOWHERE, cache=None)
    client.close()
    return client
