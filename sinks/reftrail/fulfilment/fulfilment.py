"""The loop: orders in, somebody asked for each, reports out.

One thread owns Kafka and writes the journal; threads of their own ask. The order in which things
become durable is what the guarantee rests on:

1. an order is in the journal;
2. the journal says that somebody is being asked for it;
3. somebody is asked, under the idempotency key reward_id;
4. the journal has the outcome, as it will be reported;
5. Kafka has the report;
6. the journal says so;
7. the group's position passes the order.

A process killed between 2 and 4 leaves an order in doubt, which the next one asks for again under
the same key. One killed between 5 and 6 finds its report in the log, since at its start each reads
the reports that came after those it knows of.
"""

import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from threading import Event
from typing import Final

from kafka.errors import KafkaError

from reftrail.contracts.decisions import DeadLettered
from reftrail.contracts.record import Millis
from reftrail.contracts.times import now
from reftrail.fulfilment.desks import Desks
from reftrail.fulfilment.journal import Journal
from reftrail.fulfilment.judgement import Again, Due, Settled, judge
from reftrail.fulfilment.log import Found, Log
from reftrail.fulfilment.metrics import Metrics
from reftrail.fulfilment.reports import letter_of_unreadable
from reftrail.fulfilment.schedule import Schedule

_POLL_MS: Final = 100
_WAIT_SECONDS: Final = 0.05
_OBSERVE_MS: Final = 1_000
_POSITIONS_MS: Final = 500
_OPEN_AT_MOST: Final = 20_000
_FINISH_SECONDS: Final = 5.0
_SHOWN: Final = 300

_log = logging.getLogger(__name__)


@dataclass
class Fulfilment:
    """Fulfils until it is told to stop. Orders of kinds without a desk are left to others."""

    connect: Callable[[], AbstractContextManager[Log]]
    journal: Journal
    desks: Desks
    schedule: Schedule
    metrics: Metrics
    clock: Callable[[], Millis] = now
    _letters: list[DeadLettered] = field(default_factory=list)
    _committed: Mapping[int, int] = field(default_factory=dict)
    _committed_at: Millis = 0
    _observed_at: Millis = 0
    _open: int = 0

    def run(self, stop: Event) -> None:
        """Fulfil; while Kafka doesn't answer, wait for it. Raises on anything unexpected."""
        if in_doubt := self.journal.resume(self.clock()):
            _log.info("%d orders are in doubt and asked for again", in_doubt)
        silences = 0
        while not stop.is_set():
            try:
                with self.connect() as log:
                    self._catch_up(log)
                    silences = 0
                    while not stop.is_set():
                        self.turn(log)
                    self._finish(log)
            except KafkaError as error:
                silences += 1
                why = str(error)[:_SHOWN]  # some errors tell of every topic there is
                _log.warning("Kafka does not answer (%s); trying again", why)
                stop.wait(min(silences, 5))
        self.desks.close()

    def turn(self, log: Log) -> None:
        """One round of everything."""
        self._take(log)
        self._judge()
        self._ask()
        self._tell(log)
        self._observe(log)

    def _catch_up(self, log: Log) -> None:
        """Learn which reports are in Kafka already."""
        self.journal.belong_to(log.identity)
        positions = self.journal.known_positions()
        for reports, known in log.reports(positions):
            if news := self.journal.read(reports, known, self.clock()):
                _log.info("learned of %d outcomes from the log", news)
        self._letters = []  # their messages will be read again
        self._committed = log.positions()

    def _take(self, log: Log) -> None:
        is_full = self._open >= _OPEN_AT_MOST
        has_waited = self.desks.is_busy or is_full
        if has_waited:  # an answer is as good a reason to go on as an order
            self.desks.wait(_WAIT_SECONDS)
        if is_full:
            return
        found = log.poll(0 if has_waited else _POLL_MS)
        ours = [taken for taken in found.orders if taken[0].kind in self.desks.kinds]
        if ours:
            self._open += self.journal.take(ours, self.clock())
        self._letters += map(letter_of_unreadable, found.unreadable)
        self._count(found)

    def _judge(self) -> None:
        now = self.clock()
        judged = [
            (due, judge(due, answer, self.schedule, now)) for due, answer in self.desks.answered()
        ]
        if judged:
            self.journal.record([verdict for _, verdict in judged])
        for due, verdict in judged:
            self._count_verdict(due, verdict)

    def _tell(self, log: Log) -> None:
        """Tell Kafka what the journal has settled, and then how far that goes."""
        now = self.clock()
        open_from = self.journal.open_from()
        positions = {
            number: open_from.get(number, read) for number, read in log.positions().items()
        }
        untold = self.journal.untold()
        has_moved = positions != self._committed and now - self._committed_at >= _POSITIONS_MS
        if untold or self._letters or has_moved:
            written = log.tell(untold, self._letters, positions)
            self._letters = []
            self._committed, self._committed_at = positions, now
            if untold:
                self.journal.told(untold, written)

    def _ask(self) -> None:
        now = self.clock()
        for kind, free in self.desks.free().items():
            begun = self.journal.begin(kind, free, now)
            self.metrics.expired.labels(kind).inc(len(begun.expired))
            for due in begun.due:
                self.desks.ask(due)

    def _observe(self, log: Log) -> None:
        now = self.clock()
        if now - self._observed_at < _OBSERVE_MS:
            return
        ends, counts = log.ends(), self.journal.counts()
        lag = sum(max(0, end - self._committed.get(number, 0)) for number, end in ends.items())
        self._open = counts.waiting + counts.asking
        self.metrics.observed(counts, lag, now)
        self._observed_at = now

    def _finish(self, log: Log) -> None:
        """Give those who were asked a little time to answer; for the others there's a next time."""
        self.desks.wait(_FINISH_SECONDS, for_all=True)
        self._judge()
        self._tell(log)
        self._tell(log)  # the position that follows from it

    def _count(self, found: Found) -> None:
        for order, _ in found.orders:
            if order.kind not in self.desks.kinds:
                self.metrics.left.labels(order.kind).inc()
        for message in found.unreadable:
            self.metrics.unreadable.inc()
            _log.warning("order at %s can't be read: %s", message.place, message.detail)

    def _count_verdict(self, due: Due, verdict: Settled | Again) -> None:
        kind = due.order.kind
        match verdict:
            case Settled(report, None):
                self.metrics.fulfilled.labels(kind).inc()
            case Settled(report, _):
                self.metrics.failed.labels(kind).inc()
                _log.warning("%s %s failed: %s", kind, report.reward_id, report.detail)
            case Again():
                self.metrics.retries.labels(kind).inc()
