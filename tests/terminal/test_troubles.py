"""The README and the doctor speak of the same troubles."""

from __future__ import annotations

import re

from soasap._terminal.troubles import Trouble
from tests.scripts import ROOT


def test_each_trouble_is_a_heading() -> None:
    """The README's section "Troubleshooting" has the headings that the doctor refers to, each once, and no others."""
    readme = (ROOT / "README.md").read_text("utf-8")
    [section] = re.findall(r"^## Troubleshooting\n(.*?)(?=^## |\Z)", readme, re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^### (.+)$", section, re.MULTILINE)

    assert sorted(trouble.value for trouble in Trouble) == sorted(headings)
