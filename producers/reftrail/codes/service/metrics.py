"""Metrics of the issuing of codes."""

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
