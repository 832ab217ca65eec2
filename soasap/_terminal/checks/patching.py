"""What is monkey-patched in this interpreter, and what `backend="auto"` makes of it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import ModuleType

from soasap._terminal.finding import Finding, failure, ok, warning
from soasap._terminal.troubles import Trouble
from soasap.concurrency.auto import detect, make_backend, process_obstacle
from soasap.exceptions import SoasapError

__all__ = ["check_patching", "patched_late"]


def check_patching() -> Finding:
    """Which backend a client in this interpreter takes, and whether the patch came in time."""
    obstacle = process_obstacle()
    if obstacle:
        return warning(
            "patching",
            f"no stream starts in this process: {obstacle}",
            "read flags in the workers; status().hint says the same",
            Trouble.MASTER,
        )
    found = detect()
    try:
        backend = make_backend("auto").name
    except (SoasapError, OSError) as error:
        return failure(
            "patching",
            f"{found} has patched this process, and its backend cannot be made: {error}",
            f'install what it needs: pip install "soasap[{found}]"',
            Trouble.PATCHING,
            backend=None,
        )
    late = patched_late(sys.modules)
    if late:
        return warning(
            "patching",
            f'{late}; "auto" takes {backend}, which is not hurt, but the application\'s own HTTPS is (RecursionError)',
            "patch in the first lines of the program, before anything else is imported",
            Trouble.PATCHING,
            backend=backend,
            patched_late=True,
        )
    what = "threading is not monkey-patched in" if found == "threads" else f"{found} has patched"
    return ok("patching", f'{what} this interpreter: "auto" takes {backend}', backend=backend)


def patched_late(modules: Mapping[str, ModuleType]) -> str:
    """
    Who took a native class before it was patched, in words; empty if nobody did.

    urllib3 does `from ssl import SSLContext`: after a late patch it has the old class, whose setters call themselves.

    Args:
        modules: As `sys.modules`.
    """
    kept = getattr(modules.get("urllib3.util.ssl_"), "SSLContext", None)
    present = getattr(modules.get("ssl"), "SSLContext", None)
    if kept is None or present is None or kept is present:
        return ""
    return "urllib3 was imported before ssl was monkey-patched"
