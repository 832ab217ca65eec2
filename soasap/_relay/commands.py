"""The command `soasap relay` as click sees it: options, their defaults, and what an error looks like."""

from __future__ import annotations

from typing import Any

import click

from soasap._terminal.cannot_start import CannotStart

__all__ = ["relay"]


@click.command()
@click.argument("file", metavar="[RELAY.toml]", required=False)
@click.option(
    "--api-key",
    "api_keys",
    metavar="KEY",
    multiple=True,
    envvar="SOASAP_API_KEY",
    show_envvar=True,
    help="A key to relay for; more than once for more. Others on this machine can read a command line: a file or the "
    "environment is better.",
)
@click.option("--upstream", metavar="URL", help="The flag service.  [default: soasap's own]")
@click.option("--open", is_flag=True, default=None, help="Try keys that nobody named upstream, instead of a 401.")
@click.option("--redis", metavar="URL", help="Share one upstream stream with all relays on this Redis.")
@click.option("--host", help="Address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65535), help="0 takes a free one.  [default: 8765]")
@click.option("--tls-cert", metavar="PEM", help="The certificate chain to serve with; speaks HTTPS.")
@click.option("--tls-key", metavar="PEM", help="Its key, if apart.")
@click.option("--ca-file", metavar="PEM", help="Authorities to trust upstream instead of the system's.")
@click.option("--client-cert", metavar="PEM", help="A client certificate with its key, for upstream.")
@click.option("--proxy", metavar="URL", help="To reach upstream by.  [default: from the environment]")
@click.option("--cache-directory", metavar="DIR", help="Where snapshots are kept for a start without upstream.")
@click.option("--keep-alive", type=float, help="Seconds of silence after which a client gets a comment.  [default: 15]")
@click.option("--drain", type=float, help="Seconds over which the streams end after SIGTERM.  [default: 5]")
def relay(file: str | None, api_keys: tuple[str, ...], **options: Any) -> None:
    """
    Hold one upstream stream per environment, and serve it to any number of clients.

    Clients use the printed URL as base_url, and change nothing else. Settings come from RELAY.toml, and from options,
    which go first.
    """
    # Not at the top: it brings gevent, which the other commands and --help do not need. Patched before anything that
    # imports sockets, because redis-py takes those of the standard library.
    from gevent import monkey

    monkey.patch_all()

    from soasap._relay.relay import relay as run_relay
    from soasap._relay.settings import BadSettings
    from soasap._relay.settings_file import read_settings
    from soasap._server.listening import CannotServe

    names = ["default"] if len(api_keys) == 1 else [f"key-{number}" for number in range(1, len(api_keys) + 1)]
    try:
        run_relay(read_settings(file, options, dict(zip(names, api_keys, strict=True))))
    except (BadSettings, CannotServe) as exc:
        raise CannotStart(str(exc)) from exc
