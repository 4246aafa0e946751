"""Metrics of the relay and the registrar."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class RelayMetrics:
    """One set of metrics in a registry of its own, or in one that is given."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        self.active = Gauge(
            "reftrail_codes_relay_active",
            "1 while this relay sends, 0 while it waits as a standby or doesn't reach Kafka.",
            registry=self.registry,
        )
        self.sent = Counter(
            "reftrail_codes_relay_sent",
            "Messages that Kafka has acknowledged.",
            ["topic"],
            registry=self.registry,
        )
        self.waiting = Gauge(
            "reftrail_codes_outbox_waiting",
            "Messages that Kafka doesn't have yet.",
            registry=self.registry,
        )
        self.signups = Counter(
            "reftrail_codes_registrar_signups",
            "Signups for which the registrar has seen to it that the user has codes.",
            registry=self.registry,
        )
        self.undecodable = Counter(
            "reftrail_codes_registrar_undecodable",
            "Messages on the topic conversions that could not be read, and were skipped.",
            registry=self.registry,
        )
        self.failing = Gauge(
            "reftrail_codes_registrar_failing",
            "1 while the store refuses to give codes to those who signed up.",
            registry=self.registry,
        )
