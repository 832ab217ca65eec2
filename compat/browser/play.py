"""
Plays one scenario, in the environment that has Playwright: `python -m compat.browser.play CHROMIUM NAME [PICTURE]`.

With PICTURE the picture that the scenario `screenshot` takes is kept there.
"""

from __future__ import annotations

import shutil
import sys

from compat.browser.scenarios import SCENARIOS
from compat.browser.stage import open_stage


def main() -> None:
    chromium, name, *picture = sys.argv[1:]
    with open_stage(chromium) as stage:
        SCENARIOS[name](stage)
        assert not stage.faults, stage.faults
        if picture:
            shutil.copyfile(stage.path.with_name("page.png"), picture[0])


if __name__ == "__main__":
    main()
