"""`soasap get` as scripts call it: what it prints, and with which exit status it ends."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from soasap._devserver.process import ServerProcess
from soasap._terminal.get import NoAnswer, wait_for_flags
from tests.addresses import free_port
from tests.clients import open_client
from tests.flagserver import Connection, ScriptedServer, hold_open
from tests.terminal.processes import KEY, environment, run_soasap

FLAGS = b'{"on": true, "limit": 12, "rate": 0.5, "theme": "dark mode", "tree": {"a": [1, null]}, "none": null}'


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer(hold_open(FLAGS)) as server:
        yield server


@pytest.mark.parametrize(
    ("arguments", "printed"),
    [
        (["on"], "true"),
        (["on", "--type", "bool"], "true"),
        (["limit"], "12"),
        (["limit", "--type", "int"], "12"),
        (["limit", "--type", "number"], "12.0"),
        (["rate"], "0.5"),
        (["theme"], "dark mode"),
        (["theme", "--type", "string"], "dark mode"),
        (["tree", "--type", "json"], '{"a":[1,null]}'),
        (["none"], "null"),
    ],
)
def test_a_flag_is_printed(server: ScriptedServer, arguments: list[str], printed: str) -> None:
    """The value is printed, a string as it is and anything else as JSON, with status 0 and nothing on stderr."""
    answer = run_soasap("get", *arguments, env=environment(server.base_url))

    assert (0, f"{printed}\n", "") == (answer.returncode, answer.stdout, answer.stderr)
    assert KEY == server.requests[-1].headers["x-api-key"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nope"], "there is no flag 'nope'"),
        (["theme", "--type", "int"], "the flag 'theme' is a string, which is not read as int"),
        (["on", "--type", "number"], "the flag 'on' is a bool, which is not read as number"),
        (["rate", "--type", "int"], "the flag 'rate' is a number, which is not read as int"),
    ],
)
def test_a_missing_flag(server: ScriptedServer, arguments: list[str], message: str) -> None:
    """A flag that is missing, or of another type than asked, prints nothing, is said, and ends with status 1."""
    answer = run_soasap("get", *arguments, env=environment(server.base_url))

    assert (1, "", f"Error: {message}\n") == (answer.returncode, answer.stdout, answer.stderr)


def test_nobody_answers() -> None:
    """Where nobody listens, the reason is said in time, and the status is 3."""
    env = environment(f"http://127.0.0.1:{free_port()}")
    answer = run_soasap("get", "on", "--timeout", "0.3", env=env)

    assert (3, "") == (answer.returncode, answer.stdout)
    assert answer.stderr.startswith("Error: no flags within 0.3 s: no stream from 127.0.0.1:")
    assert "Connection refused" in answer.stderr


def test_a_wrong_key_is_said_at_once(tmp_path: Path) -> None:
    """A refused key is not waited for: it is said long before the timeout, with status 3, and is not shown."""
    path = tmp_path / "flags.json"
    path.write_text("{}")
    with ServerProcess(str(path), api_key="another") as server:
        answer = run_soasap("get", "on", "--timeout", "600", env=environment(server.url))

    assert (3, "") == (answer.returncode, answer.stdout)
    assert "the flag service answered 401, expected 200; check the API key" in answer.stderr
    assert KEY not in answer.stderr


@pytest.mark.parametrize(
    ("key", "base_url", "message"),
    [
        (None, None, "SOASAP_API_KEY is not set"),
        ("  ", None, "SOASAP_API_KEY is empty"),
        ("sk-ä", None, "api_key has control or non-ASCII characters (not shown)"),
        (KEY, "flags.example.com", "base_url must be http:// or https:// with a host"),
        (KEY, KEY, "base_url must be http:// or https:// with a host and perhaps a port, not '***'"),
    ],
)
def test_what_cannot_be_used(key: str | None, base_url: str | None, message: str) -> None:
    """A missing or malformed key, or an address that is none, is one sentence and status 2; nothing is asked."""
    answer = run_soasap("get", "on", env=environment(base_url, key))

    assert (2, "") == (answer.returncode, answer.stdout)
    assert answer.stderr.startswith(f"Error: {message}")
    assert 1 == answer.stderr.count("\n")


def test_the_option_goes_before_the_environment(server: ScriptedServer) -> None:
    """`--base-url` says more than SOASAP_BASE_URL."""
    env = environment("http://127.0.0.1:1")
    answer = run_soasap("get", "on", "--base-url", server.base_url, env=env)

    assert (0, "true\n") == (answer.returncode, answer.stdout)


def test_nothing_is_left_behind(server: ScriptedServer, tmp_path: Path) -> None:
    """A look at a flag writes no cache file."""
    home = tmp_path / "elsewhere"
    home.mkdir()
    run_soasap("get", "on", env=environment(server.base_url, HOME=str(home)))

    assert [] == list(home.rglob("*"))


def test_an_event_that_is_not_flags_is_said() -> None:
    """A service that sends something else than flags is an answer too: it is said at once."""
    expected = pytest.raises(NoAnswer, match="expected one JSON object, got an array")
    with ScriptedServer(hold_open(b"[1]")) as server, open_client(server.base_url) as client, expected:
        wait_for_flags(client, 60)


def test_no_event_in_time() -> None:
    """A stream without an event is waited for as long as was said."""

    def script(connection: Connection, index: int) -> None:
        connection.head()
        connection.hang()

    expected = pytest.raises(NoAnswer, match=r"^no flags within 0\.2 s$")
    with ScriptedServer(script) as server, open_client(server.base_url) as client, expected:
        wait_for_flags(client, 0.2)
