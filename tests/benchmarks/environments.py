"""The environments of the contenders: release 1.0.3 with the peers, and Gunicorn with ours."""

from __future__ import annotations

from compat.environments import Environment, Family, ready_environment

__all__ = ["gunicorn", "peers"]

PEERS = Family(
    "benchmarks",
    (
        "soasap==1.0.3",
        "launchdarkly-server-sdk",
        "UnleashClient",
        "growthbook",
        "configcat-client",
        "openfeature-sdk",
        "matplotlib",
    ),
    ("soasap", "launchdarkly-server-sdk", "UnleashClient", "growthbook", "configcat-client", "openfeature-sdk"),
    project=False,
)

GUNICORN = Family("benchmarks-gunicorn", ("gunicorn[gevent]", "packaging"), ("gunicorn", "gevent"))


def peers() -> Environment:
    """Release 1.0.3, the peers, and what draws."""
    return ready_environment(PEERS)


def gunicorn() -> Environment:
    """Gunicorn, gevent and the checkout."""
    return ready_environment(GUNICORN)
