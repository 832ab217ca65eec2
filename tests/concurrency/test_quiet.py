"""What fails in the background is reported, and nothing else is printed: not by the green libraries either."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clients import API_KEY
from tests.flagserver import ScriptedServer, hold_open
from tests.scripts import start_script

FAIL_TO_SAVE = f"""
import sys
backend, base_url, directory = sys.argv[1:]
if backend == "gevent":
    from gevent import monkey; monkey.patch_all()
elif backend == "eventlet":
    import warnings
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import eventlet
    eventlet.monkey_patch()
import logging, time
logging.getLogger("soasap").addHandler(logging.NullHandler())
from soasap import create_soasap_client

errors = []
client = create_soasap_client(
    api_key={API_KEY!r}, base_url=base_url, cache_directory=directory, on_error=errors.append, preload=True
)
deadline = time.monotonic() + 20
while not errors and time.monotonic() < deadline:
    time.sleep(0.01)
client.close()
print(*(f"{{error.source.value}} {{type(error.exception).__name__}}" for error in errors[:1]))
"""


@pytest.mark.parametrize("backend", ["threads", "gevent", "eventlet"])
def test_failed_save_prints_nothing(backend: str, tmp_path: Path) -> None:
    """A disk that cannot be written is a DISK report; standard error stays empty."""
    directory = tmp_path / "link"
    directory.symlink_to("nowhere")  # nothing to read, and nothing to write to
    with (
        ScriptedServer(hold_open(b'{"on": true}')) as server,
        start_script(FAIL_TO_SAVE, backend, server.base_url, directory) as process,
    ):
        output, errors = process.communicate(timeout=60)

    assert (0, "disk CacheError\n") == (process.returncode, output), errors
    assert "" == errors
