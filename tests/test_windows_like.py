"""Where the system lacks what only Unix has: the package imports and works."""

from __future__ import annotations

from pathlib import Path

import pytest
import trustme

from tests.clients import API_KEY, cache_file
from tests.flagserver import ScriptedServer, hold_open
from tests.scripts import run_script

PROGRAM = f"""
import os, sys
# Taken away in this process only, before anything of ours is imported; fork too, as `random` wants hooks where it is.
for name in ("fork", "register_at_fork", "O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "fchmod"):
    delattr(os, name)
import soasap
from soasap import create_soasap_client

base_url, directory, ca_file = sys.argv[1:]
errors = []
for expected in (False, True):  # the second client starts warm
    client = create_soasap_client(
        api_key={API_KEY!r},
        base_url=base_url,
        cache_directory=directory,
        ca_file=ca_file or None,
        on_error=errors.append,
    )
    with client:
        assert client.get_bool("on") is expected or client.status().source == "stream"
        assert client.wait_ready(20)
        assert client.get_bool("on") is True
        assert client.status().backend == "threads"
assert errors == [], errors
assert not hasattr(os, "fchmod")
print("fine")
"""


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
def test_without_what_windows_lacks(secure: bool, ca: trustme.CA, ca_file: str, tmp_path: Path) -> None:
    """Without `os.register_at_fork`, `O_NOFOLLOW` and `fchmod` flags stream, are saved, and are loaded again."""
    with ScriptedServer(hold_open(b'{"on": true}'), tls=ca if secure else None) as server:
        output = run_script(PROGRAM, server.base_url, tmp_path / "cache", ca_file if secure else "")
        path = cache_file(tmp_path / "cache", server.base_url)

    assert "fine\n" == output
    assert b'{"on": true}' == path.read_bytes()
    assert [path] == list((tmp_path / "cache").iterdir())
