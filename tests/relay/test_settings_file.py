"""Settings from a TOML file and from options, and the sentence for each that cannot be used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from soasap._relay.settings import BadSettings, EnvironmentSettings
from soasap._relay.settings_file import read_settings

SECRET = "sk-live-0123"


def read(path: Path, text: str, /, environ: dict[str, str] | None = None, **options: Any) -> Any:
    file = path / "relay.toml"
    file.write_text(text, "utf-8")
    return read_settings(str(file), options, {}, environ or {})


def test_everything_a_file_may_say(tmp_path: Path) -> None:
    """Each setting of a file arrives, and an environment without an upstream of its own has the common one."""
    settings = read(
        tmp_path,
        f"""
        host = "0.0.0.0"
        port = 9000
        upstream = "https://flags.example/"
        open = true
        redis = "redis://cache:6379/1"
        ca_file = "/etc/ca.pem"
        cache_directory = "/var/cache/soasap"
        keep_alive = 5
        drain = 2.5

        [environments.production]
        api_key = "{SECRET}"

        [environments.staging]
        api_key = "sk-staging"
        upstream = "http://127.0.0.1:8765"
        """,
    )

    assert (
        EnvironmentSettings(name="production", api_key=SECRET, upstream="https://flags.example"),
        EnvironmentSettings(name="staging", api_key="sk-staging", upstream="http://127.0.0.1:8765"),
    ) == settings.environments
    assert ("0.0.0.0", 9000, True, 5, 2.5) == (
        settings.host,
        settings.port,
        settings.open,
        settings.keep_alive,
        settings.drain,
    )
    assert ("redis://cache:6379/1", "/etc/ca.pem", "/var/cache/soasap") == (
        settings.redis,
        settings.ca_file,
        settings.cache_directory,
    )


def test_options_alone() -> None:
    """Without a file, options name keys and everything else has its default."""
    settings = read_settings(None, {"port": 0, "host": None}, {"default": SECRET}, {})

    assert ("127.0.0.1", 0, 15.0, 5.0) == (settings.host, settings.port, settings.keep_alive, settings.drain)
    assert ["default"] == [each.name for each in settings.environments]


def test_options_go_first(tmp_path: Path) -> None:
    """An option that is given wins over the file; one that is not leaves it alone."""
    settings = read(tmp_path, f'port = 1\ndrain = 1\nenvironments.a.api_key = "{SECRET}"', port=2, drain=None)

    assert (2, 1) == (settings.port, settings.drain)


def test_key_from_a_file(tmp_path: Path) -> None:
    """A key may stand in a file of its own, with the newline that files have."""
    (tmp_path / "key").write_text(f"{SECRET}\n")
    settings = read(tmp_path, f"[environments.a]\napi_key_file = '{tmp_path / 'key'}'")

    assert SECRET == settings.environments[0].api_key


def test_key_from_the_environment(tmp_path: Path) -> None:
    """A key may stand in a variable of the environment."""
    settings = read(tmp_path, '[environments.a]\napi_key_env = "FLAG_KEY"', {"FLAG_KEY": SECRET})

    assert SECRET == settings.environments[0].api_key


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("port = ", "not TOML"),
        ("prot = 1", "there is no setting 'prot'; there are environments, host, port"),
        ('port = "80"', "port must be int, not str"),
        ("port = true", "port must be int, not bool"),
        ("open = 1", "open must be bool, not int"),
        ("keep_alive = 'x'", "keep_alive must be float, not str"),
        ("environments = 1", "environments must be tables"),
        ("environments.a = 1", "environments.a must be a table with one of api_key, api_key_file, api_key_env"),
        ("environments.a.key = 'x'", "environments.a: there is no setting 'key'"),
        ("environments.a.api_key = 1", "environments.a: api_key must be str, not int"),
        ("environments.a.upstream = 'https://x'", "needs one of api_key, api_key_file, api_key_env, and has none"),
        (f"[environments.a]\napi_key = '{SECRET}'\napi_key_env = 'X'", "and has api_key and api_key_env"),
        ("environments.a.api_key_env = 'X'", "the environment has no variable of the name that api_key_env says"),
        (f"environments.a.api_key_env = '{SECRET}'", "the environment has no variable of the name"),
        (f"environments.a.api_key_file = '{SECRET}'", "the file that api_key_file names cannot be read: No such file"),
        ("environments.a.api_key = ' '", "environments.a: api_key is empty"),
        ("environments.a.api_key = 'ä'", "environments.a: api_key has control or non-ASCII characters"),
        (f"environments.a.api_key = '{SECRET}'\nenvironments.b.api_key = '{SECRET}'", "environments.a and"),
        (f"upstream = 'ftp://x'\nenvironments.a.api_key = '{SECRET}'", "upstream: base_url must be http"),
        (f"[environments.a]\napi_key = '{SECRET}'\nupstream = 'x'", "environments.a: base_url must be http"),
        ("upstream = 'https://x'", "no environment has an API key, so every client would be refused"),
        ("open = true\nport = 70000", "port must be 0 to 65535, not 70000"),
        ("open = true\ntls_key = 'key.pem'", "tls_key needs tls_cert"),
        ("open = true\nkeep_alive = 0", "keep_alive must be more than 0 seconds"),
        ("open = true\ndrain = -1", "drain must be 0 seconds or more"),
        ("open = true\ndrain = nan", "drain must be 0 seconds or more"),
        ("open = true\nredis = 'http://x'", "redis: the Redis URL begins with http"),
        ("open = true\nproxy = 'x'", "proxy must be http"),
    ],
)
def test_what_cannot_be_used(tmp_path: Path, text: str, sentence: str) -> None:
    """Each mistake is a sentence that begins with the file, names the setting, and quotes no key."""
    with pytest.raises(BadSettings) as caught:
        read(tmp_path, text)

    assert str(caught.value).startswith(f"{tmp_path / 'relay.toml'}: ")
    assert sentence in str(caught.value)
    assert SECRET not in str(caught.value)


def test_name_given_twice(tmp_path: Path) -> None:
    """An option's key does not go by the name of an environment of the file: one of them would not be seen."""
    file = tmp_path / "relay.toml"
    file.write_text(f"environments.default.api_key = '{SECRET}'")

    with pytest.raises(BadSettings, match=r"environments\.default is there twice"):
        read_settings(str(file), {}, {"default": "another"}, {})


def test_key_file_that_is_no_text(tmp_path: Path) -> None:
    """Of a key file in another encoding nothing is quoted."""
    (tmp_path / "key").write_bytes(b"\xffkey")

    with pytest.raises(BadSettings, match=r"cannot be read: it is not text$"):
        read(tmp_path, f"environments.a.api_key_file = '{tmp_path / 'key'}'")


def test_no_such_file(tmp_path: Path) -> None:
    """A file that is not there is named."""
    with pytest.raises(BadSettings, match=r"relay\.toml: No such file"):
        read_settings(str(tmp_path / "relay.toml"), {}, {}, {})


def test_secrets_are_not_shown(tmp_path: Path) -> None:
    """Neither a key nor a password is in what Python prints of the settings."""
    settings = read(
        tmp_path,
        f'redis = "redis://:{SECRET}@cache"\nproxy = "http://u:{SECRET}@p"\nenvironments.a.api_key = "{SECRET}"',
    )

    assert SECRET not in repr(settings)
