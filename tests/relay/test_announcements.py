"""News from Redis: who is told, and how a connection that says nothing is seen to be alive or dead."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from redis.exceptions import RedisError

from soasap._relay import announcements
from soasap._relay.announcements import Announcements
from soasap._relay.shared_snapshot import CHANNEL
from tests.redis_server import RedisServer
from tests.waiting import wait_until

NAME = "0123abcd"


class Enough(Exception):
    """The test has heard what it waited for."""


@pytest.fixture
def news(redis: Any, monkeypatch: pytest.MonkeyPatch) -> Announcements:
    monkeypatch.setattr(announcements, "PING_INTERVAL", 0.3)
    return Announcements(redis)


def pings(redis: Any) -> int:
    """How often Redis was asked whether it is there."""
    return int(redis.info("commandstats").get("cmdstat_ping", {"calls": 0})["calls"])


def test_silence_of_a_redis_that_answers(news: Announcements, redis: Any) -> None:
    """Through any number of pings the connection stays, and brings what is announced then to its environment alone."""
    told: list[str] = []

    def listener() -> None:
        told.append(NAME)
        if len(told) == 2:
            raise Enough

    def announce() -> None:
        wait_until(lambda: pings(redis) >= 3, 30.0, "three pings")
        redis.publish(CHANNEL, "another")
        redis.publish(CHANNEL, NAME)

    news.add(NAME, listener)
    announcing = threading.Thread(target=announce)
    announcing.start()
    with pytest.raises(Enough):
        news._listen()
    announcing.join()

    assert [NAME, NAME] == told  # when it began to listen, and when it was announced
    assert 1 == redis.info("commandstats")["cmdstat_subscribe"]["calls"]


def test_silence_of_a_redis_that_hangs(news: Announcements, redis_server: RedisServer) -> None:
    """A connection on which a ping is not answered is given up, so that another one is made."""
    news.add(NAME, redis_server.pause)  # once it listens
    try:
        with pytest.raises(RedisError):
            news._listen()
    finally:
        redis_server.resume()


def test_environment_that_left(news: Announcements) -> None:
    """An environment that was removed is not told any more."""

    def enough() -> None:
        raise Enough

    news.add(NAME, lambda: pytest.fail("told"))
    news.remove(NAME)
    news.add("another", enough)

    with pytest.raises(Enough):
        news._listen()
