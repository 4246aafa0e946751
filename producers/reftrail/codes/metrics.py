"""What the issuing of codes tells Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class CodeMetrics:
    """One set of metrics in a registry of its own, or in one that is given."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        self.issued = Counter(
            "reftrail_codes_issued",
            "Codes issued, by how they came to be.",
            ["origin"],
            registry=self.registry,
        )
        self.collisions = Counter(
            "reftrail_codes_collisions",
            "Codes drawn that existed already, and were drawn again.",
            ["format"],
            registry=self.registry,
        )
        self.space_used = Gauge(
            "reftrail_codes_space_used",
            "Share of a format's codes that are issued: for a registered one of all that can be "
            "drawn, for a derived one of all that the odds of a right guess allow.",
            ["format"],
            registry=self.registry,
        )


class RelayMetrics:
    """What the relay and the registrar tell."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        self.active = Gauge(
            "reftrail_codes_relay_active",
            "1 while this relay sends, 0 while it stands by or doesn't reach Kafka.",
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
            "Messages on the topic conversions that could not be read, and were passed over.",
            registry=self.registry,
        )
        self.failing = Gauge(
            "reftrail_codes_registrar_failing",
            "1 while the store refuses to give codes to those who signed up.",
            registry=self.registry,
        )
