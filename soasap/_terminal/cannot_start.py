"""What ends a command before it has begun."""

from __future__ import annotations

import click

__all__ = ["CannotStart"]


class CannotStart(click.ClickException):
    """A file, key or address cannot be used; the message names it."""

    exit_code = 2  # as for usage errors: nothing was tried
