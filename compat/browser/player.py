"""Has a scenario played by the Python of the environment that has Playwright, with Debian's chromium."""

from __future__ import annotations

import subprocess

from compat.environments import ROOT, environment
from compat.families import browser
from tests.programs import installed

__all__ = ["play"]

PATIENCE = 300.0


def play(name: str, *picture: str) -> str:
    """
    Play one scenario; a missing browser or environment is a failure or a skip, as everywhere in compat.

    Args:
        name: One of `compat.browser.scenarios.SCENARIOS`.
        picture: Where the picture goes, if it takes one.

    Returns:
        What it complains about; empty if it went well.
    """
    chromium = installed("chromium", "chromium")
    python = environment(browser("playwright")).program("python")
    done = subprocess.run(
        [python, "-m", "compat.browser.play", chromium, name, *picture],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    return done.stdout if done.returncode else ""
