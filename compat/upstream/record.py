"""
Records the public surface of the released soasap from the package on PyPI.

    python -m compat.upstream.record
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import venv
from pathlib import Path
from typing import Any

RELEASE = "1.0.3"
RECORD = Path(__file__).with_name("signatures.json")
DESCRIBE = Path(__file__).with_name("describe.py")


def record() -> dict[str, Any]:
    """Install the release into an environment of its own, ask it, and throw the environment away."""
    with tempfile.TemporaryDirectory(prefix="soasap-upstream-") as folder:
        # -I: neither our own soasap in the working directory nor PYTHONPATH gets in the way.
        venv.create(folder, with_pip=True)
        python = str(Path(folder, "bin", "python"))
        install = [python, "-I", "-m", "pip", "install", "--quiet", "--no-deps", f"soasap=={RELEASE}"]
        subprocess.run(install, check=True)
        answer = subprocess.run([python, "-I", str(DESCRIBE)], check=True, capture_output=True, text=True)
    surface: dict[str, Any] = json.loads(answer.stdout)
    return {"release": RELEASE, **surface}


if __name__ == "__main__":
    RECORD.write_text(json.dumps(record(), indent=2) + "\n", "utf-8")
    print(f"wrote {RECORD}")
