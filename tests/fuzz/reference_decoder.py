"""
The event stream format of WHATWG HTML, section 9.2, written down a second time: over the whole document at once.

Nothing here is shared with the decoder of the client but its vocabulary. Where the client keeps something apart from
the standard, that is added and says so: data stays bytes, a value has a cap, a huge `retry` saturates.
"""

from __future__ import annotations

import re

from soasap._sansio.sse import ServerSentEvent

__all__ = ["TOO_LARGE", "Decoded", "decode"]

TOO_LARGE = "too large"
"""Stands where the client puts a `PayloadTooLarge`, and can be compared."""

Decoded = tuple[list["ServerSentEvent | str"], "int | None", bool]
"""
The events in order; the reconnection time in milliseconds, `None` if it was never set; whether lines of data came last
that belong to no event yet.
"""

LONGEST_RETRY = 10**15


def decode(document: bytes, cap: int) -> Decoded:
    """
    What the standard makes of these bytes, as if the stream ended with them.

    Args:
        document: The stream from its first byte on.
        cap: Bytes of data allowed in an event, and of the value of any other field.
    """
    # "stream = [ bom ] *event", "end-of-line = ( cr lf / cr / lf )". What follows the last end of a line is no line.
    lines = re.split(rb"\r\n|\r|\n", document.removeprefix(b"\xef\xbb\xbf"))[:-1]
    events: list[ServerSentEvent | str] = []
    data_buffer = event_type_buffer = last_event_id_buffer = b""
    reconnection_time: int | None = None
    event_retry: int | None = None
    for line in lines:
        # "If the line is empty (a blank line): Dispatch the event, as defined below."
        if line == b"":
            # "If the data buffer is an empty string, set the data buffer and the event type buffer to the empty string
            # and return."
            if data_buffer != b"":
                # "If the data buffer's last character is a U+000A LINE FEED (LF) character, then remove the last
                # character from the data buffer."
                events.append(
                    TOO_LARGE
                    if len(data_buffer) - 1 > cap
                    else ServerSentEvent(
                        data=data_buffer[:-1],
                        type=_text(event_type_buffer) or "message",
                        last_event_id=_text(last_event_id_buffer),
                        retry=event_retry,
                    )
                )
            data_buffer = event_type_buffer = b""
            event_retry = None
            continue
        # "If the line starts with a U+003A COLON character (:): Ignore the line."
        if line.startswith(b":"):
            continue
        # "Collect the characters on the line before the first U+003A COLON character (:), and let field be that
        # string. [...] If value starts with a U+0020 SPACE character, remove it from value." Without a colon the
        # whole line is the field name, and the value is the empty string.
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            data_buffer += value + b"\n"
        elif len(value) > cap:
            pass  # ours: it is not kept
        elif field == b"event":
            event_type_buffer = value
        elif field == b"id":
            # "If the field value does not contain U+0000 NULL, then set the last event ID buffer to the field value.
            # Otherwise, ignore the field."
            if b"\0" not in value:
                last_event_id_buffer = value
        elif field == b"retry" and re.fullmatch(rb"[0-9]+", value):
            # "interpret the field value as an integer in base ten": in pieces, as Python refuses thousands of digits.
            significant = value.lstrip(b"0")
            reconnection_time = min(int(significant[:17] or b"0"), LONGEST_RETRY)
            event_retry = reconnection_time
    return events, reconnection_time, data_buffer != b""


def _text(value: bytes) -> str:
    """ "Streams must be decoded using the UTF-8 decode algorithm.", which puts U+FFFD for what is no UTF-8."""
    return value.decode("utf-8", "replace")
