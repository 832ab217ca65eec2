"""The routes of a relay, asked without a socket."""

from __future__ import annotations

import json
import time
from datetime import datetime, timezone
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from soasap._relay import roster as roster_module
from soasap._relay.application import HEALTH_PATH, METRICS_PATH, RelayApplication
from soasap._relay.health import Health
from soasap._relay.metrics import relay_registry
from soasap._relay.roster import Roster
from soasap._server.answers import LIVE_PATH
from soasap.types import ClientStatus
from tests.devserver.wsgi_answer import Answer
from tests.relay.sources import PlayedSource, played

KEY = "sk-live-0123"
PAYLOAD = b'{"n": 1}'


def status(**changes: Any) -> ClientStatus:
    """A client that streams."""
    live = ClientStatus(
        state="live",
        source="stream",
        age=1.5,
        snapshot_age=2.0,
        last_error=None,
        backend="gevent",
        pid=1,
        connected_since=datetime.now(timezone.utc),
        events=7,
        connects=1,
        errors=0,
        hint="",
    )
    return live._replace(**changes)


class Stage:
    """A relay of one environment."""

    def __init__(self, *, has_redis: bool = False) -> None:
        self.environment, self.source = played()
        self.source.played.now = status()
        self.roster = Roster(None)
        self.roster.add(KEY, self.environment)
        health = Health(self.roster, has_redis=has_redis)
        self.application = RelayApplication(self.roster, health, relay_registry(self.roster))

    def ask(self, path: str, method: str = "GET", key: str = KEY) -> Answer:
        return Answer(self.application, path, method, HTTP_X_API_KEY=key)

    def health(self) -> Any:
        return json.loads(self.ask(HEALTH_PATH, key="").text())

    def metrics(self) -> dict[str, float]:
        """Sample name, with the state where it has one, to value."""
        found = {}
        for family in text_string_to_metric_families(self.ask(METRICS_PATH, key="").text()):
            for sample in family.samples:
                found[sample.name + sample.labels.get("state", "")] = sample.value
        return found


@pytest.fixture
def stage() -> Stage:
    stage = Stage()
    stage.environment.broadcaster.publish(PAYLOAD)
    return stage


def test_the_stream(stage: Stage) -> None:
    """The key's environment is streamed, and the reader counts while it is there."""
    answer = stage.ask(LIVE_PATH)
    chunk = next(iter(answer.body))
    counted = stage.health()["environments"]["production"]["clients"]
    answer.close()

    assert ("200 OK", "text/event-stream") == (answer.status, answer.headers["content-type"])
    assert (b'data: {"n": 1}\n\n', 1, 0) == (chunk, counted, len(stage.environment.broadcaster))


@pytest.mark.parametrize("key", ["", "sk-live-012", "sk-live-01234", "\xe4"])
def test_a_key_that_nobody_knows(stage: Stage, key: str) -> None:
    """Another key than those named is 401."""
    answer = stage.ask(LIVE_PATH, key=key)

    assert ("401 Unauthorized", "X-API-Key is missing or wrong\n") == (answer.status, answer.text())


def test_a_key_that_nobody_can_judge(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where upstream has to be asked and says nothing, the client is told to come again."""
    monkeypatch.setattr(roster_module, "VERDICT_SECONDS", 0.0)
    roster = Roster(lambda key: played(is_guest=True)[0])
    application = RelayApplication(roster, Health(roster, has_redis=False), relay_registry(roster))
    answer = Answer(application, LIVE_PATH, HTTP_X_API_KEY="new")
    answer.close()

    assert ("503 Service Unavailable", "5") == (answer.status, answer.headers["retry-after"])


@pytest.mark.parametrize("path", [LIVE_PATH, HEALTH_PATH, METRICS_PATH])
def test_only_get(stage: Stage, path: str) -> None:
    """Other methods are told which one is there."""
    answer = stage.ask(path, "POST")
    answer.close()

    assert ("405 Method Not Allowed", "GET") == (answer.status, answer.headers["allow"])


@pytest.mark.parametrize("path", ["/", "/api/v1/flags", "/healthz/", "/api/v1/streams"])
def test_nothing_else(stage: Stage, path: str) -> None:
    """Other paths are not there, and the answer says what is."""
    answer = stage.ask(path)

    assert "404 Not Found" == answer.status
    assert HEALTH_PATH in answer.text()


def test_health_of_a_relay_that_streams(stage: Stage) -> None:
    """A live environment is told with its state, role, age and clients."""
    described = {"state": "live", "role": "alone", "age": 1.5, "clients": 0, "has_snapshot": True, "trouble": ""}

    assert {"status": "ok", "redis": "off", "environments": {"production": described}} == stage.health()


@pytest.mark.parametrize("path", [HEALTH_PATH, METRICS_PATH])
def test_no_key_is_told(stage: Stage, path: str) -> None:
    """Neither health nor metrics have a key, and neither asks for one."""
    answer = stage.ask(path, key="")

    assert "200 OK" == answer.status
    assert KEY not in answer.text()


def lost(source: PlayedSource) -> None:
    source.played.now = status(state="stale")
    source.played.words = "cannot connect"


def redis_away(source: PlayedSource) -> None:
    source.redis_trouble = "TimeoutError"


@pytest.mark.parametrize("trouble", [lost, redis_away])
def test_degraded(trouble: Any) -> None:
    """Trouble with upstream or Redis is told, with 200: what there is, is still served."""
    stage = Stage(has_redis=True)
    stage.environment.broadcaster.publish(PAYLOAD)
    well = stage.health()["status"]
    trouble(stage.source)
    told = stage.health()

    assert ("ok", "degraded") == (well, told["status"])
    assert "cannot connect" in str(told) or "TimeoutError" == told["redis"]


def test_nothing_to_serve_yet() -> None:
    """An environment without a snapshot is degraded, whatever its stream says."""
    told = Stage().health()

    assert ("degraded", False) == (told["status"], told["environments"]["production"]["has_snapshot"])


def test_follower() -> None:
    """Where another relay has the stream, the state is shared and nothing has an age."""
    stage = Stage(has_redis=True)
    stage.environment.broadcaster.publish(PAYLOAD)
    stage.source.role, stage.source.played.now = "follower", None
    told, counted = stage.health(), stage.metrics()

    assert ("ok", "connected") == (told["status"], told["redis"])
    assert ("shared", "follower", None) == tuple(
        told["environments"]["production"][name] for name in ("state", "role", "age")
    )
    assert (1, 0, 0) == (
        counted["soasap_relay_upstream_stateshared"],
        counted["soasap_relay_upstream_statelive"],
        counted["soasap_relay_leader"],
    )
    assert "soasap_relay_upstream_age_seconds" not in counted


def test_metrics(stage: Stage) -> None:
    """Clients, events and bytes are counted; the state is one of four; the process tells its memory."""
    stage.source.role = "leader"
    answer = stage.ask(LIVE_PATH)
    body = iter(answer.body)
    next(body)
    stage.environment.broadcaster.publish(b'{"n": 22}')
    next(body)
    counted = stage.metrics()
    answer.close()

    expected = {
        "soasap_relay_clients": 1,
        "soasap_relay_events_total": 1,  # the second one is being handed over
        "soasap_relay_sent_bytes_total": len(b'data: {"n": 1}\n\n'),
        "soasap_relay_upstream_events_total": 7,
        "soasap_relay_upstream_statelive": 1,
        "soasap_relay_upstream_stateconnecting": 0,
        "soasap_relay_upstream_age_seconds": 1.5,
        "soasap_relay_leader": 1,
        "soasap_relay_redis_trouble": 0,
    }
    assert expected == {name: counted[name] for name in expected}
    assert counted["process_resident_memory_bytes"] > 1e6
    assert counted["process_start_time_seconds"] <= time.time()
