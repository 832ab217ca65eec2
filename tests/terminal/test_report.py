"""The findings in words and as JSON."""

from __future__ import annotations

import json

from soasap import __version__
from soasap._terminal.finding import failure, ok, warning
from soasap._terminal.report import as_json, exit_status, say, summary
from soasap._terminal.troubles import Trouble
from tests.devserver.demo_process import without_colours

FINE = ok("dns", "known", host="h")
ODD = warning("url", "odd", "look", Trouble.URL)
BROKEN = failure("key", "broken", "mend", Trouble.KEY, present=False)


def test_what_is_fine_is_one_line() -> None:
    """A finding that is fine is one line."""
    assert "ok       dns          known" == without_colours(say(FINE).encode())


def test_what_is_not_fine_says_more() -> None:
    """Any other has three: what was seen, what to do, and the heading of the README."""
    assert [
        "FAILURE  key          broken",
        "                      What to do: mend.",
        '                      Read more:  README, "Troubleshooting: The key is missing or malformed"',
    ] == without_colours(say(BROKEN).encode()).splitlines()


def test_the_last_line() -> None:
    """The summary counts."""
    assert "soasap doctor: 1 of 1 checks are fine" == summary([FINE])
    assert "soasap doctor: 1 of 4 checks are fine, 1 warning, 2 failures" == summary([FINE, ODD, BROKEN, BROKEN])


def test_json() -> None:
    """For programs there is all of it, the worst verdict first."""
    answer = json.loads(json.dumps(as_json([FINE, BROKEN, ODD])))

    assert (__version__, "failure") == (answer["soasap"], answer["verdict"])
    assert {
        "name": "key",
        "verdict": "failure",
        "words": "broken",
        "advice": "mend",
        "troubleshooting": "The key is missing or malformed",
        "facts": {"present": False},
    } == answer["findings"][1]
    assert None is answer["findings"][0]["troubleshooting"]


def test_exit_status() -> None:
    """Failures count, warnings do not."""
    assert [0, 0, 1] == [exit_status(found) for found in ([FINE], [FINE, ODD], [ODD, BROKEN])]
