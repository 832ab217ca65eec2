"""
The command `soasap`, also `python -m soasap`.

Law: importing this needs nothing but the standard library, so that a missing extra is a sentence and not
a traceback.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

__all__ = ["main"]

_NEEDED = {
    **dict.fromkeys(("click", "gevent", "rich", "watchfiles"), ("the terminal commands need", "soasap[server]")),
    **dict.fromkeys(("prometheus_client", "redis", "tomli"), ("relay needs", "soasap[relay]")),
    **dict.fromkeys(("gunicorn", "packaging"), ("demo --gunicorn needs", "gunicorn[gevent]")),
}
"""Who needs a package that may be missing, and what to install."""


def main(arguments: Sequence[str] | None = None) -> None:
    """
    Run one command; always ends by `SystemExit`.

    Args:
        arguments: Without the program's name; `sys.argv` if not given.

    Raises:
        SystemExit: 0 when all went well, 1 when a command says no, 2 when it could not begin: wrong usage, a
            file, key or address that cannot be used, or packages that are not installed; 3 when the flag service
            did not answer in time.
    """
    try:
        from soasap._devserver.commands import commands
        from soasap._relay.commands import relay
        from soasap._terminal.commands import doctor, get, watch

        for command in (get, watch, doctor, relay):
            commands.add_command(command)
        commands.main(list(arguments) if arguments is not None else None, prog_name="soasap")
    except ModuleNotFoundError as exc:
        missing = (exc.name or "").partition(".")[0]
        if missing not in _NEEDED:
            raise
        who, what = _NEEDED[missing]
        print(f'soasap: {who} the package {missing}: pip install "{what}"', file=sys.stderr)
        raise SystemExit(2) from None
