"""The command `soasap`: what it says, how it ends, and what it is made of."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from soasap import __version__
from soasap.cli import main


def run(*command: str) -> subprocess.CompletedProcess[str]:
    """Run this Python with these arguments, to its end."""
    return subprocess.run([sys.executable, *command], capture_output=True, text=True, timeout=60)


def test_the_version() -> None:
    """`python -m soasap --version` says the version of the package."""
    answer = run("-m", "soasap", "--version")

    assert (0, f"soasap, version {__version__}\n", "") == (answer.returncode, answer.stdout, answer.stderr)


def test_help_names_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    """`--help` names every command."""
    with pytest.raises(SystemExit) as ended:
        main(["--help"])

    assert 0 == ended.value.code
    assert {"serve", "demo", "get", "watch", "doctor"} <= set(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{\n "a": 1,\n}', "{path}:2:8: trailing comma is not allowed"),
        ("[]", "{path}:1:1: not a JSON object of flags, but an array"),
        (None, "{path}: No such file or directory"),
    ],
)
def test_a_file_that_cannot_be_served(tmp_path: Path, text: str | None, message: str) -> None:
    """A missing or invalid file at the start is one sentence with its place, and exit status 2."""
    path = tmp_path / "flags.json"
    if text is not None:
        path.write_text(text)
    answer = run("-m", "soasap", "serve", str(path), "--port", "0")

    assert (2, "") == (answer.returncode, answer.stdout)
    assert f"Error: {message.format(path=path)}\n" == answer.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--tls-key", __file__], "--tls-key needs --tls-cert"),
        (["--tls-cert", "/nowhere"], "'/nowhere' does not exist"),
        (["--tls-cert", __file__], f"Error: {__file__}: not a certificate with its key: "),
        (["--api-key", " "], "--api-key must not be empty"),
        (["--port", "65536"], "'--port'"),
        (["--host", "192.0.2.1"], "Error: 192.0.2.1:0: Cannot assign requested address"),
        (["--host", "no.such.host.invalid"], "Error: no.such.host.invalid:0: "),
        (["--keep-alive", "0"], "'--keep-alive'"),
    ],
)
def test_options_that_cannot_be_used(tmp_path: Path, options: list[str], message: str) -> None:
    """An option that cannot be used is named, and the exit status is 2."""
    path = tmp_path / "flags.json"
    path.write_text("{}")
    answer = run("-m", "soasap", "serve", str(path), "--port", "0", *options)

    assert (2, "") == (answer.returncode, answer.stdout)
    assert message in answer.stderr
    assert "Traceback" not in answer.stderr


@pytest.mark.parametrize(
    ("package", "arguments"),
    [
        ("click", ["serve", "{path}"]),
        ("gevent", ["serve", "{path}"]),
        ("watchfiles", ["serve", "{path}"]),
        ("rich", ["demo"]),
        ("rich", ["watch"]),
        ("click", ["doctor"]),
    ],
)
def test_a_missing_package_is_a_sentence(tmp_path: Path, package: str, arguments: list[str]) -> None:
    """Without a package of the extra, the command names the package and the extra, and ends with status 2."""
    path = tmp_path / "flags.json"
    path.write_text("{}")
    command = [argument.format(path=path) for argument in arguments]
    program = f"import sys; sys.modules[{package!r}] = None; from soasap.cli import main; main({command!r})"
    answer = run("-c", program)

    assert (2, "") == (answer.returncode, answer.stdout)
    assert answer.stderr == (
        f'soasap: the terminal commands need the package {package}: pip install "soasap[server]"\n'
    )


@pytest.mark.parametrize("package", ["gunicorn", "packaging"])
def test_a_missing_gunicorn_is_a_sentence(package: str) -> None:
    """Without Gunicorn, or what its gevent workers need, the demo of the workers says what to install; status 2."""
    program = f"import sys; sys.modules[{package!r}] = None; from soasap.cli import main; main(['demo', '--gunicorn'])"
    answer = run("-c", program)

    assert (2, "") == (answer.returncode, answer.stdout)
    assert answer.stderr == (f'soasap: demo --gunicorn needs the package {package}: pip install "gunicorn[gevent]"\n')


def test_other_missing_modules_are_not_hidden() -> None:
    """A module that no extra brings is missing for another reason: that stays a traceback."""
    answer = run("-c", "import sys; sys.modules['soasap._devserver.commands'] = None; import soasap.cli as c; c.main()")

    assert 1 == answer.returncode
    assert "ModuleNotFoundError" in answer.stderr


@pytest.mark.untraced
def test_the_front_door_and_the_command_bring_no_extra() -> None:
    """Importing `soasap` and `soasap.cli` loads nothing of the extra and nothing of the embedded server."""
    program = (
        "import sys, soasap, soasap.cli\n"
        "wanted = ('click', 'rich', 'gevent', 'watchfiles', 'soasap._devserver', 'soasap._terminal')\n"
        "print([name for name in sys.modules if name.startswith(wanted)])"
    )

    assert "[]\n" == run("-c", program).stdout


def test_the_server_brings_no_client() -> None:
    """A server process does not load what a client needs for the network."""
    program = "import sys, soasap._devserver.serve; print([n for n in sys.modules if n.startswith('urllib3')])"

    assert "[]\n" == run("-c", program).stdout
