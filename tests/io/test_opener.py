from __future__ import annotations

from typing import Any

import pytest

from soasap._io.opener import OpenerTransport
from soasap.concurrency.threads import ThreadEvent
from soasap.exceptions import UnexpectedAnswer

URL = "https://flags.example/api/v1/flags/live"
HEADERS = {"X-API-Key": "sdk-key-4711", "Accept": "text/event-stream"}


class Response:
    """What openers written for release 1.0.3 return: `status`, `read(size)` and `close()`, nothing else."""

    def __init__(self, *chunks: bytes, status: int = 200, close_error: Exception | None = None) -> None:
        self.status = status
        self.sizes: list[int] = []
        self.closed = 0
        self._chunks = list(chunks)
        self._close_error = close_error

    def read(self, size: int = -1) -> bytes:
        self.sizes.append(size)
        return self._chunks.pop(0) if self._chunks else b""

    def close(self) -> None:
        self.closed += 1
        if self._close_error is not None:
            raise self._close_error


class Opener:
    """An opener that remembers its calls."""

    def __init__(self, response: Response) -> None:
        self.calls: list[tuple[str, dict[str, str], Any]] = []
        self._response = response

    def __call__(self, url: str, headers: dict[str, str], stop_event: Any) -> Response:
        self.calls.append((url, headers, stop_event))
        return self._response


def transport_of(opener: Any, stop: ThreadEvent | None = None) -> OpenerTransport:
    return OpenerTransport(opener, URL, HEADERS, stop or ThreadEvent())


class TestOpen:
    def test_call(self) -> None:
        """The opener is called with the URL, the headers and an event that is set when the work is to end."""
        opener, stop = Opener(Response()), ThreadEvent()

        transport_of(opener, stop).open()

        assert [(URL, HEADERS, stop)] == opener.calls

    def test_headers_are_the_openers(self) -> None:
        """The headers are a copy for each call: an opener may add to them."""
        opener = Opener(Response())
        transport = transport_of(opener)
        transport.open()
        opener.calls[0][1]["X-Trace"] = "1"

        transport.open()

        assert HEADERS == opener.calls[1][1]

    def test_stop_event(self) -> None:
        """The event has the methods of `threading.Event` that openers use."""
        opener, stop = Opener(Response()), ThreadEvent()
        transport_of(opener, stop).open()
        seen = opener.calls[0][2]
        before = (seen.is_set(), seen.wait(0))

        stop.set()

        assert (False, False) == before
        assert (True, True) == (seen.is_set(), seen.wait(0))

    @pytest.mark.parametrize("status", [200, 201, 204, 299])
    def test_good_status(self, status: int) -> None:
        """Any status of 2xx is good; nothing else of the answer is asked for."""
        assert b"x" == transport_of(Opener(Response(b"x", status=status))).open().read()

    @pytest.mark.parametrize("status", [100, 199, 300, 304, 401, 404, 500])
    def test_bad_status(self, status: int) -> None:
        """Any other status is an error, and the response is closed."""
        response = Response(b"x", status=status)

        with pytest.raises(UnexpectedAnswer, match=f"the http_opener got status {status}, expected 200") as caught:
            transport_of(Opener(response)).open()

        assert (status, True) == (caught.value.status, caught.value.is_transient)
        assert (1, []) == (response.closed, response.sizes)

    def test_bad_status_and_close_raises(self) -> None:
        """A response that is gone already does not hide its status."""
        response = Response(status=503, close_error=OSError("gone"))

        with pytest.raises(UnexpectedAnswer):
            transport_of(Opener(response)).open()

    def test_raises(self) -> None:
        """What the opener raises comes out as it is."""

        def opener(url: str, headers: dict[str, str], stop_event: Any) -> Response:
            raise LookupError("no route")

        with pytest.raises(LookupError, match="no route"):
            transport_of(opener).open()


class TestStream:
    def test_read(self) -> None:
        """Bytes come as the response gives them, asked for 4096 at a time as release 1.0.3 did; empty at the end."""
        response = Response(b"data: {", b"}\n\n")
        stream = transport_of(Opener(response)).open()

        assert [b"data: {", b"}\n\n", b""] == [stream.read() for _ in range(3)]
        assert [4096] * 3 == response.sizes

    def test_read_raises(self) -> None:
        """What a read raises comes out as it is."""

        class Failing(Response):
            def read(self, size: int = -1) -> bytes:
                raise ValueError("bad chunk")

        with pytest.raises(ValueError, match="bad chunk"):
            transport_of(Opener(Failing())).open().read()

    @pytest.mark.parametrize("error", [OSError("gone"), LookupError("no such handle")])
    def test_close(self, error: Exception) -> None:
        """Closing the stream closes the response; what its `close` raises is its own matter."""
        response = Response(close_error=error)

        transport_of(Opener(response)).open().close()

        assert 1 == response.closed


class TestTransport:
    def test_wake(self) -> None:
        """Waking closes the open response: once, however often it is asked for."""
        response = Response()
        transport = transport_of(Opener(response))
        transport.open()

        transport.wake()
        transport.wake()

        assert 1 == response.closed

    def test_wake_without_stream(self) -> None:
        """Before anything was opened there is nothing to wake."""
        transport_of(Opener(Response())).wake()

    def test_wake_swallows(self) -> None:
        """Whatever an opener's `close` raises does not reach the one who closes the client."""
        transport = transport_of(Opener(Response(close_error=LookupError("no such handle"))))
        transport.open()

        transport.wake()

    @pytest.mark.parametrize("forget", [OpenerTransport.abandon, OpenerTransport.close])
    def test_forget(self, forget: Any) -> None:
        """A forked child, and a transport that is closed, leave the response alone: a stream closes its own."""
        response = Response()
        transport = transport_of(Opener(response))
        transport.open()

        forget(transport)
        transport.wake()

        assert 0 == response.closed

    def test_no_secret(self) -> None:
        """The key is in no `repr`."""
        transport = transport_of(Opener(Response()))

        assert "4711" not in f"{transport!r} {transport.open()!r}"
