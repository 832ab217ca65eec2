"""Takes the picture of the README anew: `python -m compat.browser compat/browser/page.png`."""

from __future__ import annotations

import sys

from compat.browser.player import play

if __name__ == "__main__":
    sys.exit(play("screenshot", *sys.argv[1:]) or 0)
