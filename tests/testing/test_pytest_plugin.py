"""The pytest plugin as pytest finds it: by its entry point, in test runs of its own."""

from __future__ import annotations

import json
from importlib.metadata import entry_points

import pytest

import soasap.testing  # noqa: F401  # runs inside this process would otherwise load its C parts anew each time
from tests.scripts import run_script

pytest_plugins = ["pytester"]


@pytest.fixture(autouse=True)
def application(pytester: pytest.Pytester) -> None:
    """An application with a client at import, and a conftest that puts the fixture in its place, as the README says."""
    pytester.makepyfile(
        shop="""
        from soasap import create_soasap_client

        flags = create_soasap_client(api_key="key", base_url="http://127.0.0.1:9", cache=None)

        def button():
            return "new" if flags.get_bool("new-checkout") else "old"
        """
    )
    pytester.makeconftest(
        """
        import pytest
        import shop

        @pytest.fixture(autouse=True)
        def flags(soasap_flags, monkeypatch):
            monkeypatch.setattr(shop, "flags", soasap_flags)
            return soasap_flags
        """
    )


def run(pytester: pytest.Pytester, source: str, **outcomes: int) -> pytest.RunResult:
    """What pytest says of a file of tests; strict, as careful projects are."""
    pytester.makepyfile(source)
    result = pytester.runpytest("--strict-markers", "-W", "error", "-p", "no:cacheprovider")
    result.assert_outcomes(**outcomes)
    return result


def test_entry_point() -> None:
    """pytest finds the plugin by the entry point of the installed package, under the name `soasap`."""
    [found] = entry_points(group="pytest11", name="soasap")

    assert "soasap.pytest_plugin" == found.value


def test_fixture_is_fresh_for_each_test(pytester: pytest.Pytester) -> None:
    """Each test has a client of its own: what one sets, the next does not see."""
    run(
        pytester,
        """
        from soasap.testing import InMemoryClient
        from shop import button

        def test_first(soasap_flags):
            assert type(soasap_flags) is InMemoryClient
            assert soasap_flags.all_flags() == {}
            assert button() == "old"
            soasap_flags.set("new-checkout", True)
            assert button() == "new"

        def test_second(soasap_flags):
            assert soasap_flags.all_flags() == {}
            assert button() == "old"
        """,
        passed=2,
    )


def test_fixture_is_closed_after_the_test(pytester: pytest.Pytester) -> None:
    """The client of a test that is over is closed."""
    run(
        pytester,
        """
        clients = []

        def test_first(soasap_flags):
            assert soasap_flags.status().state == "live"
            clients.append(soasap_flags)

        def test_second():
            assert clients[0].status().state == "closed"
        """,
        passed=2,
    )


def test_marker(pytester: pytest.Pytester) -> None:
    """The marker says which flags its test starts with: keywords as they are written, a mapping for other keys."""
    run(
        pytester,
        """
        import pytest
        from shop import button

        @pytest.mark.soasap_flags(new_checkout=True)
        def test_keyword(soasap_flags):
            assert soasap_flags.all_flags() == {"new_checkout": True}
            assert button() == "old"

        @pytest.mark.soasap_flags({"new-checkout": True})
        def test_mapping():
            assert button() == "new"

        @pytest.mark.soasap_flags({"new-checkout": True, "limit": 1}, limit=2, tree={"a": [1]})
        def test_both(soasap_flags):
            assert soasap_flags.all_flags() == {"new-checkout": True, "limit": 2, "tree": {"a": [1]}}

        def test_none(soasap_flags):
            assert soasap_flags.all_flags() == {}
        """,
        passed=4,
    )


def test_markers_are_joined(pytester: pytest.Pytester) -> None:
    """Markers of module, class and test are joined, flag by flag; the one closer to the test wins."""
    run(
        pytester,
        """
        import pytest

        pytestmark = pytest.mark.soasap_flags(module=1, both=1, all=1)

        @pytest.mark.soasap_flags({"class": 2}, both=2, all=2)
        class TestClass:
            @pytest.mark.soasap_flags(test=3, all=3)
            def test_all(self, soasap_flags):
                assert soasap_flags.all_flags() == {"module": 1, "class": 2, "test": 3, "both": 2, "all": 3}

        @pytest.mark.soasap_flags(upper=3, both="upper")
        @pytest.mark.soasap_flags(lower=3, both="lower", all="lower")
        def test_two(soasap_flags):
            assert soasap_flags.all_flags() == {"module": 1, "upper": 3, "lower": 3, "both": "lower", "all": "lower"}
        """,
        passed=2,
    )


def test_parameters_have_flags(pytester: pytest.Pytester) -> None:
    """A parametrized test takes a marker for each parameter."""
    run(
        pytester,
        """
        import pytest
        from shop import button

        @pytest.mark.parametrize("expected", [
            pytest.param("new", marks=pytest.mark.soasap_flags({"new-checkout": True})),
            pytest.param("old", marks=pytest.mark.soasap_flags({"new-checkout": False})),
            "old",
        ])
        def test_button(expected):
            assert button() == expected
        """,
        passed=3,
    )


def test_default_flags(pytester: pytest.Pytester) -> None:
    """The fixture `soasap_default_flags` of a conftest is below all markers."""
    pytester.path.joinpath("conftest.py").write_text(
        """
import pytest

@pytest.fixture(scope="session")
def soasap_default_flags():
    return {"theme": "light", "limit": 1}
"""
    )
    run(
        pytester,
        """
        import pytest

        @pytest.mark.soasap_flags(limit=2)
        def test_marked(soasap_flags):
            assert soasap_flags.all_flags() == {"theme": "light", "limit": 2}

        def test_plain(soasap_flags):
            soasap_flags.set("theme", "dark")
            assert soasap_flags.get_string("theme") == "dark"

        def test_plain_again(soasap_flags):
            assert soasap_flags.all_flags() == {"theme": "light", "limit": 1}
        """,
        passed=3,
    )


def test_threads_see_what_markers_say(pytester: pytest.Pytester) -> None:
    """Threads that a test starts read the flags of its marker."""
    run(
        pytester,
        """
        import pytest
        from concurrent.futures import ThreadPoolExecutor
        from shop import button

        @pytest.mark.soasap_flags({"new-checkout": True})
        def test_thread():
            with ThreadPoolExecutor(1) as pool:
                assert pool.submit(button).result(30) == "new"
        """,
        passed=1,
    )


def test_unittest_classes(pytester: pytest.Pytester) -> None:
    """Test cases of unittest take the marker too."""
    run(
        pytester,
        """
        import unittest
        import pytest
        from shop import button

        class TestShop(unittest.TestCase):
            @pytest.mark.soasap_flags({"new-checkout": True})
            def test_marked(self):
                self.assertEqual(button(), "new")

            def test_plain(self):
                self.assertEqual(button(), "old")
        """,
        passed=2,
    )


def test_marker_that_nothing_reads(pytester: pytest.Pytester) -> None:
    """A marked test that uses the fixture in no way is an error that says so, and does not run."""
    pytester.path.joinpath("conftest.py").write_text("")
    result = run(
        pytester,
        """
        import pytest

        @pytest.mark.soasap_flags(beta=True)
        def test_it():
            raise SystemExit("ran")

        @pytest.mark.soasap_flags(beta=True)
        @pytest.mark.usefixtures("soasap_flags")
        def test_by_name():
            pass
        """,
        errors=1,
        passed=1,
    )

    result.stdout.fnmatch_lines(["*has the marker soasap_flags and does not use the fixture soasap_flags*"])


@pytest.mark.parametrize("arguments", ["'new-checkout'", "{'a': 1}, {'b': 2}", "None", "['a']"])
def test_marker_with_wrong_arguments(pytester: pytest.Pytester, arguments: str) -> None:
    """Anything but one mapping and keywords is an error that shows how it is written."""
    result = run(
        pytester,
        f"""
        import pytest

        @pytest.mark.soasap_flags({arguments})
        def test_it():
            raise SystemExit("ran")
        """,
        errors=1,
    )

    result.stdout.fnmatch_lines(["*takes one mapping and keywords, for example*new-checkout*"])


def test_value_that_json_has_not(pytester: pytest.Pytester) -> None:
    """A value that no flag can have is an error of the test that is marked with it."""
    result = run(
        pytester,
        """
        import pytest

        @pytest.mark.soasap_flags(beta={1, 2})
        def test_it():
            raise SystemExit("ran")
        """,
        errors=1,
    )

    result.stdout.fnmatch_lines(["*TypeError: flags must hold what JSON has*"])


def test_help(pytester: pytest.Pytester) -> None:
    """`--markers` and `--fixtures` explain themselves."""
    pytester.runpytest("--markers").stdout.fnmatch_lines(["@pytest.mark.soasap_flags(flags=None, /, [*][*]named): *"])
    pytester.runpytest("--fixtures").stdout.fnmatch_lines(
        ["soasap_default_flags -- *", "*Flags that every test starts with*", "soasap_flags -- *", "*InMemoryClient*"]
    )


def test_plugin_can_be_turned_off(pytester: pytest.Pytester) -> None:
    """`-p no:soasap` leaves neither fixture nor marker."""
    pytester.path.joinpath("conftest.py").write_text("")
    pytester.makepyfile("def test_it(soasap_flags): pass")
    pytester.runpytest("-p", "no:soasap").assert_outcomes(errors=1)


def test_plugin_is_light() -> None:
    """Being found by pytest costs `import soasap` and no more, until a test uses the fixture."""
    printed = run_script(
        """
        import json, sys
        import pytest
        before = set(sys.modules)
        import soasap
        package = set(sys.modules)
        import soasap.pytest_plugin
        print(json.dumps([sorted(package - before), sorted(set(sys.modules) - package)]))
        """
    )
    package, plugin = json.loads(printed)

    assert ["soasap.pytest_plugin"] == plugin
    assert "soasap" in package
    assert not {"urllib3", "ssl", "orjson", "soasap.testing", "soasap._runtime", "soasap._sansio"} & set(package)
