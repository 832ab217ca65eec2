"""All scenarios; `compat.browser.player` has one played."""

from __future__ import annotations

import compat.browser.appearance
import compat.browser.attacks
import compat.browser.editing  # noqa: F401 - each of them adds to the list
from compat.browser.acting import SCENARIOS

__all__ = ["SCENARIOS"]
