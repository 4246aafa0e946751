"""Loop of fulfilment: orders in, a request to a partner for each, reports out.

One thread owns Kafka and writes the journal; threads of their own ask. The order in which things
become durable is what the guarantee rests on:

1. an order is in the journal;
2. the journal says that somebody is being asked for it;
3. somebody is asked, under the idempotency key reward_id;
4. the journal has the outcome, as it will be reported;
5. Kafka has the report;
6. the journal says so;
7. the group's position passes the order.

An order is asked for once the log has been read to where it ended after the order came in, so that
a withdrawal that was written by then is known.

A process killed between 2 and 4 leaves an order in doubt, which the next one asks for again under
the same key. One killed between 5 and 6 finds its report in the log, since at its start each reads
the reports that came after those it knows of.
"""

import logging
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from threading import Event
from typing import Final

from kafka.errors import KafkaError

from reftrail.contracts.decisions import DeadLettered
from reftrail.contracts.record import Millis
from reftrail.contracts.times import now
from reftrail.fulfilment.journal import Journal
from reftrail.fulfilment.log import FoundOrders, FulfilmentLog
from reftrail.fulfilment.metrics import FulfilmentMetrics
from reftrail.fulfilment.order_positions import resumable
from reftrail.fulfilment.outcomes import Again, Due, Settled, judge
from reftrail.fulfilment.reports import letter_of_unreadable
from reftrail.fulfilment.workers import FulfilmentWorkers
from reftrail.hosting.schedule import Schedule

_POLL_MS: Final = 100
_WAIT_SECONDS: Final = 0.05
_OBSERVE_MS: Final = 1_000
_POSITIONS_MS: Final = 500
_FINISH_SECONDS: Final = 5.0
_LEAVE_SECONDS: Final = 1.0
_SHOWN: Final = 300

_log = logging.getLogger(__name__)


def _nothing(own: Collection[int], partitions: int) -> None:
    """Nothing to share."""


@dataclass
class Fulfilment:
    """Fulfils until it is asked to stop. Orders of kinds without workers are left to others.

    share hears which partitions of how many are this process's own.
    """

    connect: Callable[[], AbstractContextManager[FulfilmentLog]]
    journal: Journal
    workers: FulfilmentWorkers
    schedule: Schedule
    metrics: FulfilmentMetrics
    clock: Callable[[], Millis] = now
    share: Callable[[Collection[int], int], None] = _nothing
    _letters: list[DeadLettered] = field(default_factory=list)
    _committed: Mapping[int, int] = field(default_factory=dict)
    _committed_at: Millis = 0
    _observed_at: Millis = 0
    _log: FulfilmentLog | None = None
    _to_check: Mapping[int, int] | None = None
    _checking_at: Millis = 0
    _checked_at: Millis | None = None
    _unchecked: bool = True
    _owns: bool = False

    def run(self, stop: Event) -> None:
        """Fulfil; while Kafka doesn't answer, wait for it. Raises on anything unexpected."""
        if in_doubt := self.journal.resume(self.clock()):
            _log.info("%d orders are in doubt and asked for again", in_doubt)
        silences = 0
        while not stop.is_set():
            try:
                with self.connect() as log:
                    self._begin(log)
                    silences = 0
                    while not stop.is_set():
                        self.turn(log)
                    self._finish(log)
            except KafkaError as error:
                silences += 1
                why = str(error)[:_SHOWN]  # some errors name every topic there is
                _log.warning("Kafka does not answer as it should (%s); trying again", why)
                stop.wait(min(silences, 5))
        self.workers.close()

    def turn(self, log: FulfilmentLog) -> None:
        """One round of everything."""
        self._take(log)
        self._judge()
        if self._owns:
            self._ask()
            self._write_reports(log)
        self._observe(log)

    def _begin(self, log: FulfilmentLog) -> None:
        self.journal.belong_to(log.identity)
        self._log = log
        self._letters = []  # their messages will be read again
        self._committed, self._owns = {}, False
        log.join(self)

    def losing(self) -> None:
        """See `log.Owner`: report what is settled. Who is still being asked may be asked again."""
        assert self._log is not None
        self.workers.wait(_LEAVE_SECONDS, for_all=True)
        self._judge()
        self._write_reports(self._log)
        self._write_reports(self._log)  # the position that follows from it
        self._owns = False

    def gained(self, positions: Mapping[int, int]) -> None:
        """See `log.Owner`: learn what former owners of the partitions have reported."""
        assert self._log is not None
        self._letters = [letter for letter in self._letters if letter.partition in positions]
        for reports, known in self._log.reports(self.journal.known_positions()):
            if news := self.journal.read(reports, known, self.clock()):
                _log.info("read %d outcomes from the log", news)
        self.journal.pass_by(positions)
        self._committed = positions
        self._checked_at, self._to_check = None, None
        self._unchecked, self._owns = True, True
        self.share(positions, self._log.partitions)
        self.metrics.own.set(len(positions))

    def _take(self, log: FulfilmentLog) -> None:
        """Take in all orders, even if a partner is slow: what waits is in the journal, by kind."""
        has_waited = self.workers.is_busy
        if has_waited:  # an answer is as good a reason to go on as an order
            self.workers.wait(_WAIT_SECONDS)
        found = log.poll(0 if has_waited else _POLL_MS)
        ours = [taken for taken in found.orders if taken[0].kind in self.workers.kinds]
        if ours or found.withdrawals:
            self.journal.take_in(ours, found.withdrawals, self.clock())
        self._unchecked = self._unchecked or bool(ours)
        self._letters += map(letter_of_unreadable, found.unreadable)
        self._count(found)
        self._check(log)

    def _check(self, log: FulfilmentLog) -> None:
        """Note up to when orders came in whose withdrawals would be known by now."""
        if self._to_check is None and self._unchecked:
            self._to_check, self._checking_at = log.ends(), self.clock()
            self._unchecked = False
        if self._to_check is None:
            return
        positions = log.positions()
        if all(positions.get(number, end) >= end for number, end in self._to_check.items()):
            self._to_check, self._checked_at = None, self._checking_at

    def _judge(self) -> None:
        now = self.clock()
        judged = [
            (due, judge(due, answer, self.schedule, now)) for due, answer in self.workers.answered()
        ]
        if judged:
            self.journal.record([verdict for _, verdict in judged])
        for due, verdict in judged:
            self._count_verdict(due, verdict)

    def _write_reports(self, log: FulfilmentLog) -> None:
        """Tell Kafka what the journal has settled, and then how far that goes."""
        now = self.clock()
        read = log.positions()
        positions = resumable(read, self.journal.open_from(read))
        unreported = self.journal.unreported(partitions=read)
        has_moved = positions != self._committed and now - self._committed_at >= _POSITIONS_MS
        if unreported or self._letters or (has_moved and positions):
            written = log.write_reports(unreported, self._letters, positions)
            self._letters = []
            self._committed, self._committed_at = positions, now
            if unreported:
                self.journal.note_reported(unreported, written)

    def _ask(self) -> None:
        now, until = self.clock(), self._checked_at
        if until is None:
            return
        for kind, free in self.workers.free().items():
            begun = self.journal.begin(kind, free, now, self._committed, until)
            self.metrics.expired.labels(kind).inc(len(begun.expired))
            self.metrics.withdrawn.labels(kind).inc(len(begun.withdrawn))
            for due in begun.due:
                self.workers.ask(due)

    def _observe(self, log: FulfilmentLog) -> None:
        now = self.clock()
        if now - self._observed_at < _OBSERVE_MS:
            return
        ends, counts = log.ends(), self.journal.counts()
        lag = sum(max(0, end - self._committed.get(number, 0)) for number, end in ends.items())
        self.metrics.observed(counts, lag, now)
        self._observed_at = now

    def _finish(self, log: FulfilmentLog) -> None:
        """Give those who were asked a little time to answer; for the others there's a next time."""
        self.workers.wait(_FINISH_SECONDS, for_all=True)
        self._judge()
        if self._owns:
            self._write_reports(log)
            self._write_reports(log)  # the position that follows from it

    def _count(self, found: FoundOrders) -> None:
        for order, _ in found.orders:
            if order.kind not in self.workers.kinds:
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
