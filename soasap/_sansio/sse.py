"""
Bytes of an event stream to events, after WHATWG HTML, section 9.2 ("Server-sent events").

A chunk holds lines, a line is a field, a blank line ends an event. Chunks are cut anywhere: inside a
character, between CR and LF, inside a field's name. What is kept between chunks is one event under
construction and one unfinished line, and that line is in one of three modes::

    HEAD   nothing known yet, or the value of `event`, `id` or `retry`: the bytes wait in `_head`
    DATA   a line of data: its bytes go straight to the event's pieces, and are counted as they come
    SKIP   a comment, an unknown field, a value beyond the cap: its bytes are thrown away up to the line's end

The pieces are joined once, when the event ends. Hence every byte is looked at and copied a constant number of times,
and what a server can make us keep is bounded: one event of data, and one value each of `event` and `id`, each up to the
cap.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple, TypeAlias

from soasap.exceptions import PayloadTooLarge

__all__ = ["MAX_EVENT_BYTES", "Outcome", "ServerSentEvent", "SseDecoder"]

MAX_EVENT_BYTES = 5 * 1024 * 1024
"""Bytes of data in one event, its lines joined. Some 100,000 flags; to parse more holds up an event loop."""

_BOM = b"\xef\xbb\xbf"
_FIELDS = (b"data:", b"event:", b"id:", b"retry:")
_LONGEST_PREFIX = len(b"event: ")
_SMALL_PIECE = 1024
"""Bytes below which neighbours share a buffer: a piece of its own takes some 40 bytes more than it has."""
_MAX_RETRY_DIGITS = 15
"""More digits than this saturate: `int()` refuses thousands of them, and 30,000 years are long enough."""


class _Mode(Enum):
    HEAD = "head"
    DATA = "data"
    SKIP = "skip"


class ServerSentEvent(NamedTuple):
    """
    One event of the stream.

    A named tuple because it is made for every event: a frozen dataclass takes twice as long to construct,
    and that would be half of what decoding a small event costs.

    Attributes:
        data: The lines of data, joined with LF; bytes as they came, UTF-8 if the server keeps the standard.
        type: The event's type, `message` if the server named none.
        last_event_id: The newest `id` of this stream so far, this event's own included; empty without one.
        retry: Milliseconds from a `retry` field inside this event, `None` without one.
    """

    data: bytes
    type: str = "message"
    last_event_id: str = ""
    retry: int | None = None


Outcome: TypeAlias = ServerSentEvent | PayloadTooLarge
"""An event, or in its place the reason why there is none."""


class SseDecoder:
    """
    Decodes one stream, from its first byte on; a new connection needs a new decoder.

    An event that is unfinished when the stream ends is dropped, as the standard wants it: there is nothing
    to call. `is_inside_event` tells whether there was one.

    Args:
        max_event_bytes: Bytes of data allowed in one event, the LFs that join its lines included. Values of
        `event`,
            `id` and `retry` longer than this are ignored.

    Attributes:
        retry: Milliseconds of the last `retry` field, whether or not an event came with it; `None` before
        the first.
    """

    __slots__ = (
        "_after_cr",
        "_bom_due",
        "_cap",
        "_data",
        "_event_retry",
        "_head",
        "_id",
        "_mode",
        "_size",
        "_skipping",
        "_type",
        "retry",
    )

    def __init__(self, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self.retry: int | None = None
        self._cap = max_event_bytes
        # The stream.
        self._bom_due = True
        self._after_cr = False
        self._id = ""
        # The unfinished line.
        self._mode = _Mode.HEAD
        self._head = bytearray()
        # The unfinished event. No list: no line of data yet. An empty one is data too: `data:` gives b"".
        self._data: list[bytes | bytearray] | None = None
        self._size = 0
        self._skipping = False
        self._type = ""
        self._event_retry: int | None = None

    @property
    def is_inside_event(self) -> bool:
        """Whether what came last belongs to an event that has not ended. At a stream's end: it was cut off."""
        return self._data is not None or bool(self._head)

    def feed(self, chunk: bytes) -> list[Outcome]:
        """
        The events that end in this chunk, in order.

        Args:
            chunk: The next bytes of the stream, cut anywhere; empty is allowed.

        Returns:
            Events, and in the place of one that carries too much data a `PayloadTooLarge`: once, as soon as
            the cap is crossed. The rest of that event is skipped. Never raises.
        """
        events: list[Outcome] = []
        if self._after_cr and chunk:
            # The other half of a CRLF that was cut; the line ended at the CR.
            self._after_cr = False
            chunk = chunk.removeprefix(b"\n")
        if b"\r" in chunk:
            self._after_cr = chunk.endswith(b"\r")
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        if b"\n" not in chunk:
            self._hold(chunk, events)
            return events
        lines = chunk.split(b"\n")
        rest = lines.pop()
        self._finish_line(lines, events)
        cap = self._cap
        # An event of one line of data that came whole needs no list: `whole` is that line's value.
        whole: bytes | None = None
        for line in lines:
            if not line:
                if whole is None:
                    self._end_event(events)
                else:
                    events.append(ServerSentEvent(whole, self._type or "message", self._id, self._event_retry))
                    whole = None
                    self._type = ""
                    self._event_retry = None
            elif whole is None and self._data is None and line.startswith(b"data: ") and len(line) <= cap:
                whole = line[6:]
            else:
                if whole is not None:
                    self._add_data_line(whole, events)
                    whole = None
                self._take_field(line, events)
        if whole is not None:
            self._add_data_line(whole, events)
        if rest:
            self._hold(rest, events)
        return events

    def _hold(self, piece: bytes, events: list[Outcome]) -> None:
        """Take a piece of a line that does not end in it."""
        if self._mode is _Mode.DATA:
            self._extend_data(piece, events)
        elif self._mode is _Mode.HEAD:
            self._head += piece
            self._classify(events)

    def _classify(self, events: list[Outcome]) -> None:
        """Settle the mode of the unfinished line, as soon as its first bytes tell."""
        head = self._head
        if self._bom_due:
            if len(head) < len(_BOM) and _BOM.startswith(head):
                return
            self._bom_due = False
            if head.startswith(_BOM):
                del head[: len(_BOM)]
        # Not the whole head: a value that comes byte by byte would be copied for each of them.
        start = bytes(head[:_LONGEST_PREFIX])
        if start.startswith(b"data:"):
            if len(start) > len(b"data:"):
                # The head becomes a piece. Cutting a bytearray at its front copies nothing.
                self._mode = _Mode.DATA
                self._head = bytearray()
                del head[: 6 if start.startswith(b"data: ") else 5]
                self._add_data_line(head, events)
            return
        if start.startswith(_FIELDS):
            is_hopeless = len(head) > self._cap + _LONGEST_PREFIX
        else:
            is_hopeless = not any(field.startswith(start) for field in _FIELDS)
        if is_hopeless:
            self._mode = _Mode.SKIP
            self._head = bytearray()

    def _finish_line(self, lines: list[bytes], events: list[Outcome]) -> None:
        """Put the first of these lines together with what was held of it; take it out if that uses it up."""
        if self._mode is _Mode.HEAD:
            if self._head:
                lines[0] = bytes(self._head + lines[0])
                self._head = bytearray()
            if self._bom_due:
                self._bom_due = False
                lines[0] = lines[0].removeprefix(_BOM)
            return
        if self._mode is _Mode.DATA:
            self._extend_data(lines[0], events)
        self._mode = _Mode.HEAD
        del lines[0]

    def _take_field(self, line: bytes, events: list[Outcome]) -> None:
        """Take a whole line that is not blank: a field, or a comment (its name is empty)."""
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._add_data_line(value, events)
        elif len(value) > self._cap:
            return
        elif name == b"event":
            self._type = value.decode("utf-8", "replace")
        elif name == b"id":
            if b"\0" not in value:
                self._id = value.decode("utf-8", "replace")
        elif name == b"retry" and value.isdigit():  # of bytes, hence ASCII digits only
            digits = value.lstrip(b"0") or b"0"
            self.retry = int(digits) if len(digits) <= _MAX_RETRY_DIGITS else 10**_MAX_RETRY_DIGITS
            self._event_retry = self.retry

    def _add_data_line(self, value: bytes | bytearray, events: list[Outcome]) -> None:
        """Begin a line of data; the LF that joins it to the line before counts too."""
        if self._data is None:
            self._data = []
        else:
            value = b"\n" + value
        self._extend_data(value, events)

    def _extend_data(self, piece: bytes | bytearray, events: list[Outcome]) -> None:
        """Add to the event's data, up to the cap; beyond it say so once and keep nothing more."""
        if self._skipping:
            return
        pieces = self._data
        assert pieces is not None, "a line of data has begun"
        self._size += len(piece)
        if self._size > self._cap:
            self._skipping = True
            pieces.clear()
            events.append(PayloadTooLarge(self._cap))
        elif len(piece) >= _SMALL_PIECE:
            pieces.append(piece)
        elif pieces and type(pieces[-1]) is bytearray:
            pieces[-1] += piece
        else:
            pieces.append(bytearray(piece))

    def _end_event(self, events: list[Outcome]) -> None:
        """Take a blank line: give out the event if it has data, and begin the next one."""
        if self._data is not None and not self._skipping:
            data = b"".join(self._data)
            events.append(ServerSentEvent(data, self._type or "message", self._id, self._event_retry))
        self._data = None
        self._size = 0
        self._skipping = False
        self._type = ""
        self._event_retry = None
