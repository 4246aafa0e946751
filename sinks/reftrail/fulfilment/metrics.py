"""Metrics of fulfilment."""

from collections.abc import Callable, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from reftrail.contracts.record import Millis
from reftrail.contracts.times import now
from reftrail.fulfilment.counts import Counts

SILENCE: Final[Millis] = 10_000
"""The time for which Kafka may be silent before fulfilment reports it."""

_SECONDS: Final = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)


class FulfilmentMetrics:
    """One fulfilment's figures, and whether it can go on.

    answered_at is when Kafka last gave its ends, in milliseconds since 1970; None before the first
    time.
    """

    def __init__(self, clock: Callable[[], Millis] = now) -> None:
        self.answered_at: Millis | None = None
        self._clock = clock
        self._registry = CollectorRegistry()
        self.fulfilled = self._counter("fulfilled", "Rewards delivered.")
        self.failed = self._counter("failed", "Rewards that failed for good.")
        self.expired = self._counter("expired", "Orders whose time was up before they were asked.")
        self.withdrawn = self._counter(
            "withdrawn", "Orders that were withdrawn before they were delivered."
        )
        self.retries = self._counter("retries", "Attempts that must be repeated.")
        self.left = self._counter("left", "Orders of kinds that are left to other consumers.")
        self.unreadable = Counter(
            "reftrail_fulfilment_dead_letters",
            "Messages that are no orders.",
            registry=self._registry,
        )
        self.seconds = Histogram(
            "reftrail_fulfilment_attempt_seconds",
            "Time until somebody who was asked had answered.",
            ["kind"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._lag = self._gauge(
            "lag", "Positions between the group's and the end of reward-granted, summed."
        )
        self._waiting = self._by_kind("waiting", "Orders that wait for their next attempt.")
        self._asking = self._by_kind("asking", "Orders that somebody is being asked for right now.")
        self._oldest = self._by_kind("oldest_seconds", "Age of the oldest open order.")
        self.own = self._gauge("own_partitions", "Partitions of reward-granted that are its own.")
        self._gauge("broker_answers", "1 if Kafka answered lately, else 0.").set_function(
            lambda: (silence := self.silence()) is not None and silence <= SILENCE
        )
        self._pool = Gauge(
            "reftrail_fulfilment_pool_left",
            "Codes that can still be handed out.",
            ["item"],
            registry=self._registry,
        )

    def observed(self, counts: Counts, lag: int, now: Millis) -> None:
        """The journal and Kafka have said how things stand."""
        self.answered_at = now
        self._lag.set(lag)
        ages = {kind: (now - since) / 1000 for kind, since in counts.oldest.items()}
        for gauge, figures in (
            (self._waiting, counts.waiting),
            (self._asking, counts.asking),
            (self._oldest, ages),
        ):
            gauge.clear()
            for kind, figure in figures.items():
                gauge.labels(kind).set(figure)
        self._pool_left(counts.pool_left)

    def silence(self) -> Millis | None:
        """The time since Kafka answered; None if it hasn't yet."""
        return None if self.answered_at is None else self._clock() - self.answered_at

    def text(self) -> bytes:
        """The metrics in Prometheus' text format."""
        return generate_latest(self._registry)

    def _pool_left(self, left: Mapping[str, int]) -> None:
        for item, count in left.items():
            self._pool.labels(item).set(count)

    def _counter(self, name: str, meaning: str) -> Counter:
        return Counter(f"reftrail_fulfilment_{name}", meaning, ["kind"], registry=self._registry)

    def _by_kind(self, name: str, meaning: str) -> Gauge:
        return Gauge(f"reftrail_fulfilment_{name}", meaning, ["kind"], registry=self._registry)

    def _gauge(self, name: str, meaning: str) -> Gauge:
        return Gauge(f"reftrail_fulfilment_{name}", meaning, registry=self._registry)
