"""`soasap get`: one flag, for a script."""

from __future__ import annotations

import time

from soasap._terminal.values import MISSING, Kind, as_text, kind_of, read
from soasap.client import SoasapClientImpl

__all__ = ["NoAnswer", "NoSuchFlag", "get_text", "wait_for_flags"]

STEP_SECONDS = 0.05
"""Between looks at what went wrong so far. An answer itself is noticed at once."""


class NoAnswer(Exception):
    """The flag service did not send flags in time, or said that it never will; the message says what is known."""


class NoSuchFlag(Exception):
    """There is no flag of that name, or it has another type."""


def get_text(client: SoasapClientImpl, key: str, kind: Kind | None, timeout: float) -> str:
    """
    The value of a flag as the service has it now; a string as it is, anything else as JSON.

    Args:
        client: A new one, without a cache: what a file says is not what the service says.
        key: The flag.
        kind: As which type to read it; `None` takes whatever is there.
        timeout: Seconds to wait for the service.

    Raises:
        NoAnswer, NoSuchFlag: See there.
    """
    wait_for_flags(client, timeout)
    value = read(client, key, kind)
    if value is not MISSING:
        return as_text(value)
    present = client.all_flags().get(key, MISSING)
    if present is MISSING:
        raise NoSuchFlag(f"there is no flag {key!r}")
    raise NoSuchFlag(f"the flag {key!r} is {kind_of(present)}, which is not read as {kind}")


def wait_for_flags(client: SoasapClientImpl, timeout: float) -> None:
    """
    Wait for the first flags from the service; at most `timeout` seconds, and less if it says that there will be none.

    Raises:
        NoAnswer: None came.
    """
    deadline = time.monotonic() + timeout
    while not client.wait_ready(max(0.0, min(STEP_SECONDS, deadline - time.monotonic()))):
        status = client.status()
        error = status.last_error
        if error is not None and not error.is_transient:
            raise NoAnswer(str(error.exception))
        if time.monotonic() >= deadline:
            why = str(error.exception) if error is not None else status.hint
            raise NoAnswer(f"no flags within {timeout:g} s{f': {why}' if why else ''}")
