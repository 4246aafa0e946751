"""Metrics of the warehouse."""

from collections.abc import Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from reftrail.warehouse.ledger import Counts, Load

_SECONDS: Final = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)


class WarehouseMetrics:
    """One warehouse's figures."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._messages = Counter(
            "reftrail_warehouse_messages",
            "Messages loaded, dead letters included.",
            ["topic"],
            registry=self._registry,
        )
        self._dead = Counter(
            "reftrail_warehouse_dead_letters",
            "Messages that could not be loaded.",
            ["topic"],
            registry=self._registry,
        )
        self._seconds = Histogram(
            "reftrail_warehouse_load_seconds",
            "Time to load one batch of all topics.",
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._recovered = Counter(
            "reftrail_warehouse_recovered_loads",
            "Loads that an earlier process had left open.",
            registry=self._registry,
        )
        self._keys = Counter(
            "reftrail_warehouse_keys_undecodable",
            "Messages on the topic of API keys that were skipped: no record.",
            registry=self._registry,
        )
        self._lag = Gauge(
            "reftrail_warehouse_lag",
            "Positions between what is loaded and the end of the topic's partitions, summed.",
            ["topic"],
            registry=self._registry,
        )
        self._as_of = Gauge(
            "reftrail_warehouse_as_of_seconds",
            "The time up to which everything is loaded, in seconds since 1970.",
            registry=self._registry,
        )
        self._broker = Gauge(
            "reftrail_warehouse_broker_answers",
            "1 if Kafka answered when last asked, else 0.",
            registry=self._registry,
        )

    def key_skipped(self) -> None:
        """A message on the topic of API keys was no record."""
        self._keys.inc()

    def loaded(self, counts: Mapping[Load, Counts], seconds: float) -> None:
        """A batch has been loaded."""
        self._seconds.observe(seconds)
        for load, count in counts.items():
            self._messages.labels(load.topic).inc(count.messages)
            self._dead.labels(load.topic).inc(count.dead_letters)

    def recovered(self) -> None:
        """A load that was left open has been finished."""
        self._recovered.inc()

    def observed(self, lags: Mapping[str, int], as_of: float | None) -> None:
        """The broker has said how far its topics go; as_of in seconds since 1970."""
        self._broker.set(1)
        for topic, lag in lags.items():
            self._lag.labels(topic).set(lag)
        if as_of is not None:
            self._as_of.set(as_of)

    def broker_is_silent(self) -> None:
        """The broker has not answered."""
        self._broker.set(0)

    def text(self) -> bytes:
        """The metrics in Prometheus' text format."""
        return generate_latest(self._registry)
