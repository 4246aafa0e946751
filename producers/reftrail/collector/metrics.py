"""Metrics of the collector."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from reftrail.edge.field_formats import EXPECTED
from reftrail.edge.rejections import Rejection

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class CollectorMetrics:
    """One set of metrics in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.accepted = Counter(
            "reftrail_collector_events_accepted",
            "Events that Kafka has acknowledged.",
            ["type"],
            registry=self.registry,
        )
        self.rejected = Counter(
            "reftrail_collector_events_rejected",
            "Events not taken, by the field that was wrong.",
            ["field"],
            registry=self.registry,
        )
        self.requests = Histogram(
            "reftrail_collector_request_seconds",
            "Requests by route and status, Kafka's acknowledgement included.",
            ["route", "status"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.in_flight = Gauge(
            "reftrail_collector_requests_in_flight",
            "Requests being worked on.",
            registry=self.registry,
        )
        self.clicks = Counter(
            "reftrail_collector_redirect_clicks",
            "Visits of /r/{code}: acknowledged by Kafka, lost (not acknowledged in time), or "
            "ignored (HEAD, prefetch, bot).",
            ["outcome"],
            registry=self.registry,
        )
        self.buffered = Gauge(
            "reftrail_collector_buffered_bytes",
            "Bytes that wait for Kafka's acknowledgement.",
            registry=self.registry,
        )
        self.broker_up = Gauge(
            "reftrail_collector_broker_up",
            "1 while Kafka acknowledges, 0 while it doesn't.",
            registry=self.registry,
        )
        self.codes_known = Gauge(
            "reftrail_collector_codes",
            "Codes in the table.",
            registry=self.registry,
        )
        self.codes_undecodable = Counter(
            "reftrail_collector_codes_undecodable",
            "Messages on the topics of codes and their formats that were passed over: no record.",
            registry=self.registry,
        )

    def count_rejected(self, rejections: Iterable[Rejection]) -> None:
        """Count rejections by field; field names that clients make up are counted as one."""
        for rejection in rejections:
            field = rejection.pointer.removeprefix("/")
            self.rejected.labels(
                field if field in EXPECTED else "unknown" if field else "event"
            ).inc()

    def exposition(self) -> bytes:
        """The metrics in Prometheus' text format."""
        return generate_latest(self.registry)
