"""Runs the programs of this folder in fresh interpreters."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def run_program(module: str, request: object, *, timeout: float = 120.0) -> subprocess.CompletedProcess[str]:
    """
    Run `tests.concurrency.<module>` to its end, with one JSON argument.

    Warnings are silenced: the green libraries have their own about patching, forking and themselves.
    """
    command = [sys.executable, "-W", "ignore", "-m", f"tests.concurrency.{module}", json.dumps(request)]
    # A copy of the environment: other tests change ours at the moment when the child takes it over.
    return subprocess.run(
        command, cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, timeout=timeout, check=False
    )
