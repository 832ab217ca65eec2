from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soasap._redis_url import RedisUrl, parse, shown

SECRET = "s3cret"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://cache", RedisUrl("redis", "", "", [("cache", 6379)], "", "", {})),
        ("redis://cache:7000/3", RedisUrl("redis", "", "", [("cache", 7000)], "/3", "", {"db": "3"})),
        ("redis://[::1]:7000", RedisUrl("redis", "", "", [("::1", 7000)], "", "", {})),
        ("redis://:a%2Fb@cache", RedisUrl("redis", "", "a/b", [("cache", 6379)], "", "", {})),
        ("rediss://ada:x@cache?db=2", RedisUrl("rediss", "ada", "x", [("cache", 6379)], "", "", {"db": "2"})),
        ("redis://cache/3?db=2", RedisUrl("redis", "", "", [("cache", 6379)], "/3", "", {"db": "2"})),
        ("redis://cache?username=ada&password=x", RedisUrl("redis", "ada", "x", [("cache", 6379)], "", "", {})),
        ("unix:///run/my%20redis.sock?db=1", RedisUrl("unix", "", "", [], "/run/my redis.sock", "", {"db": "1"})),
        ("unix://ada:x@/run/r.sock", RedisUrl("unix", "ada", "x", [], "/run/r.sock", "", {})),
        (
            "redis+sentinel://ada:x@one,two:7000/flags/4?sentinel_password=y",
            RedisUrl(
                "redis+sentinel",
                "ada",
                "x",
                [("one", 26379), ("two", 7000)],
                "/4",
                "flags",
                {"db": "4", "sentinel_password": "y"},
            ),
        ),
    ],
)
def test_parts(url: str, expected: RedisUrl) -> None:
    """A URL comes apart, with the usual ports and what is percent-encoded decoded."""
    assert expected == parse(url)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (f"rediss://ada:{SECRET}@cache/3?ssl_ca_certs=/etc/ca.pem", "rediss://cache:6379"),
        (f"redis://[::1]?password={SECRET}", "redis://[::1]:6379"),
        (f"unix://:{SECRET}@/run/r.sock", "unix:///run/r.sock"),
        (
            f"redis+sentinel://:{SECRET}@one,two:7/flags/4?sentinel_password={SECRET}",
            "redis+sentinel://one:26379,two:7/flags",
        ),
    ],
)
def test_shown(url: str, expected: str) -> None:
    """What people see has the scheme and the address, and nobody's name or password."""
    assert expected == shown(url)
    assert SECRET not in repr(parse(url))


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("", r"is none; expected redis://, rediss://, unix://, redis\+sentinel://, rediss\+sentinel://; "),
        ("cache:6379", "is none; expected redis://"),
        (f"http://:{SECRET}@cache", "begins with http://; expected redis://"),
        (f"redis://:{SECRET}/x@cache:6379", r"no host, or a port that is none; expected redis://host:port; percent"),
        (f"redis://:{SECRET}#x@cache:6379", "no host|is none"),
        (f"redis://:{SECRET}@", "no host"),
        (f"redis://:{SECRET}@cache:70000", "a port that is none"),
        ("redis://one,two", r"names 2 hosts; redis:// takes one, redis\+sentinel:// more"),
        (f"redis://cache/{SECRET}", "path of the Redis URL is not the number of a database; expected /0"),
        (f"redis://cache?db={SECRET}", "option db that is not the number"),
        ("redis://cache?ssl_ca_certs=/etc/ca.pem", "has an option ssl_ca_certs; allowed are client_name, db,"),
        ("redis://cache?sentinel_password=x", "has an option sentinel_password; allowed"),
        (f"redis://cache?{SECRET}=1", "has an option that has no proper name; allowed"),
        ("redis://cache?socket_timeout=5", "option socket_timeout; time-outs are arguments, and nothing is retried"),
        ("redis://cache?retry_on_error=x", "option retry_on_error; time-outs are arguments"),
        (f"unix://{SECRET}", "names no socket; expected unix:///path/to/socket"),
        ("redis+sentinel://one:26379", r"names no service; expected redis\+sentinel://host:port/service or"),
        (f"redis+sentinel://one/flags/{SECRET}", "path of the Redis URL is not the number"),
    ],
)
def test_wrong(url: str, complaint: str) -> None:
    """A URL that is none is refused: what was seen, what is expected, what to do. Never with a password."""
    with pytest.raises(ValueError, match=complaint) as caught:
        parse(url)

    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("url", [None, b"redis://cache", 6379])
def test_not_a_string(url: Any) -> None:
    """Anything but a string is a `TypeError` that names its type."""
    with pytest.raises(TypeError, match=f"must be a string, not {type(url).__name__}"):
        parse(url)


@given(
    scheme=st.sampled_from(["redis", "rediss", "unix", "redis+sentinel", "http", ""]),
    around=st.tuples(*[st.text("ab:/?#@&=%[],.019", max_size=12)] * 2),
)
def test_no_error_quotes_what_it_cannot_read(scheme: str, around: tuple[str, str]) -> None:
    """Whatever surrounds a password, no error and nothing shown has it unless it stands where a host or path does."""
    url = f"{scheme}://{around[0]}:SECRET@{around[1]}"
    try:
        seen = shown(url)
    except ValueError as error:
        seen = str(error)

    assert "SECRET" not in seen or scheme == "unix"
