"""`soasap doctor` as a process, in front of services that are well and of services that are not."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
import trustme

from soasap import create_soasap_client
from soasap._devserver.process import ServerProcess
from soasap._terminal.troubles import Trouble
from tests.addresses import free_port
from tests.connect_proxy import ConnectProxy
from tests.devserver.demo_process import without_colours
from tests.flagserver import Connection, Script, ScriptedServer, hold_open
from tests.terminal.processes import KEY, Diagnosis, diagnose, environment, run_soasap

FLAGS = b'{"a": 1, "b": "two"}'

ALL = (
    "patching",
    "python",
    "packages",
    "key",
    "url",
    "cache",
    "proxy",
    "dns",
    "connection",
    "answer",
    "event",
    "framing",
)
"""The checks in their order, where there is no TLS."""


@pytest.fixture
def flags_file(tmp_path: Path) -> Path:
    path = tmp_path / "flags.json"
    path.write_bytes(FLAGS)
    return path


def diagnose_script(script: Script, *arguments: str) -> Diagnosis:
    """What is said of a server with this script."""
    with ScriptedServer(script) as server:
        return diagnose(*arguments, env=environment(server.base_url))


def trouble_of(diagnosis: Diagnosis, name: str) -> Trouble:
    """The heading that a check refers to; its verdict is a failure."""
    assert "failure" == diagnosis.verdicts[name], diagnosis.text
    assert 1 == diagnosis.status
    return Trouble(diagnosis.findings[name]["troubleshooting"])


def test_all_is_well(flags_file: Path) -> None:
    """In front of `soasap serve` all checks are fine, the status is 0, and times are told."""
    with ServerProcess(str(flags_file), api_key=KEY) as server:
        diagnosis = diagnose(env=environment(server.url))
    facts = {name: finding["facts"] for name, finding in diagnosis.findings.items()}

    assert {} == diagnosis.not_fine(), diagnosis.text
    assert (0, "ok", ALL) == (diagnosis.status, diagnosis.answer["verdict"], tuple(diagnosis.findings))
    assert (2, "chunked", "threads") == (
        facts["event"]["flags"],
        facts["framing"]["framing"],
        facts["patching"]["backend"],
    )
    assert 0 < facts["answer"]["seconds"] <= facts["event"]["seconds"] < 10
    assert KEY not in diagnosis.text


def test_in_words(flags_file: Path) -> None:
    """For people each check is a line, and the last one counts; the key is not shown."""
    with ServerProcess(str(flags_file), api_key="another") as server:
        answer = run_soasap("doctor", env=environment(server.url))
    lines = without_colours(answer.stdout.encode()).splitlines()

    assert (1, "") == (answer.returncode, answer.stderr)
    assert "FAILURE  answer       the flag service answered 401, expected 200; check the API key" in lines
    assert f'                      Read more:  README, "Troubleshooting: {Trouble.REFUSED.value}"' in lines
    assert "soasap doctor: 9 of 10 checks are fine, 1 failure" == lines[-1]
    assert KEY not in answer.stdout


def test_no_key() -> None:
    """Without a key that is a failure, and what needs none is looked at all the same; the service is not asked."""
    with ScriptedServer(hold_open(FLAGS)) as server:
        diagnosis = diagnose(env=environment(server.base_url, None))
        asked = server.requests

    assert Trouble.KEY == trouble_of(diagnosis, "key")
    assert "ok" == diagnosis.verdicts["connection"]
    assert [] == asked
    assert not {"answer", "event", "framing", "cache"} & set(diagnosis.findings)


def test_the_key_in_the_wrong_place() -> None:
    """A key that stands where the address should is not shown either."""
    diagnosis = diagnose(env=environment(KEY))

    assert Trouble.URL == trouble_of(diagnosis, "url")
    assert "'***'" in diagnosis.findings["url"]["words"]
    assert KEY not in diagnosis.text


def test_a_closed_port() -> None:
    """Where nobody listens the connection is the failure, and nothing after it is guessed at."""
    diagnosis = diagnose(env=environment(f"http://127.0.0.1:{free_port()}"))

    assert Trouble.UNREACHABLE == trouble_of(diagnosis, "connection")
    assert "Connection refused" in diagnosis.findings["connection"]["words"]
    assert "connection" == list(diagnosis.findings)[-1]


def test_an_unknown_host() -> None:
    """A host that nobody knows is a failure of DNS."""
    diagnosis = diagnose(env=environment("https://no.such.host.invalid"))

    assert Trouble.UNREACHABLE == trouble_of(diagnosis, "dns")
    assert "dns" == list(diagnosis.findings)[-1]


def page(connection: Connection, index: int) -> None:
    connection.answer(200, b"<html>please log in</html>", headers={"content-type": "text/html"})


def garbage(connection: Connection, index: int) -> None:
    connection.send(b"SSH-2.0-OpenSSH_9.2\r\n")


def no_head(connection: Connection, index: int) -> None:
    connection.hang()


def ended(connection: Connection, index: int) -> None:
    connection.head()
    connection.end()


@pytest.mark.parametrize(
    ("script", "name", "trouble"),
    [
        (page, "answer", Trouble.ANSWER),
        (garbage, "answer", Trouble.ANSWER),
        (lambda connection, index: connection.answer(404), "answer", Trouble.ANSWER),
        (lambda connection, index: connection.answer(403), "answer", Trouble.REFUSED),
        (
            lambda connection, index: connection.answer(302, headers={"location": "http://x.example/"}),
            "answer",
            Trouble.URL,
        ),
        (no_head, "answer", Trouble.BUFFERING),
        (hold_open(), "event", Trouble.BUFFERING),
        (ended, "event", Trouble.ENDING),
        (hold_open(b"[1]"), "event", Trouble.PAYLOAD),
    ],
    ids=["page", "garbage", "404", "403", "redirect", "no-head", "held-back", "ended", "no-flags"],
)
def test_services_that_are_not_well(script: Script, name: str, trouble: Trouble) -> None:
    """Each way of not being a flag stream is a failure of one check, and sends to the heading that fits."""
    diagnosis = diagnose_script(script, "--timeout", "1.5")

    assert trouble == trouble_of(diagnosis, name)
    assert [name] == [each for each, verdict in diagnosis.verdicts.items() if verdict == "failure"]


def http10(connection: Connection, index: int) -> None:
    connection.head(framing="http10")
    connection.event(FLAGS)
    connection.hang()


def length(connection: Connection, index: int) -> None:
    connection.head(framing="length")
    connection.event(FLAGS)
    connection.hang()


def collected(connection: Connection, index: int) -> None:
    connection.answer(200, b"data: %b\n\n" % FLAGS, headers={"content-type": "text/event-stream"})


def late(connection: Connection, index: int) -> None:
    connection.head(headers={"via": "1.1 slow-proxy"})
    connection.wait_closed(2.2)
    connection.event(FLAGS)
    connection.hang()


@pytest.mark.parametrize(
    ("script", "name", "trouble", "words"),
    [
        (http10, "framing", Trouble.BUFFERING, "HTTP/1.0"),
        (length, "framing", Trouble.BUFFERING, "announces a length"),
        (collected, "framing", Trouble.ENDING, "the stream ended"),
        (late, "event", Trouble.BUFFERING, "after the head"),
    ],
    ids=["http10", "length", "collected", "late"],
)
def test_somebody_in_between(script: Script, name: str, trouble: Trouble, words: str) -> None:
    """Flags that come in spite of somebody in between are a warning, with status 0."""
    diagnosis = diagnose_script(script)

    assert (0, "warning", {name: "warning"}) == (diagnosis.status, diagnosis.answer["verdict"], diagnosis.not_fine())
    assert trouble == Trouble(diagnosis.findings[name]["troubleshooting"])
    assert words in diagnosis.findings[name]["words"]


def test_tls(ca: trustme.CA, ca_file: str) -> None:
    """Over TLS the certificate is looked at too; one that is refused is a failure, and the key stays here."""
    with ScriptedServer(hold_open(FLAGS), tls=ca) as server:
        trusted = diagnose("--ca-file", ca_file, env=environment(server.base_url))
        asked = len(server.requests)
        refused = diagnose(env=environment(server.base_url))

        assert (1, 1) == (asked, len(server.requests))
    assert {} == trusted.not_fine(), trusted.text
    assert "TLSv1.3" == trusted.findings["tls"]["facts"]["version"]
    assert Trouble.TLS == trouble_of(refused, "tls")
    assert "tls" == list(refused.findings)[-1]


def test_a_server_of_tls_alone(ca: trustme.CA, flags_file: Path, tmp_path: Path, ca_file: str) -> None:
    """`soasap serve` with a certificate is fine from end to end."""
    certificate = ca.issue_cert("127.0.0.1")
    pem = tmp_path / "server.pem"
    certificate.private_key_and_cert_chain_pem.write_to_path(str(pem))
    with ServerProcess(str(flags_file), api_key=KEY, options=["--tls-cert", str(pem)]) as server:
        diagnosis = diagnose("--ca-file", ca_file, env=environment(server.url))

    assert {} == diagnosis.not_fine(), diagnosis.text


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
def test_a_proxy(secure: bool, ca: trustme.CA, ca_file: str) -> None:
    """Through a proxy all goes its way; its password is not shown, a wrong one is a failure of the proxy."""
    variable = "HTTPS_PROXY" if secure else "HTTP_PROXY"
    with (
        ConnectProxy("user", "pass-word") as proxy,
        ScriptedServer(hold_open(FLAGS), tls=ca if secure else None) as server,
    ):
        # The warning that this machine's own address goes through it is right, and not what is asked here.
        good = diagnose(
            "--ca-file", ca_file, env=environment(server.base_url, **{variable: proxy.url_with_credentials})
        )
        wrong = proxy.url_with_credentials.replace("pass-word", "wrong-word")
        bad = diagnose("--ca-file", ca_file, env=environment(server.base_url, **{variable: wrong}))

    assert (0, {"proxy": "warning"}) == (good.status, good.not_fine())
    assert proxy.url == good.findings["proxy"]["facts"]["proxy"]
    assert Trouble.PROXY == trouble_of(bad, "answer")
    assert "-word" not in good.text + bad.text


def test_a_proxy_that_is_not_there() -> None:
    """A proxy where nobody listens is named as what is missing."""
    proxy = f"http://user:pass-word@127.0.0.1:{free_port()}"
    diagnosis = diagnose(env=environment("http://flags.example.com", HTTP_PROXY=proxy))

    assert Trouble.PROXY == trouble_of(diagnosis, "connection")
    assert "pass-word" not in diagnosis.text


@pytest.mark.parametrize("origin", ["option", "home"])
def test_a_cache_that_cannot_be_written(origin: str, tmp_path: Path) -> None:
    """A directory that takes no file is a failure, and the stream is looked at all the same."""
    with ScriptedServer(hold_open(FLAGS)) as server:
        if origin == "option":
            diagnosis = diagnose("--cache-directory", "/proc/soasap", env=environment(server.base_url))
        else:
            diagnosis = diagnose(env=environment(server.base_url, HOME="/proc/soasap"))

    assert Trouble.CACHE == trouble_of(diagnosis, "cache")
    assert "ok" == diagnosis.verdicts["event"]


def test_an_application_without_a_cache() -> None:
    """With `--no-cache`, for one that runs with `cache=None`, no place for a file is looked for."""
    with ScriptedServer(hold_open(FLAGS)) as server:
        diagnosis = diagnose("--no-cache", env=environment(server.base_url, HOME="/proc/soasap"))

    assert (0, {}) == (diagnosis.status, diagnosis.not_fine())
    assert "cache" not in diagnosis.findings


def foreign_directory(tmp_path: Path) -> Path:
    """A directory that belongs to somebody else, whoever runs the tests."""
    if os.geteuid() != 0:
        return Path("/")
    directory = tmp_path / "foreign"
    directory.mkdir()
    os.chown(directory, 65534, 65534)
    return directory


def test_a_foreign_cache(tmp_path: Path) -> None:
    """Somebody else's directory is at least a warning, and names whose it is or that it cannot be written."""
    directory = foreign_directory(tmp_path)
    with ScriptedServer(hold_open(FLAGS)) as server:
        diagnosis = diagnose("--cache-directory", str(directory), env=environment(server.base_url))
    finding = diagnosis.findings["cache"]

    assert "ok" != finding["verdict"]
    assert Trouble.CACHE == Trouble(finding["troubleshooting"])
    assert str(directory) in finding["words"]
    assert f"user {os.geteuid()}" in finding["words"]


def test_a_cache_with_flags(cache_dir: Path) -> None:
    """A file that the client wrote is found, and read with the client's own eyes."""
    with ScriptedServer(hold_open(FLAGS)) as server:
        with create_soasap_client(api_key=KEY, base_url=server.base_url, cache_directory=str(cache_dir)) as client:
            assert client.wait_ready(30)
        diagnosis = diagnose("--cache-directory", str(cache_dir), env=environment(server.base_url))

    assert ("ok", 2) == (diagnosis.verdicts["cache"], diagnosis.findings["cache"]["facts"]["flags"])


GEVENT = (sys.executable, "-m", "gevent.monkey", "--module", "soasap")


def test_a_patched_interpreter(ca: trustme.CA, ca_file: str) -> None:
    """Under `python -m gevent.monkey` it runs on gevent itself, TLS included, and says so."""
    with ScriptedServer(hold_open(FLAGS), tls=ca) as server:
        diagnosis = diagnose("--ca-file", ca_file, env=environment(server.base_url), program=GEVENT)

    assert ({}, "gevent") == (diagnosis.not_fine(), diagnosis.findings["patching"]["facts"]["backend"]), diagnosis.text


@pytest.mark.parametrize(
    ("lines", "verdict", "backend", "trouble"),
    [
        ("print('hello')", "ok", "threads", None),
        ("import gevent.monkey; gevent.monkey.patch_all()", "ok", "gevent", None),
        ("import urllib3, gevent.monkey; gevent.monkey.patch_all()", "warning", "gevent", Trouble.PATCHING),
        ("import eventlet; eventlet.monkey_patch()", "ok", "eventlet", None),
        ("import gunicorn.workers.ggevent", "warning", None, Trouble.MASTER),
    ],
    ids=["plain", "gevent", "late", "eventlet", "master"],
)
def test_what_the_application_patches(
    tmp_path: Path, lines: str, verdict: str, backend: str | None, trouble: Trouble | None
) -> None:
    """`--app` imports the application first, so that what it patches counts; the stream is heard in any case."""
    (tmp_path / "app_of_theirs.py").write_text(lines)
    with ScriptedServer(hold_open(FLAGS)) as server:
        env = environment(server.base_url, PYTHONWARNINGS="ignore")
        diagnosis = diagnose("--app", "app_of_theirs", env=env, cwd=tmp_path)
    finding = diagnosis.findings["patching"]

    assert (verdict, backend) == (finding["verdict"], finding["facts"].get("backend"))
    assert (trouble and trouble.value) == finding["troubleshooting"]
    assert "ok" == diagnosis.verdicts["event"], diagnosis.text


def test_an_application_that_cannot_be_imported(tmp_path: Path) -> None:
    """An application that cannot be imported is a wrong option: status 2, and no traceback."""
    (tmp_path / "app_of_theirs.py").write_text("raise RuntimeError('no database')")
    answer = run_soasap("doctor", "--app", "app_of_theirs", env=environment(None), cwd=tmp_path)

    assert (2, "") == (answer.returncode, answer.stdout)
    assert "Error: --app app_of_theirs cannot be imported: RuntimeError: no database" in answer.stderr


@pytest.mark.parametrize("arguments", [["--api-key", KEY], ["--key", KEY]])
@pytest.mark.parametrize("command", ["get", "watch", "doctor"])
def test_no_key_on_a_command_line(command: str, arguments: list[str]) -> None:
    """No command takes a key as an option."""
    answer = run_soasap(command, *arguments, env=environment(None, None))

    assert 2 == answer.returncode
    assert "No such option" in answer.stderr


def test_nothing_is_left_behind(tmp_path: Path, flags_file: Path) -> None:
    """The doctor leaves no file and no directory in the home and the cache."""
    home = tmp_path / "elsewhere"
    home.mkdir()
    with ServerProcess(str(flags_file)) as server:
        diagnose(env=environment(server.url, HOME=str(home), TMPDIR=str(home)))

    assert [] == list(home.rglob("*"))
