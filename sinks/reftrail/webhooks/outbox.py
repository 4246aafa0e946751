"""Deliveries of a webhook: taken in with the positions, and settled after each attempt."""

import logging
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

import sqlalchemy as sa

from reftrail.contracts.record import Millis
from reftrail.contracts.times import rfc3339
from reftrail.webhooks.model import Delivery, DeliveryState, Due, LogPlace, Message
from reftrail.webhooks.positions import put_position
from reftrail.webhooks.store import WebhookStore, add_note
from reftrail.webhooks.tables import IS_TRIED, IS_UNTRIED, deliveries, webhooks

MOST_FAILED: Final = 100_000
"""The most deliveries of a webhook that have failed and are kept; then the oldest are forgotten."""
_SHOWN: Final = 500

_log = logging.getLogger(__name__)


class Attempt(NamedTuple):
    """An attempt to deliver. due_at is when to try again; None once it is settled."""

    place: LogPlace
    is_delivered: bool
    detail: str
    due_at: Millis | None = None


class Waiting(NamedTuple):
    """The deliveries of a webhook that aren't settled, and since when the oldest of them waits."""

    number: int
    since: Millis | None


class Outbox:
    """The deliveries of one webhook."""

    def __init__(self, store: WebhookStore, webhook_id: str) -> None:
        self._store = store
        self.webhook_id = webhook_id
        self._is_own = deliveries.c.webhook_id == webhook_id

    def take_in(
        self,
        messages: Sequence[Message],
        read: Iterable[LogPlace],
        generation: int,
        now: Millis,
        missed: str | None = None,
    ) -> bool:
        """Take messages in, and note that the log was read up to these places; whether that was so.

        It isn't where the webhook was moved or removed meanwhile. A record that comes again is to
        be delivered again. missed is what the log no longer had before these places; it is kept.
        """
        with self._store.transaction() as connection:
            found = connection.execute(
                sa.select(webhooks.c.generation).where(webhooks.c.webhook_id == self.webhook_id)
            ).scalar_one_or_none()
            if found != generation:
                return False
            if missed is not None:
                add_note(connection, self.webhook_id, missed)
            for place in read:
                put_position(connection, self.webhook_id, *place)
            for message in messages:
                self._forget(connection, message.place)
                connection.execute(
                    sa.insert(deliveries).values(
                        webhook_id=self.webhook_id,
                        **message.place._asdict(),
                        message_id=message.message_id,
                        kind=message.kind,
                        body=message.body,
                        state=DeliveryState.WAITING,
                        attempts=0,
                        taken_at=now,
                        due_at=now,
                    )
                )
        return True

    def due(self, now: Millis, limit: int) -> list[Due]:
        """The deliveries to be tried now, so many that weren't tried yet, and as many others.

        Those first that wait longest, and those that weren't tried yet before the others.
        """
        with self._store.reading() as connection:
            rows = [
                row
                for is_kind in (IS_UNTRIED, IS_TRIED)
                for row in connection.execute(
                    sa.select(deliveries)
                    .where(self._is_own & is_kind & (deliveries.c.due_at <= now))
                    .order_by(deliveries.c.due_at, deliveries.c.topic, deliveries.c.offset)
                    .limit(limit)
                )
            ]
        return [
            Due(_place(row), row.message_id, row.body, row.attempts, row.taken_at) for row in rows
        ]

    def record(self, attempts: Iterable[Attempt], now: Millis) -> None:
        """Note what came of attempts. What was forgotten meanwhile stays so."""
        with self._store.transaction() as connection:
            for attempt in attempts:
                values: dict[str, Any] = {
                    "attempts": deliveries.c.attempts + 1,
                    "detail": attempt.detail[:_SHOWN],
                    "due_at": now if attempt.due_at is None else attempt.due_at,
                }
                if attempt.is_delivered:
                    values |= {"state": DeliveryState.DELIVERED, "body": None}
                elif attempt.due_at is None:
                    values["state"] = DeliveryState.FAILED
                connection.execute(
                    sa.update(deliveries).where(self._is_own & _at(attempt.place)).values(values)
                )

    def retry_failed(self, now: Millis) -> int:
        """Try all that has failed again, as if it had come in now; how many these are."""
        failed = self._is_own & (deliveries.c.state == DeliveryState.FAILED)
        with self._store.transaction() as connection:
            done = connection.execute(
                sa.update(deliveries)
                .where(failed)
                .values(state=DeliveryState.WAITING, attempts=0, taken_at=now, due_at=now)
            )
        return done.rowcount

    def waiting(self) -> Waiting:
        """How much waits."""
        with self._store.reading() as connection:
            number, since = connection.execute(
                sa.select(sa.func.count(), sa.func.min(deliveries.c.taken_at)).where(
                    self._is_own & (deliveries.c.state == DeliveryState.WAITING)
                )
            ).one()
        return Waiting(number, since)

    def listed(self, state: DeliveryState | None, limit: int) -> list[Delivery]:
        """The last deliveries, of one state or all, the latest first."""
        is_wanted = self._is_own
        if state is not None:
            is_wanted &= deliveries.c.state == state
        with self._store.reading() as connection:
            rows = connection.execute(
                sa.select(deliveries)
                .where(is_wanted)
                .order_by(deliveries.c.due_at.desc(), deliveries.c.offset.desc())
                .limit(limit)
            ).all()
        return [
            Delivery(
                _place(row),
                row.message_id,
                row.kind,
                DeliveryState(row.state),
                row.attempts,
                row.taken_at,
                row.due_at,
                row.detail,
            )
            for row in rows
        ]

    def has_room(self, untried: int, tried: int) -> bool:
        """Whether fewer deliveries than these wait, that weren't tried yet and that were."""
        with self._store.reading() as connection:
            counts = [
                connection.execute(
                    sa.select(sa.func.count()).select_from(deliveries).where(self._is_own & is_kind)
                ).scalar_one()
                for is_kind in (IS_UNTRIED, IS_TRIED)
            ]
        return counts[0] < untried and counts[1] < tried

    def forget_settled(self, before: Millis) -> None:
        """Forget what was delivered before a time, and the oldest of very many that have failed."""
        delivered = deliveries.c.state == DeliveryState.DELIVERED
        self._store.delete_deliveries(self._is_own & delivered & (deliveries.c.due_at < before))
        failed = self._is_own & (deliveries.c.state == DeliveryState.FAILED)
        with self._store.reading() as connection:
            latest = connection.execute(
                sa.select(deliveries.c.due_at)
                .where(failed)
                .order_by(deliveries.c.due_at.desc())
                .offset(MOST_FAILED)
                .limit(1)
            ).scalar_one_or_none()
        if latest is not None:
            text = f"what had failed up to {rfc3339(latest)} was forgotten: over {MOST_FAILED} had"
            _log.error("%s: %s", self.webhook_id, text)
            with self._store.transaction() as connection:
                add_note(connection, self.webhook_id, text)
            self._store.delete_deliveries(failed & (deliveries.c.due_at <= latest))

    def _forget(self, connection: sa.Connection, place: LogPlace) -> None:
        connection.execute(sa.delete(deliveries).where(self._is_own & _at(place)))


def _at(place: LogPlace) -> sa.ColumnElement[bool]:
    return (
        (deliveries.c.topic == place.topic)
        & (deliveries.c.partition == place.partition)
        & (deliveries.c.offset == place.offset)
    )


def _place(row: Any) -> LogPlace:
    return LogPlace(row.topic, row.partition, row.offset)
