"""The commands as click sees them: options, their defaults, and what an error looks like."""

from __future__ import annotations

import click

from soasap._terminal.cannot_start import CannotStart
from soasap._version import __version__

__all__ = ["commands"]


@click.group()
@click.version_option(__version__, prog_name="soasap")
def commands() -> None:
    """Feature flags from the terminal."""


@commands.command()
@click.argument("flags_file", metavar="FLAGS.json")
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Address to listen on; only a loopback one has the page."
)
@click.option("--port", type=click.IntRange(0, 65535), default=8765, show_default=True, help="0 takes a free one.")
@click.option("--api-key", metavar="KEY", help="The only key to accept.  [default: any, and none]")
@click.option(
    "--tls-cert",
    type=click.Path(exists=True, dir_okay=False),
    help="PEM file with the certificate chain; speaks HTTPS.",
)
@click.option("--tls-key", type=click.Path(exists=True, dir_okay=False), help="PEM file with its key, if apart.")
@click.option(
    "--keep-alive",
    type=click.FloatRange(min=0.01),
    default=15.0,
    show_default=True,
    help="Seconds of silence after which a stream gets a comment.",
)
@click.option("--verbose", is_flag=True, help="Log requests and changes to stderr.")
def serve(
    flags_file: str,
    host: str,
    port: int,
    api_key: str | None,
    tls_cert: str | None,
    tls_key: str | None,
    keep_alive: float,
    verbose: bool,
) -> None:
    """
    Serve the flags in FLAGS.json to SDK clients, and each change of the file at once.

    For development and tests. Clients use the printed URL as base_url; a browser finds a page there, to see
    and change the flags.
    """
    # Not at the top: it brings gevent, which the other commands and --help do not need.
    from soasap._devserver.flag_file import FlagFileError
    from soasap._devserver.serve import ServeSettings
    from soasap._devserver.serve import serve as run_server
    from soasap._server.listening import CannotServe

    if tls_key is not None and tls_cert is None:
        raise click.UsageError("--tls-key needs --tls-cert.")
    if api_key is not None and not api_key.strip():
        raise click.UsageError("--api-key must not be empty.")
    settings = ServeSettings(
        path=flags_file,
        host=host,
        port=port,
        api_key=api_key,
        tls_cert=tls_cert,
        tls_key=tls_key,
        keep_alive=keep_alive,
        verbose=verbose,
    )
    try:
        run_server(settings)
    except (FlagFileError, CannotServe) as exc:
        raise CannotStart(str(exc)) from exc


@commands.command()
@click.option("--keep", is_flag=True, help="Stay afterwards; edit the flag file and see it live. Ctrl-C ends.")
@click.option("--gunicorn", is_flag=True, help="See two Gunicorn gevent workers under --preload, both live.")
def demo(keep: bool, gunicorn: bool) -> None:
    """
    See flags change live, a warm start without a server, and a recovery.

    Runs a server and clients on this machine only, in less than 30 seconds.
    """
    # Not at the top: the server process must not load a client, nor rich.
    from soasap._devserver.demo import run_demo

    if keep and gunicorn:
        raise click.UsageError("--keep does not go with --gunicorn.")
    raise SystemExit(run_demo(keep=keep, gunicorn=gunicorn))
