"""Metrics of the API of codes beside those of all requests."""

from prometheus_client import CollectorRegistry, Counter


class CodesApiMetrics:
    """Metrics in the collector's registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.limited = Counter(
            "reftrail_collector_codes_limited",
            "Requests about codes that were answered with 429, by what asked too often (key, "
            "address) and the kind of the key (secret, publishable).",
            ["scope", "key"],
            registry=registry,
        )
        self.verified = Counter(
            "reftrail_collector_codes_verified",
            "Verifications, by what was answered and the kind of the key.",
            ["answer", "key"],
            registry=registry,
        )
