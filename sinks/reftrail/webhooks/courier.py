"""Courier of one webhook: a thread that reads the log for it, and one that sends.

They meet in the store alone. Neither knows of other webhooks, so that a receiver that is slow or
dead holds up nobody else. What waits for it is bounded: then the log isn't read on, and keeps the
rest.
"""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Final

from kafka.errors import KafkaError

from reftrail.contracts.errors import ExpectedError, NewerVersionNeeded
from reftrail.contracts.installation import Installation
from reftrail.contracts.record import DAY, Millis
from reftrail.hosting.schedule import Schedule
from reftrail.webhooks.database import StoreBusy
from reftrail.webhooks.log import WebhookLog
from reftrail.webhooks.metrics import WebhooksMetrics
from reftrail.webhooks.model import Due, Webhook
from reftrail.webhooks.outbox import Attempt, Outbox
from reftrail.webhooks.sender import Answer, Sender
from reftrail.webhooks.store import WebhookStore

MOST_WAITING: Final = 1_000
"""The most deliveries of a webhook that weren't tried; then the log isn't read on for it."""
MOST_RETRIED: Final = 10_000
"""The most that were tried and wait to be again; then the log isn't read on, either."""
_PAUSE_SECONDS: Final = 0.2
_RECONNECT_SECONDS: Final = 1.0
_OBSERVE_MS: Final[Millis] = 1_000
_FORGET_MS: Final[Millis] = 3_600_000
_FINISH_SECONDS: Final = 3.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Means:
    """The means of all couriers. What was delivered is listed for keep_days."""

    installation: Installation
    store: WebhookStore
    sender: Sender
    schedule: Schedule
    metrics: WebhooksMetrics
    clock: Callable[[], Millis]
    concurrency: int
    keep_days: int


class Courier:
    """The two loops of a webhook; both end when stop is set, or the webhook was removed."""

    def __init__(self, means: Means, webhook_id: str, stop: threading.Event) -> None:
        self.webhook_id = webhook_id
        self._means = means
        self._outbox = Outbox(means.store, webhook_id)
        self._stop = stop
        self._observed_at = self._forgot_at = 0
        self._unrecorded: list[Attempt] = []
        self._said = ""
        means.metrics.away[webhook_id] = "its log wasn't read yet"

    def read(self) -> None:
        """Read the log, and go on anew whenever that fails."""
        while not self._stop.is_set():
            try:
                if self._webhook() is None:
                    break
                self._read_on()
            except NewerVersionNeeded:
                raise
            except StoreBusy as error:
                self._pause_after(error)
            except (KafkaError, ExpectedError) as error:
                is_known = isinstance(error, ExpectedError)
                said = str(error) if is_known else f"Kafka doesn't answer: {error!r}"
                self._means.metrics.away[self.webhook_id] = said
                self._pause_after(error)
        self._means.metrics.forget(self.webhook_id)

    def send(self) -> None:
        """Send what is due, several at the same time."""
        means = self._means
        sent: dict[Future[Answer], Due] = {}
        pool = ThreadPoolExecutor(means.concurrency, f"send {self.webhook_id}")
        while not self._stop.is_set():
            try:
                if (webhook := self._webhook()) is None:
                    break
                self._send_on(pool, webhook, sent)
            except StoreBusy as error:
                self._pause_after(error)
        wait(sent, _FINISH_SECONDS)
        try:
            self._settle(sent)
        except StoreBusy as error:
            _log.warning("%s: sent, and will be sent again: %s", self.webhook_id, error)
        pool.shutdown(wait=False, cancel_futures=True)

    def _send_on(
        self, pool: ThreadPoolExecutor, webhook: Webhook, sent: dict[Future[Answer], Due]
    ) -> None:
        """Send what is due next, and note the answers that have come."""
        self._record()
        for due in self._next(sent):
            sent[pool.submit(self._timed, webhook, due)] = due
        self._wait(sent, _PAUSE_SECONDS)
        self._settle(sent)
        self._look_after()

    def _next(self, sent: dict[Future[Answer], Due]) -> list[Due]:
        """What is sent next. What failed before gets half of the requests, else what others leave.

        So neither holds up the other, though each may be a lot.
        """
        most = self._means.concurrency
        under_way = {due.place for due in sent.values()}
        found = self._outbox.due(self._means.clock(), most + len(sent))
        found = [due for due in found if due.place not in under_way]
        untried = [due for due in found if not due.attempts]
        tried = [due for due in found if due.attempts]
        first = max(0, most // 2 - sum(due.attempts > 0 for due in sent.values()))
        return [*tried[:first], *untried, *tried[first:]][: most - len(sent)]

    def _pause_after(self, error: Exception) -> None:
        """Say what went wrong, unless it was the same before, and wait a little."""
        said = repr(error)
        if said != self._said:
            self._said = said
            _log.warning("%s: will be tried again: %s", self.webhook_id, said)
        self._stop.wait(_RECONNECT_SECONDS)

    def _read_on(self) -> None:
        log = WebhookLog(self._means.installation)
        try:
            while (webhook := self._webhook()) is not None and not self._stop.is_set():
                self._begin(log, webhook)
                while not self._stop.is_set() and self._take(log, webhook.generation):
                    self._means.metrics.away.pop(self.webhook_id, None)
                    self._said = ""
        finally:
            log.close()

    def _begin(self, log: WebhookLog, webhook: Webhook) -> None:
        """Go on where the store says; what is missing there is reported, and left out."""
        positions = self._means.store.positions(webhook.webhook_id)
        changed, missed = log.go_on(webhook.topics, positions)
        text, now = "; ".join(missed), self._means.clock()
        if missed and self._outbox.take_in([], changed, webhook.generation, now, text):
            _log.error("%s has missed records: %s", webhook.webhook_id, text)

    def _take(self, log: WebhookLog, generation: int) -> bool:
        """Take the next records in; False once the webhook was moved or removed."""
        if not self._outbox.has_room(MOST_WAITING, MOST_RETRIED):
            self._stop.wait(_PAUSE_SECONDS)
            return self._is_at(generation)
        found = log.read()
        if found.unreadable:
            self._means.metrics.unreadable.labels(self.webhook_id).inc(found.unreadable)
        if not found.read:
            return self._is_at(generation)
        return self._outbox.take_in(found.messages, found.read, generation, self._means.clock())

    def _is_at(self, generation: int) -> bool:
        webhook = self._webhook()
        return webhook is not None and webhook.generation == generation

    def _webhook(self) -> Webhook | None:
        """The webhook as it is now; None if it was removed."""
        return self._means.store.get(self.webhook_id, self._means.clock())

    def _timed(self, webhook: Webhook, due: Due) -> Answer:
        with self._means.metrics.seconds.labels(webhook.webhook_id).time():
            return self._means.sender.send(webhook, due)

    def _wait(self, sent: dict[Future[Answer], Due], seconds: float) -> None:
        if sent:
            wait(sent, seconds, FIRST_COMPLETED)
        else:
            self._stop.wait(seconds)

    def _settle(self, sent: dict[Future[Answer], Due]) -> None:
        """Note the answers that have come. An error of our own is raised."""
        now = self._means.clock()
        done = [future for future in sent if future.done()]
        self._unrecorded += [
            self._attempt(sent.pop(future), future.result(), now) for future in done
        ]
        self._record()

    def _record(self) -> None:
        """Note what came of attempts; what can't be noted yet is kept."""
        if self._unrecorded:
            self._outbox.record(self._unrecorded, self._means.clock())
            self._unrecorded = []

    def _attempt(self, due: Due, answer: Answer, now: Millis) -> Attempt:
        schedule, outcome = self._means.schedule, "delivered"
        due_at: Millis | None = None
        if not answer.is_delivered and schedule.is_over(due.taken_at, now):
            outcome = "failed"
            _log.error(
                "%s: %s/%d at %d has failed for good: %s",
                self.webhook_id,
                *due.place,
                answer.detail,
            )
        elif not answer.is_delivered:
            outcome = "again"
            due_at = now + schedule.delay(due.attempts + 1, answer.retry_after)
        self._means.metrics.attempts.labels(self.webhook_id, outcome).inc()
        return Attempt(due.place, answer.is_delivered, answer.detail, due_at)

    def _look_after(self) -> None:
        """Observe what waits, and forget what was settled long ago."""
        now = self._means.clock()
        if now - self._observed_at >= _OBSERVE_MS:
            self._observed_at = now
            self._means.metrics.observed(self.webhook_id, self._outbox.waiting(), now)
        if now - self._forgot_at >= _FORGET_MS:
            self._forgot_at = now
            self._outbox.forget_settled(now - self._means.keep_days * DAY)
