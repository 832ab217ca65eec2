"""
Runs tests in a process that is monkey-patched from its first line on, as workers of Gunicorn and Celery are.

    python -m tests.green gevent tests/test_close.py -k idle

The tests are the same, and so are clients and scripted servers: `backend="auto"` gives greenlets there, and what looks
like threads of a test are greenlets on the same hub. A client that blocked it would stop its own server, so a test that
passes also shows that nothing does. Programs that a test starts through `tests.scripts` are patched alike.

`test_green.py` makes a test of each file that is run so, and lists what has no meaning there.
"""

from __future__ import annotations

import sys
import warnings
from typing import Literal, TypeAlias

Library: TypeAlias = Literal["gevent", "eventlet"]

PATCHES: dict[str, str] = {
    "": "",
    "gevent": "import gevent.monkey; gevent.monkey.patch_all()\n",
    # It warns about itself when it is imported.
    "eventlet": "import warnings\n"
    "with warnings.catch_warnings():\n"
    "    warnings.simplefilter('ignore'); import eventlet; eventlet.monkey_patch()\n",
}
"""By library: the first lines of a program that it patches."""


def preamble() -> str:
    """The lines that patch a program as this process is patched."""
    from soasap.concurrency.auto import detect

    found = detect()
    return PATCHES["" if found == "threads" else found]


def main() -> int:
    """Patch this process, and run pytest in it with the rest of the command line."""
    library, *arguments = sys.argv[1:]
    exec(PATCHES[library], {})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pytest
    return int(pytest.main(arguments))


if __name__ == "__main__":
    sys.exit(main())
