"""What `/metrics` says: counted by the parts themselves, read when Prometheus asks."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector, CollectorRegistry

from soasap._relay.roster import Roster

__all__ = ["RelayCollector", "relay_registry"]

STATES = ("live", "connecting", "stale", "shared")
LABELS = ("environment",)


class RelayCollector(Collector):
    """
    The environments of a relay as metrics, by the label `environment`.

    Args:
        roster: Has the environments.
    """

    def __init__(self, roster: Roster) -> None:
        self._roster = roster

    def collect(self) -> Iterator[Metric]:
        clients = GaugeMetricFamily("soasap_relay_clients", "Open streams of clients.", labels=LABELS)
        events = CounterMetricFamily("soasap_relay_events", "Events sent to clients.", labels=LABELS)
        sent = CounterMetricFamily("soasap_relay_sent_bytes", "Bytes of events sent to clients.", labels=LABELS)
        received = CounterMetricFamily(
            "soasap_relay_upstream_events", "Events received from upstream since it was connected to.", labels=LABELS
        )
        state = GaugeMetricFamily(
            "soasap_relay_upstream_state",
            "1 for the state of the upstream stream; shared if another relay has it.",
            labels=(*LABELS, "state"),
        )
        age = GaugeMetricFamily(
            "soasap_relay_upstream_age_seconds", "Since the upstream stream last showed life.", labels=LABELS
        )
        leader = GaugeMetricFamily(
            "soasap_relay_leader", "Whether this relay streams for those that share a Redis.", labels=LABELS
        )
        redis = GaugeMetricFamily("soasap_relay_redis_trouble", "Whether Redis cannot be used.", labels=LABELS)
        for environment in self._roster:
            report, status = environment.report(), environment.source.upstream.status()
            label = [report.name]
            clients.add_metric(label, report.clients)
            events.add_metric(label, report.sent_events)
            sent.add_metric(label, report.sent_bytes)
            received.add_metric(label, 0 if status is None else status.events)
            for name in STATES:
                state.add_metric([*label, name], report.state == name)
            if report.age is not None:
                age.add_metric(label, report.age)
            leader.add_metric(label, report.role == "leader")
            redis.add_metric(label, bool(report.redis_trouble))
        yield from (clients, events, sent, received, state, age, leader, redis)


def relay_registry(roster: Roster) -> CollectorRegistry:
    """The metrics of a relay, and of its process: memory, processor time, open files."""
    registry = CollectorRegistry()
    registry.register(RelayCollector(roster))
    ProcessCollector(registry=registry)
    return registry
