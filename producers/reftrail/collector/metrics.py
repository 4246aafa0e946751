"""Metrics of the collector."""

from collections import Counter as Counted
from collections.abc import Callable, Iterable, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from reftrail.collector.interfaces import Backlog
from reftrail.contracts.record import SECOND
from reftrail.contracts.times import now
from reftrail.edge.field_formats import EXPECTED
from reftrail.edge.rejections import Rejection

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class CollectorMetrics:
    """One set of metrics in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._request_seconds: dict[tuple[str, int], Histogram] = {}
        self._accepted: dict[str, Counter] = {}
        self.accepted = Counter(
            "reftrail_collector_events_accepted",
            "Events that Kafka has acknowledged, or that are in the spool.",
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
        self.limited = Counter(
            "reftrail_collector_requests_limited",
            "Requests with events or wrong keys answered with 429, and links not counted as "
            "clicks, by what asked too often (key, address).",
            ["scope"],
            registry=self.registry,
        )
        self.answering = 0
        """Requests being worked on."""
        Gauge(
            "reftrail_collector_requests_in_flight",
            "Requests being worked on.",
            registry=self.registry,
        ).set_function(lambda: self.answering)
        self.folded = Counter(
            "reftrail_collector_values_folded",
            "Values of publishable keys that became `other`, the key having brought too many that "
            "day, by dimension.",
            ["dimension"],
            registry=self.registry,
        )
        self.codes_not_for_key = Counter(
            "reftrail_collector_codes_not_for_key",
            "Events whose code was left out, being of no campaign of their publishable key.",
            registry=self.registry,
        )
        self.owners_unknown = Gauge(
            "reftrail_collector_owners_of_unknown_hash_keys",
            "Codes whose owners' signals are under a hash key that is neither the present nor the "
            "former one: their owners are recognised by user id alone.",
            registry=self.registry,
        )
        self.renewals = Counter(
            "reftrail_collector_owner_renewals",
            "Codes whose owners' signals were hashed anew under the present key, by outcome "
            "(renewed, failed, put_off to a later event).",
            ["outcome"],
            registry=self.registry,
        )
        self.clicks = Counter(
            "reftrail_collector_redirect_clicks",
            "Visits of /r/{code}: acknowledged by Kafka, lost (not acknowledged in time), or "
            "ignored (HEAD, prefetch, bot, loaded by a page, too many of one address).",
            ["outcome"],
            registry=self.registry,
        )
        self.deliveries = Counter(
            "reftrail_collector_deliveries",
            "Webhooks of connectors by outcome: taken, rejected (some event of it), nothing (to be "
            "done), unknown (its topic), unreadable, unsigned, unavailable.",
            ["connector", "outcome"],
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
        self.spooled = self._counter("spooled", "Events that were written to the spool.")
        self.replayed = self._counter("spool_replayed", "Events of the spool that Kafka has now.")
        self.spool_refused = self._counter(
            "spool_refused", "Events answered with 503: the spool was full, or not to be written."
        )
        self.codes_known = Gauge(
            "reftrail_collector_codes",
            "Codes in the table.",
            registry=self.registry,
        )
        self.codes_undecodable = Counter(
            "reftrail_collector_codes_undecodable",
            "Messages on the topics of codes and their formats that were skipped: no record.",
            registry=self.registry,
        )
        self.keys_undecodable = Counter(
            "reftrail_collector_keys_undecodable",
            "Messages on the topic of API keys that were skipped: no record.",
            registry=self.registry,
        )
        self.adjustments_undecodable = Counter(
            "reftrail_collector_adjustments_undecodable",
            "Messages on the topic of adjustments that were skipped: no record.",
            registry=self.registry,
        )
        self.matches = Counter(
            "reftrail_collector_matches",
            "Apps that asked by which click they were installed, by outcome: click (shown by the "
            "app), referrer (the store's), guess, none, forged, too_old, taken (by another "
            "install), other_campaign, several (candidates); or click_lost, before any app asked.",
            ["outcome"],
            registry=self.registry,
        )
        self.clicks_forgotten = Counter(
            "reftrail_collector_clicks_forgotten",
            "Clicks on phones that were forgotten within their hour, since there were too many.",
            registry=self.registry,
        )
        self.matches_undecodable = Counter(
            "reftrail_collector_matches_undecodable",
            "Messages on the topics of clicks and installs that were skipped: no record.",
            registry=self.registry,
        )

    def request_seconds(self, route: str, status: int) -> Histogram:
        """The histogram of requests of a route with a status."""
        found = self._request_seconds.get((route, status))
        if found is None:  # prometheus_client takes a lock and makes texts for each asking
            found = self._request_seconds[route, status] = self.requests.labels(route, status)
        return found

    def count_accepted(self, types: Sequence[str]) -> None:
        """Count accepted events, by their types."""
        for kind, count in Counted(types).items():
            self._accepted_of(kind).inc(count)

    def count_one_accepted(self, kind: str) -> None:
        """Count an accepted event of a type."""
        self._accepted_of(kind).inc()

    def _accepted_of(self, kind: str) -> Counter:
        found = self._accepted.get(kind)
        if found is None:
            found = self._accepted[kind] = self.accepted.labels(kind)
        return found

    def _counter(self, name: str, meaning: str) -> Counter:
        return Counter(f"reftrail_collector_{name}", meaning, registry=self.registry)

    def watch_spool(self, backlog: Callable[[], Backlog]) -> None:
        """Add gauges of what is in the spool."""

        def gauge(name: str, meaning: str, of: Callable[[Backlog], float]) -> None:
            made = Gauge(f"reftrail_collector_spool_{name}", meaning, registry=self.registry)
            made.set_function(lambda: of(backlog()))

        gauge("events", "Events that are on this collector's disk alone.", lambda held: held.events)
        gauge("bytes", "Bytes of these events.", lambda held: held.bytes)
        gauge(
            "oldest_seconds",
            "Seconds for which the first of these events has waited; 0 without any.",
            lambda held: 0.0 if held.oldest is None else max(0, now() - held.oldest) / SECOND,
        )

    def count_renewal(self, outcome: str) -> None:
        """Count a renewal of an owner's hashes."""
        self.renewals.labels(outcome).inc()

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
