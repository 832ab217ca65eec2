"""The commands as click sees them: options, their defaults, and how they end."""

from __future__ import annotations

import importlib
import json
import logging
import os
import signal
import sys
from collections.abc import Callable
from contextlib import closing, redirect_stdout
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from soasap._terminal.cannot_start import CannotStart

if TYPE_CHECKING:
    from soasap._terminal.settings import Settings
    from soasap.client import SoasapClientImpl

__all__ = ["doctor", "get", "watch"]

NO_ANSWER = 3
"""The exit status if the flag service did not answer in time."""


def _options(function: Callable[..., None]) -> Callable[..., None]:
    """What all three may be told about the way to the service. The key is not among it."""
    for option in (
        click.option("--client-cert", metavar="PEM", help="A client certificate with its key."),
        click.option("--ca-file", metavar="PEM", help="Authorities to trust instead of the system's."),
        click.option("--base-url", metavar="URL", help="The service.  [default: SOASAP_BASE_URL, or soasap's own]"),
    ):
        function = option(function)
    return function


_timeout = click.option(
    "--timeout",
    type=click.FloatRange(min=0.01),
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for an answer.",
)


@click.command()
@click.argument("key")
@click.option(
    "--type",
    "kind",
    type=click.Choice(["bool", "int", "number", "string", "json"]),
    help="Read it as an application would; another type is as good as missing.  [default: whatever is there]",
)
@_options
@_timeout
def get(
    key: str, kind: Any, base_url: str | None, ca_file: str | None, client_cert: str | None, timeout: float
) -> None:
    """
    Print the flag KEY as the service has it now.

    A string is printed as it is, anything else as JSON. The API key is taken from SOASAP_API_KEY.

    Exit status: 0 printed; 1 no such flag, or of another type than asked; 2 wrong usage or no key; 3 no answer in time.
    """
    # Here and below not at the top: --help and the other commands need none of it.
    from soasap._terminal.get import NoAnswer, NoSuchFlag, get_text

    settings = _settings(base_url=base_url, ca_file=ca_file, client_cert=client_cert, timeout=timeout)
    with closing(_client(settings)) as client:
        try:
            text = get_text(client, key, kind, timeout)
        except NoSuchFlag as exc:
            raise click.ClickException(str(exc)) from exc
        except NoAnswer as exc:
            raise _NoAnswer(settings.hide(f"{exc}") + " (soasap doctor says more)") from exc
    click.echo(text)


@click.command()
@click.argument("keys", nargs=-1, metavar="[KEY]...")
@_options
def watch(keys: tuple[str, ...], base_url: str | None, ca_file: str | None, client_cert: str | None) -> None:
    """
    See flags and their changes live, until Ctrl-C.

    All of them, or those that a KEY names; 'checkout*' works too. In a pipe it is a line per change. The API key is
    taken from SOASAP_API_KEY.
    """
    from soasap._sansio.options import check_options
    from soasap._terminal.board import Board
    from soasap._terminal.delays import Delays
    from soasap._terminal.screen import make_screen
    from soasap._terminal.settings import client_options
    from soasap._terminal.watch import run_watch

    settings = _settings(base_url=base_url, ca_file=ca_file, client_cert=client_cert)
    with closing(_client(settings)) as client:
        options = check_options(client_options(settings))
        signal.signal(signal.SIGTERM, _interrupt)
        try:
            run_watch(client, Board(keys), make_screen(options.base_url), Delays(options.base_url, options.api_key))
        except KeyboardInterrupt:
            pass  # that is how it ends


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.option("--app", metavar="MODULE", help="Import this first, as your server does: what does it patch?")
@click.option("--cache-directory", metavar="PATH", help="Where the snapshot file lives.  [default: by platform]")
@click.option("--no-cache", is_flag=True, help="The application keeps no file (cache=None): do not look for one.")
@_options
@_timeout
def doctor(
    as_json: bool,
    app: str | None,
    cache_directory: str | None,
    no_cache: bool,
    base_url: str | None,
    ca_file: str | None,
    client_cert: str | None,
    timeout: float,
) -> None:
    """
    Say what could keep flags from coming here.

    Looks at versions, monkey-patching, key, address, cache, proxy, DNS, TLS, and at one real stream. The API key is
    taken from SOASAP_API_KEY and not shown. Run it where the application runs, as its user, in its environment.

    Exit status: 0 nothing failed, there may be warnings; 1 something failed; 2 wrong usage.
    """
    if app is not None:
        _import(app)  # before anything else: what is imported before a patch is a finding of its own
    from soasap._terminal.doctor import examine
    from soasap._terminal.report import as_json as for_programs
    from soasap._terminal.report import exit_status, say, summary

    settings = _settings(
        base_url=base_url,
        ca_file=ca_file,
        client_cert=client_cert,
        cache_directory=cache_directory,
        cache=not no_cache,
        timeout=timeout,
    )
    findings = []
    for finding in examine(settings):
        findings.append(finding)
        if not as_json:
            click.echo(say(finding))
    click.echo(json.dumps(for_programs(findings), indent=2) if as_json else summary(findings))
    raise SystemExit(exit_status(findings))


def _settings(**given: Any) -> Settings:
    from soasap._terminal.settings import read_settings

    return read_settings(os.environ, **given)


def _client(settings: Settings) -> SoasapClientImpl:
    """A client of these settings, silent: the commands say themselves what it reports."""
    from soasap._terminal.settings import CannotUse, client_options
    from soasap.client import SoasapClientImpl

    logging.getLogger("soasap").addHandler(logging.NullHandler())
    try:
        return SoasapClientImpl(client_options(settings))
    except (CannotUse, ValueError) as exc:
        raise CannotStart(settings.hide(str(exc))) from exc


def _import(app: str) -> None:
    sys.path.insert(0, os.getcwd())  # as servers do
    try:
        with redirect_stdout(sys.stderr):  # what it prints is no finding
            importlib.import_module(app)
    except Exception as exc:
        raise click.UsageError(f"--app {app} cannot be imported: {type(exc).__name__}: {exc}") from exc


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Let SIGTERM end a command as Ctrl-C does."""
    raise KeyboardInterrupt


class _NoAnswer(click.ClickException):
    exit_code = NO_ANSWER
