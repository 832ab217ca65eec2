"""
Uses an installed wheel: reads a flag live from a flag server that another environment runs.

    python -I use_wheel.py PYTHON_WITH_THE_SERVER_EXTRA
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import time
from importlib.metadata import distributions
from pathlib import Path

import soasap

EXPECTED = {"soasap", "urllib3", "orjson"}
INSTALLERS = {"pip", "setuptools"}


def main(server_python: str) -> None:
    """Check what came with the wheel, then follow one flag through one change."""
    found = {distribution.metadata["Name"].lower() for distribution in distributions()} - INSTALLERS
    assert found == EXPECTED, f"installed with the wheel: {sorted(found)}"
    assert Path(soasap.__file__).is_relative_to(sys.prefix), f"soasap comes from {soasap.__file__}"
    with tempfile.TemporaryDirectory() as folder:
        flags_file = Path(folder, "flags.json")
        flags_file.write_text(json.dumps({"greeting": "hello"}))
        command = [server_python, "-m", "soasap", "serve", str(flags_file), "--port", "0"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            try:
                follow(server, flags_file, Path(folder, "cache"))
            finally:
                server.terminate()
        assert server.returncode == 0, f"the server ended with {server.returncode}"


def follow(server: subprocess.Popen[str], flags_file: Path, cache: Path) -> None:
    """One flag, from the first event and from the next."""
    assert server.stdout is not None
    first_line = server.stdout.readline()
    url = re.search(r"https?://\S+", first_line)
    assert url, f"the server said {first_line!r}"
    with soasap.create_soasap_client(api_key="key", base_url=url[0], cache_directory=str(cache)) as flags:
        assert flags.wait_ready(10), flags.status()
        assert flags.get_string("greeting") == "hello", flags.status()
        started = time.monotonic()
        flags_file.write_text(json.dumps({"greeting": "hello again"}))
        while flags.get_string("greeting") != "hello again":
            assert time.monotonic() - started < 10, flags.status()
            time.sleep(0.001)
        print(f"soasap {soasap.__version__} from its wheel: the change was read after", end=" ")
        print(f"{(time.monotonic() - started) * 1000:.0f} ms; installed: {', '.join(sorted(EXPECTED))}")


if __name__ == "__main__":
    main(sys.argv[1])
