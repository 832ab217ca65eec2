"""What `/healthz` says, for people and for orchestrators. No key is in it."""

from __future__ import annotations

import orjson

from soasap._relay.environment import EnvironmentReport
from soasap._relay.roster import Roster

__all__ = ["Health"]


class Health:
    """
    The state of a relay as JSON::

        {"status": "ok", "redis": "connected", "environments": {"production": {"state": "live", "role": "leader",
        "age": 2.1, "clients": 814, "has_snapshot": true, "trouble": ""}}}

    `status` is `ok`, or `degraded` while an environment has trouble, or has nothing to serve. The HTTP status is 200
    either way: a relay without upstream still serves the last snapshot, and a restart would not help it.

    Args:
        roster: Has the environments.
        has_redis: Whether relays share one.
    """

    def __init__(self, roster: Roster, *, has_redis: bool) -> None:
        self._roster = roster
        self._has_redis = has_redis

    def document(self) -> bytes:
        """The JSON text."""
        reports = [environment.report() for environment in self._roster]
        well = all(each.has_snapshot and not each.trouble and not each.redis_trouble for each in reports)
        return orjson.dumps(
            {
                "status": "ok" if well else "degraded",
                "redis": self._redis(reports),
                "environments": {each.name: _described(each) for each in reports},
            },
            option=orjson.OPT_APPEND_NEWLINE,
        )

    def _redis(self, reports: list[EnvironmentReport]) -> str:
        if not self._has_redis:
            return "off"
        return next((each.redis_trouble for each in reports if each.redis_trouble), "connected")


def _described(report: EnvironmentReport) -> dict[str, object]:
    return {
        "state": report.state,
        "role": report.role,
        "age": report.age,
        "clients": report.clients,
        "has_snapshot": report.has_snapshot,
        "trouble": report.trouble,
    }
