"""Metrics of webhooks."""

from contextlib import suppress
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from reftrail.contracts.record import Millis
from reftrail.webhooks.outbox import Waiting

_SECONDS: Final = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)


class WebhooksMetrics:
    """The host's figures, by webhook_id.

    away says of webhooks whose log can't be read now why that is, and is_begun whether the store
    was looked into.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.away: dict[str, str] = {}
        self.is_begun = False
        self.attempts = Counter(
            "reftrail_webhooks_attempts",
            "Attempts to deliver, by what came of them: delivered, again, failed.",
            ["webhook_id", "outcome"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "reftrail_webhooks_attempt_seconds",
            "Time until a receiver had answered.",
            ["webhook_id"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.unreadable = Counter(
            "reftrail_webhooks_unreadable",
            "Messages that are no records, and aren't sent.",
            ["webhook_id"],
            registry=self.registry,
        )
        self._waiting = self._gauge("waiting", "Deliveries that aren't settled.")
        self._oldest = self._gauge("oldest_seconds", "Age of the oldest delivery that waits.")
        self._log_answers = self._gauge("log_answers", "1 while its log can be read, else 0.")

    def observed(self, webhook_id: str, waiting: Waiting, now: Millis) -> None:
        """Take the figures of a webhook's outbox."""
        age = 0 if waiting.since is None else now - waiting.since
        self._waiting.labels(webhook_id).set(waiting.number)
        self._oldest.labels(webhook_id).set(age / 1000)
        self._log_answers.labels(webhook_id).set(webhook_id not in self.away)

    def forget(self, webhook_id: str) -> None:
        """Leave a webhook out that was removed."""
        self.away.pop(webhook_id, None)
        for gauge in (self._waiting, self._oldest, self._log_answers):
            with suppress(KeyError):
                gauge.remove(webhook_id)

    def text(self) -> bytes:
        """The exposition for Prometheus."""
        return generate_latest(self.registry)

    def _gauge(self, name: str, about: str) -> Gauge:
        return Gauge(f"reftrail_webhooks_{name}", about, ["webhook_id"], registry=self.registry)
