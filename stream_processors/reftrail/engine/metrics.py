"""Metrics of a worker, for Prometheus."""

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

if TYPE_CHECKING:
    from reftrail.engine.outcome import Outcome

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
_RECORDS = (1, 10, 100, 1_000, 5_000, 10_000, 20_000, 50_000)


class WorkerMetrics:
    """All series of one worker, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        labels = ("stage",)
        self.records = self._counter("records", "Records read.", labels)
        self.decided = self._counter("decided", "Records that the decider was asked about.", labels)
        self.dead = self._counter(
            "dead_letters", "Records put into the dead letters.", ("stage", "reason")
        )
        self.written = self._counter("written", "Records written.", labels)
        self.batch_records = self._histogram(
            "batch_records", "Records in a batch.", _RECORDS, labels
        )
        self.deciding = self._histogram("deciding_seconds", "Deciding a batch.", _SECONDS, labels)
        self.committing = self._histogram(
            "committing_seconds", "Committing what the stages of a partition decided.", _SECONDS
        )
        self.restored = self._counter("restored", "State changes read back on assignment.", ())
        self.followed = self._counter("followed", "State changes read as a standby.", ())
        self.restore_seconds = Gauge(
            "reftrail_worker_restore_seconds",
            "How long the last assignment took until work went on.",
            registry=self.registry,
        )
        self.rebalances = self._counter("rebalances", "Assignments taken over.", ())
        self.lag = Gauge(
            "reftrail_worker_lag",
            "Records not yet processed.",
            ("stage", "partition"),
            registry=self.registry,
        )
        self.keys = Gauge(
            "reftrail_worker_state_keys",
            "Keys whose state is held.",
            ("stage", "partition"),
            registry=self.registry,
        )

        self.standbys = Gauge(
            "reftrail_worker_standby_partitions",
            "Partitions whose state is kept up to date while another worker owns them.",
            registry=self.registry,
        )
        self.standby_lag = Gauge(
            "reftrail_worker_standby_lag",
            "Messages of a partition's changelogs that are committed and not yet in its standby.",
            ("partition",),
            registry=self.registry,
        )

    def stage(self, name: str) -> "StageMetrics":
        """The series of one stage."""
        return StageMetrics(self, name)

    def _counter(self, name: str, text: str, labels: tuple[str, ...]) -> Counter:
        return Counter(f"reftrail_worker_{name}", text, labels, registry=self.registry)

    def _histogram(
        self, name: str, text: str, buckets: tuple[float, ...], labels: tuple[str, ...] = ()
    ) -> Histogram:
        return Histogram(
            f"reftrail_worker_{name}", text, labels, buckets=buckets, registry=self.registry
        )


class StageMetrics:
    """The series of one stage."""

    def __init__(self, worker: WorkerMetrics, name: str) -> None:
        self._records = worker.records.labels(name)
        self._decided = worker.decided.labels(name)
        self._name, self._dead = name, worker.dead
        self._written = worker.written.labels(name)
        self._batch_records = worker.batch_records.labels(name)
        self._deciding = worker.deciding.labels(name)

    def batch(self, *, records: int, outcome: "Outcome", deciding: float) -> None:
        """Count one batch; deciding in seconds."""
        self._records.inc(records)
        self._decided.inc(outcome.decided)
        for reason, count in outcome.dead.items():
            self._dead.labels(self._name, reason).inc(count)
        self._written.inc(sum(map(len, outcome.messages.values())))
        self._batch_records.observe(records)
        self._deciding.observe(deciding)
