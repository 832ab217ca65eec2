"""HTTP answers: only a flag stream is believed, only our own origin is followed, and no secret is quoted."""

from __future__ import annotations

from email.utils import formatdate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from urllib3 import HTTPHeaderDict

from soasap._sansio.answers import judge
from soasap.exceptions import RedirectRefused, UnexpectedAnswer

URL = "https://flags.example.com/base/api/v1/flags/live"
NOW = 1_700_000_000.0


def answer(status: int, headers: dict[str, str] | None = None, url: str = URL) -> str | None:
    return judge(status, HTTPHeaderDict(headers or {}), url=url, now=NOW)


def unexpected(status: int, headers: dict[str, str] | None = None) -> UnexpectedAnswer:
    with pytest.raises(UnexpectedAnswer) as caught:
        answer(status, headers)
    assert status == caught.value.status
    return caught.value


def refused(location: str | None, status: int = 302, url: str = URL) -> RedirectRefused:
    with pytest.raises(RedirectRefused) as caught:
        answer(status, None if location is None else {"Location": location}, url)
    assert caught.value.is_refusal
    assert not caught.value.is_transient
    return caught.value


@pytest.mark.parametrize(
    "content_type",
    ["text/event-stream", "Text/Event-Stream", "text/event-stream;charset=utf-8", " text/event-stream ; a=b"],
)
@pytest.mark.parametrize("encoding", [{}, {"Content-Encoding": "identity"}, {"content-encoding": " Identity "}])
def test_a_stream_is_accepted(content_type: str, encoding: dict[str, str]) -> None:
    """An event stream in any spelling, with any parameters, without an encoding."""
    assert answer(200, {"content-TYPE": content_type, **encoding}) is None


@pytest.mark.parametrize(
    ("expected", "headers"),
    [
        ("'text/html; charset=utf-8'", {"Content-Type": "text/html; charset=utf-8"}),
        ("'application/json'", {"Content-Type": "application/json"}),
        ("'text/event-streams'", {"Content-Type": "text/event-streams"}),
        ("no content type", {}),
        ("compressed", {"Content-Type": "text/event-stream", "Content-Encoding": "gzip"}),
        ("compressed", {"Content-Type": "text/event-stream", "Content-Encoding": "identity, br"}),
    ],
)
def test_another_body_is_not_believed(expected: str, headers: dict[str, str]) -> None:
    """Another type or an encoding is an error that passes, as captive portals do."""
    error = unexpected(200, headers)

    assert expected in str(error)
    assert "expected" in str(error)
    assert error.is_transient
    assert not error.is_refusal


def test_a_content_type_is_quoted_in_bounds() -> None:
    """An endless or unprintable content type does not fill a log."""
    error = unexpected(200, {"Content-Type": "x\x1b" * 10_000})

    assert len(str(error)) < 500
    assert str(error).isprintable()


@pytest.mark.parametrize("status", [0, 100, 103, 199, 400, 408, 429, 500, 502, 503, 504, 599, 600, 999])
def test_transient(status: int) -> None:
    """What may pass by itself is transient and no refusal."""
    error = unexpected(status)

    assert str(status) in str(error)
    assert error.is_transient
    assert not error.is_refusal


@pytest.mark.parametrize("status", [201, 202, 204, 206, 299, 401, 402, 403, 404, 405, 406, 407, 410, 418, 451])
def test_refusals(status: int) -> None:
    """What stays until somebody acts is a refusal."""
    error = unexpected(status, {"Retry-After": "10"})

    assert str(status) in str(error)
    assert not error.is_transient
    assert error.is_refusal
    assert 0 == error.retry_after


def test_advice() -> None:
    """The message says what to do."""
    assert "check the API key" in str(unexpected(401))
    assert "check base_url" in str(unexpected(404))


@pytest.mark.parametrize(
    ("status", "is_refusal", "advice"),
    [
        (407, True, "check the user name and password of the proxy"),
        (401, True, "check the user name and password of the proxy"),
        (403, True, "check that it lets this host pass"),
        (405, True, "check that it lets this host pass"),
        (200, False, "trying again"),
        (302, False, "trying again"),
        (429, False, "trying again"),
        (502, False, "trying again"),
    ],
)
def test_a_proxy_in_the_services_place(status: int, is_refusal: bool, advice: str) -> None:
    """A proxy that opens no tunnel is named; where it sends us, and for how long, is not heeded."""
    headers = {"Location": "/there", "Retry-After": "10", "Content-Type": "text/event-stream"}
    with pytest.raises(UnexpectedAnswer) as caught:
        judge(status, HTTPHeaderDict(headers), url=URL, now=NOW, proxy="http://proxy.example:3128", is_tunnel=True)

    error = caught.value
    assert f"the proxy http://proxy.example:3128 answered {status}, expected 200; {advice}" == str(error)
    assert (status, is_refusal, not is_refusal) == (error.status, error.is_refusal, error.is_transient)
    assert 0 == error.retry_after


def test_a_proxy_in_between() -> None:
    """Over plain http nobody can tell who answered: the proxy is named too. 407 is always its own."""
    told = []
    for status in (401, 407):
        with pytest.raises(UnexpectedAnswer) as caught:
            judge(status, HTTPHeaderDict(), url="http://flags.example", now=NOW, proxy="http://proxy.example:3128")
        told.append(str(caught.value))

    assert [
        "the flag service answered 401 through the proxy http://proxy.example:3128, expected 200; check the API key",
        "the proxy http://proxy.example:3128 answered 407, expected 200; check the user name and password of the proxy",
    ] == told


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("expected", "value"),
    [
        (0, None),
        (0, ""),
        (0, "0"),
        (7, "7"),
        (7, " 7 "),
        (300, "301"),
        (300, "9" * 5000),
        (0, "-5"),
        (0, "1.5"),
        (0, "soon"),
        (0, "²"),
        (0, "٣"),
        (90, formatdate(NOW + 90, usegmt=True)),
        (90, formatdate(NOW + 90).replace(" -0000", "")),
        (90, "Tuesday, 14-Nov-23 22:14:50 GMT"),
        (90, "Tue Nov 14 22:14:50 2023"),
        (300, formatdate(NOW + 5000, usegmt=True)),
        (0, formatdate(NOW - 90, usegmt=True)),
        (0, "Tue, 14 Nov 99999 22:14:50 GMT"),
    ],
)
def test_retry_after(status: int, expected: float, value: str | None) -> None:
    """Seconds or a date, in every form of HTTP; at most 5 minutes, 0 for the past and for garbage."""
    error = unexpected(status, None if value is None else {"Retry-After": value})

    assert expected == error.retry_after


@settings(deadline=None)
@given(
    st.text(max_size=40)
    | st.lists(
        st.sampled_from(["Tue", ",", " ", "14", "Nov", "2023", "22", ":", "14", "GMT", "-", "+", "0000", "99999", "."])
    ).map("".join)
)
def test_retry_after_never_raises(value: str) -> None:
    """Any text gives a number of seconds within the bounds."""
    assert 0 <= unexpected(503, {"Retry-After": value}).retry_after <= 300


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    ("expected", "location"),
    [
        ("https://flags.example.com/x?a=b", "/x?a=b"),
        ("https://flags.example.com/base/api/v1/flags/live2", "live2"),
        ("https://flags.example.com/x", "https://flags.example.com/x"),
        ("https://flags.example.com/x", "HTTPS://Flags.Example.COM:443/x#part"),
        ("https://flags.example.com/x", "//flags.example.com/x"),
        ("https://flags.example.com/x", " /x "),
        ("https://flags.example.com/", "https://flags.example.com"),
        ("https://flags.example.com/?a=b", "https://flags.example.com?a=b"),
        # The user name is not taken along.
        ("https://flags.example.com/x", "https://user:pw@flags.example.com/x"),
    ],
)
def test_same_origin_is_followed(status: int, expected: str, location: str) -> None:
    """A redirect within the origin gives the URL to ask next."""
    assert expected == answer(status, {"location": location})


def test_the_port_counts() -> None:
    """Ports are compared as they work, spelled out or not; our own spelling is kept."""
    assert answer(307, {"Location": "http://h/x"}, "http://h:80/") == "http://h:80/x"
    assert answer(307, {"Location": "http://[::1]:8080/x"}, "http://[::1]:8080/") == "http://[::1]:8080/x"
    assert "http://h:81" in str(refused("http://h:81/x", url="http://h/"))
    assert "http://[::1]:80;" in str(refused("http://[::1]/x", url="http://[::1]:8080/"))


@pytest.mark.parametrize(
    ("expected", "location"),
    [
        ("https://evil.example:443", "https://evil.example/steal?key=secret"),
        ("https://evil.example:443", "//evil.example/secret"),
        ("https://evil.example:443", "https://flags.example.com@evil.example/secret"),
        ("http://flags.example.com:80", "http://flags.example.com/secret"),
        ("https://flags.example.com:8443", "https://flags.example.com:8443/secret"),
        ("https://flags.example.com.:443", "https://flags.example.com./secret"),
    ],
)
def test_another_origin_is_refused(expected: str, location: str) -> None:
    """The message names where it points, without path and query, and says that the key did not travel."""
    error = refused(location)

    assert expected in str(error)
    assert "key is not sent" in str(error)
    assert "secret" not in str(error)


@pytest.mark.parametrize(
    "location",
    [
        "file:///etc/passwd",
        "javascript:alert(1)",
        "http://",
        "http:///x",
        "https://flags.example.com:port/",
        "https://flags.example.com:99999/",
        "https://[::1",
        "/with space",
        "/with\x00nul",
        "/with\ttab",
        "/ümlaut",
    ],
)
def test_garbage_is_refused(location: str) -> None:
    """Something that is not an http or https URL is not followed, and not quoted."""
    error = refused(location)

    assert "points to something" in str(error)
    assert location not in str(error)


@pytest.mark.parametrize("location", [None, "", "  "])
def test_no_location(location: str | None) -> None:
    """A redirect to nowhere is refused."""
    assert "without saying where" in str(refused(location))


@pytest.mark.parametrize("status", [300, 304, 305, 306, 310, 399])
def test_other_redirects_are_refused(status: int) -> None:
    """Only 301, 302, 303, 307 and 308 are followed, whatever the location."""
    assert str(status) in str(refused("/x", status))


_parts = st.sampled_from(
    [
        "https:",
        "http:",
        "//",
        "/",
        "\\",
        "@",
        "evil.example",
        "flags.example.com",
        ":443",
        ":",
        "?",
        "#",
        "..",
        "[",
        "x",
    ]
)


@settings(deadline=None, max_examples=500)
@given(st.lists(_parts, max_size=10).map("".join) | st.text(max_size=20))
def test_no_location_leads_elsewhere(location: str) -> None:
    """What is followed begins with our own origin, letter for letter; everything else is refused."""
    try:
        followed = answer(302, {"Location": location})
    except RedirectRefused:
        return

    assert followed is not None
    assert followed.startswith("https://flags.example.com/")
