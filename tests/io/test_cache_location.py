from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from soasap._io.cache_location import cache_path, legacy_paths
from soasap.exceptions import CacheError

KEY = "sdk-key"
URL = "https://api.soasap.com"
# SHA-256 of "7:sdk-key22:https://api.soasap.com" and of "sdk-key", by sha256sum.
OURS = "soasap_ec92029049279eeb9eb137714e2265383d460c256ec0249abb0a37950137bc92.json"
LEGACY = "soasap_cache_cc677751.json"


def homeless(path: str) -> str:
    """`os.path.expanduser` where the user database has no entry: an arbitrary user id in a container."""
    return path


def ada(path: str) -> str:
    """`os.path.expanduser` for a user whose home is /home/ada."""
    return path.replace("~", "/home/ada", 1)


class TestCachePath:
    def test_name(self) -> None:
        """The name is a full hash of key and address, the same in every release: upgrades start warm."""
        assert cache_path(KEY, URL, "/var/cache") == f"/var/cache/{OURS}"

    @pytest.mark.parametrize(
        ("first", "second"),
        [
            ((KEY, URL), (KEY + "2", URL)),
            ((KEY, URL), (KEY, URL + "/eu")),
            ((KEY, URL), (KEY + URL, "")),
            (("a", "1:b"), ("a1:", "b")),
        ],
    )
    def test_no_sharing(self, first: tuple[str, str], second: tuple[str, str]) -> None:
        """Two keys, or one key at two addresses, never share a file, wherever key and address meet."""
        assert cache_path(*first, "/var/cache") != cache_path(*second, "/var/cache")

    def test_key_is_not_readable(self) -> None:
        """The key is not part of the name."""
        assert KEY not in cache_path(KEY, URL, None, environ={"HOME": "/home/ada"})

    @pytest.mark.parametrize(
        ("environ", "expected"),
        [
            ({"HOME": "/home/ada"}, "/home/ada/.local/share/soasap/cache"),
            ({"HOME": "/home/ada", "XDG_DATA_HOME": "/data"}, "/data/soasap/cache"),
            ({"XDG_DATA_HOME": "/data"}, "/data/soasap/cache"),
            ({"HOME": "/home/ada", "XDG_DATA_HOME": ""}, "/home/ada/.local/share/soasap/cache"),
            ({"HOME": "/home/ada", "XDG_DATA_HOME": "data"}, "/home/ada/.local/share/soasap/cache"),
            ({"HOME": "/home/ada", "LOCALAPPDATA": "/local"}, "/home/ada/.local/share/soasap/cache"),
        ],
    )
    def test_unix(self, environ: Mapping[str, str], expected: str) -> None:
        """On Unix an absolute XDG_DATA_HOME wins over the home; a relative one is ignored."""
        assert cache_path(KEY, URL, None, platform="posix", environ=environ) == f"{expected}/{OURS}"

    def test_windows(self) -> None:
        """On Windows the directory is below LOCALAPPDATA, whatever Unix variables are set."""
        environ = {"LOCALAPPDATA": "/local", "HOME": "/home/ada", "XDG_DATA_HOME": "/data"}

        assert cache_path(KEY, URL, None, platform="nt", environ=environ) == f"/local/soasap/cache/{OURS}"

    def test_defaults(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """Without further arguments this process's environment counts, as it is at the call."""
        monkeypatch.delenv("XDG_DATA_HOME", raising=False)
        monkeypatch.setenv("HOME", str(tmp_path))

        assert cache_path(KEY, URL, None) == str(tmp_path / ".local/share/soasap/cache" / OURS)
        assert cache_path(KEY, URL, "~/flags") == str(tmp_path / "flags" / OURS)

    def test_user_database(self) -> None:
        """Where HOME is not set the user database is asked."""
        assert cache_path(KEY, URL, None, environ={}, home=ada) == f"/home/ada/.local/share/soasap/cache/{OURS}"

    @pytest.mark.parametrize("home", ["", "home"])
    def test_useless_home(self, home: str) -> None:
        """A HOME that is no absolute path is no home, and the message says what was looked for."""
        with pytest.raises(CacheError, match=r"XDG_DATA_HOME nor HOME .* set cache_directory"):
            cache_path(KEY, URL, None, platform="posix", environ={"HOME": home})

    def test_no_home(self) -> None:
        """Without HOME and without an entry in the user database there is no default directory."""
        with pytest.raises(CacheError, match=r"XDG_DATA_HOME nor HOME .* set cache_directory"):
            cache_path(KEY, URL, None, platform="posix", environ={}, home=homeless)

    @pytest.mark.parametrize("environ", [{}, {"LOCALAPPDATA": ""}, {"LOCALAPPDATA": "local"}])
    def test_no_local_app_data(self, environ: Mapping[str, str]) -> None:
        """On Windows without a LOCALAPPDATA that is an absolute path there is no default directory."""
        with pytest.raises(CacheError, match=r"LOCALAPPDATA .* set cache_directory"):
            cache_path(KEY, URL, None, platform="nt", environ=environ)


class TestGivenDirectory:
    @pytest.mark.parametrize("platform", ["posix", "nt"])
    def test_wins(self, platform: str) -> None:
        """A directory given wins over the environment on every platform, and needs no home."""
        environ = {"LOCALAPPDATA": "/local", "XDG_DATA_HOME": "/data"}

        path = cache_path(KEY, URL, "/var/cache", platform=platform, environ=environ, home=homeless)

        assert path == f"/var/cache/{OURS}"

    @pytest.mark.parametrize("blank", ["", "  ", "\n"])
    def test_blank(self, blank: str) -> None:
        """A blank directory is as good as none, as in release 1.0.3."""
        assert cache_path(KEY, URL, blank, environ={"XDG_DATA_HOME": "/data"}) == f"/data/soasap/cache/{OURS}"

    def test_white_space_around(self) -> None:
        """White space around a directory is not part of it, as in release 1.0.3."""
        assert cache_path(KEY, URL, " /var/cache\n") == f"/var/cache/{OURS}"

    @pytest.mark.parametrize(("given", "expected"), [("~", "/home/ada"), ("~/flags", "/home/ada/flags")])
    def test_tilde(self, given: str, expected: str) -> None:
        """A leading tilde is the home."""
        assert cache_path(KEY, URL, given, home=ada) == f"{expected}/{OURS}"

    @pytest.mark.parametrize("given", ["~/flags", "~nobody-of-this-name/flags"])
    def test_unknown_tilde(self, given: str) -> None:
        """A tilde that stands for nobody is refused instead of becoming a directory of that name."""
        with pytest.raises(CacheError, match=r"home in cache_directory '~.* is unknown; set .* full path"):
            cache_path(KEY, URL, given, home=homeless)

    def test_relative(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """A relative directory is below the working directory of now, whatever it becomes later."""
        monkeypatch.chdir(tmp_path)

        assert cache_path(KEY, URL, "flags") == os.path.join(os.getcwd(), "flags", OURS)

    def test_working_directory_gone(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """A relative directory in a working directory that was removed is refused; an absolute one is not."""
        gone = tmp_path / "gone"
        gone.mkdir()
        monkeypatch.chdir(gone)
        gone.rmdir()

        with pytest.raises(CacheError, match="'flags' is relative and the working directory cannot be found"):
            cache_path(KEY, URL, "flags")
        assert cache_path(KEY, URL, "/var/cache") == f"/var/cache/{OURS}"


class TestLegacyPaths:
    def test_given_directory(self) -> None:
        """With a directory given, earlier releases wrote there and nowhere else."""
        assert legacy_paths(KEY, "/var/cache", environ={"HOME": "/home/ada"}) == [f"/var/cache/{LEGACY}"]

    def test_without_xdg(self) -> None:
        """Without XDG_DATA_HOME our directory and theirs are one, and it is named once."""
        paths = legacy_paths(KEY, None, environ={"HOME": "/home/ada"})

        assert paths == [f"/home/ada/.local/share/soasap/cache/{LEGACY}"]

    def test_with_xdg(self) -> None:
        """With XDG_DATA_HOME release 1.0.3 wrote under the home all the same: both count, ours first."""
        paths = legacy_paths(KEY, None, environ={"HOME": "/home/ada", "XDG_DATA_HOME": "/data"})

        assert paths == [f"/data/soasap/cache/{LEGACY}", f"/home/ada/.local/share/soasap/cache/{LEGACY}"]

    def test_with_xdg_without_home(self) -> None:
        """XDG_DATA_HOME without a home leaves one place."""
        paths = legacy_paths(KEY, "", environ={"XDG_DATA_HOME": "/data"}, home=homeless)

        assert paths == [f"/data/soasap/cache/{LEGACY}"]

    def test_windows(self) -> None:
        """On Windows there is one place."""
        paths = legacy_paths(KEY, None, platform="nt", environ={"LOCALAPPDATA": "/local", "HOME": "/home/ada"})

        assert paths == [f"/local/soasap/cache/{LEGACY}"]

    def test_no_home(self) -> None:
        """Without any home the error is that of our own path."""
        with pytest.raises(CacheError, match="set cache_directory"):
            legacy_paths(KEY, None, environ={}, home=homeless)
