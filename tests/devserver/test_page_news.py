"""What clients and pages are told of the file, and in which order."""

from __future__ import annotations

import os
import time
from pathlib import Path

import orjson
import pytest

from soasap._devserver.flag_source import FlagSource
from soasap._devserver.page_news import CLIENTS_SHOWN, PageNews, describe_client
from soasap._server.broadcaster import Broadcaster

TEXT = b'{"n": 1.0, "on": true}'


class World:
    """A file, its source, and the news of it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.write_bytes(TEXT)
        self.source = FlagSource(str(path))
        self.broadcaster = Broadcaster()
        self.news = PageNews(str(path), self.source.read(), self.broadcaster)

    def topic(self, topic: str) -> object:
        event = b"".join(self.news.feed.event(topic)[1])
        assert event.startswith(f"event: {topic}\ndata: ".encode())
        return orjson.loads(event.partition(b"data: ")[2])

    def flags(self) -> object:
        state = self.topic("flags")
        assert isinstance(state, dict)
        return state["flags"]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "flags.json")


def test_the_start(world: World) -> None:
    """At the start clients are sent the file, and pages are told its name, its flags as JSON text, and nothing else."""
    assert TEXT == world.broadcaster.payload
    assert {
        "file": "flags.json",
        "path": os.fspath(world.path),
        "flags": [["n", "1.0"], ["on", "true"]],
    } == world.topic("flags")
    assert world.topic("problem") is None
    assert [] == world.topic("changes")


def test_a_path_below_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file below the user's home is shown with a tilde."""
    monkeypatch.setenv("HOME", os.fspath(tmp_path))
    (tmp_path / "shop").mkdir()
    state = World(tmp_path / "shop" / "flags.json").topic("flags")

    assert isinstance(state, dict)
    assert os.path.join("~", "shop", "flags.json") == state["path"]


def test_a_change(world: World) -> None:
    """A change reaches clients and pages, and is told with who made it."""
    world.news.accept(world.source.change("n", "1.0", "2"))

    assert TEXT.replace(b"1.0", b"2") == world.broadcaster.payload
    assert [["n", "2"], ["on", "true"]] == world.flags()
    [entry] = orjson.loads(orjson.dumps(world.topic("changes")))
    assert abs(time.time() - entry.pop("at")) < 60
    assert {"key": "n", "old": "1.0", "new": "2", "by": "page"} == entry


def test_what_was_read_before_a_change_does_not_follow_it(world: World) -> None:
    """A reading that is older than the newest is left out, so that no client goes back."""
    early = world.source.read()
    world.news.accept(world.source.change("n", "1.0", "2"))
    world.news.accept(early)

    assert TEXT.replace(b"1.0", b"2") == world.broadcaster.payload
    assert 1 == len(orjson.loads(orjson.dumps(world.topic("changes"))))


def test_another_layout(world: World) -> None:
    """Another layout of the same flags is shown, and no change."""
    world.path.write_bytes(b'{"n":1.0,\n"on":true}')
    before = world.news.feed.event("flags")[0]
    world.news.accept(world.source.read())

    assert before < world.news.feed.event("flags")[0]
    assert [] == world.topic("changes")


def test_a_problem(world: World) -> None:
    """A broken file is told, with the last good flags still there; the next good one ends it."""
    world.news.fail("flags.json:1:1: no")

    assert "flags.json:1:1: no" == world.topic("problem")
    assert [["n", "1.0"], ["on", "true"]] == world.flags()

    world.news.accept(world.source.read())
    assert world.topic("problem") is None


def test_clients(world: World) -> None:
    """Clients that come and go are news; the newest are shown, and all are counted."""
    before = world.news.feed.event("clients")[0]
    streams = [world.broadcaster.subscribe(user_agent=f"soasap-python/2.{n}") for n in range(CLIENTS_SHOWN + 5)]
    came = world.news.feed.event("clients")[0]
    state = world.topic("clients")
    for stream in streams:
        stream.close()

    assert before < came < world.news.feed.event("clients")[0]
    assert isinstance(state, dict)
    assert (CLIENTS_SHOWN + 5, CLIENTS_SHOWN) == (state["total"], len(state["clients"]))
    assert f"2.{CLIENTS_SHOWN + 4}" == state["clients"][0]["version"]
    assert streams[-1].since == state["clients"][0]["since"] <= state["now"]


@pytest.mark.parametrize(
    ("user_agent", "name", "version", "backend"),
    [
        ("soasap-python/2.0.0", "soasap-python", "2.0.0", ""),
        ("soasap-python/2.1.0 (gevent)", "soasap-python", "2.1.0", "gevent"),
        ("soasap-python/2.1.0 CPython/3.13 threads", "soasap-python", "2.1.0", "threads"),
        ("gevent/24", "gevent", "24", ""),
        ("curl", "curl", "", ""),
        ("", "unknown", "", ""),
        ("(odd)", "unknown", "", ""),
    ],
)
def test_a_client(user_agent: str, name: str, version: str, backend: str) -> None:
    """A client is shown as its User-Agent tells, the backend only if that says one."""
    shown = describe_client(Broadcaster().subscribe(user_agent=user_agent))

    assert (name, version, backend) == (shown["name"], shown["version"], shown["backend"])
