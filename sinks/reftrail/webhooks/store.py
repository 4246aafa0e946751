"""Store of webhooks: their addresses and secrets, how far each has read, and what it has to send.

What was read of the log and how far are one transaction, so that a record is either still to be
read or to be sent, wherever a process is killed.
"""

import secrets
import time
from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import uuid4

import sqlalchemy as sa

from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.record import Millis
from reftrail.contracts.times import rfc3339
from reftrail.webhooks.database import Database
from reftrail.webhooks.model import SigningKey, Webhook
from reftrail.webhooks.positions import positions_of, put_positions
from reftrail.webhooks.tables import deliveries, positions, webhooks

MOST_WEBHOOKS: Final = 100
_SECRET_BYTES: Final = 32
_DELETED_AT_ONCE: Final = 5_000
_BETWEEN_SECONDS: Final = 0.05
_NOTED: Final = 10_000


class WebhookStore(Database):
    """The webhooks of one file. Open it with `WebhookStore.open`."""

    def add(
        self, url: str, topics: Sequence[str], begin: Mapping[tuple[str, int], int], now: Millis
    ) -> Webhook:
        """A new webhook that reads from these positions. Raises `ExpectedError` if there are many.

        A partition that isn't among them is read from its beginning.
        """
        webhook_id = f"wh_{uuid4().hex[:12]}"
        with self.transaction() as connection:
            count = connection.execute(
                sa.select(sa.func.count()).select_from(webhooks)
            ).scalar_one()
            if count >= MOST_WEBHOOKS:
                raise ExpectedError(
                    f"there are {count} webhooks, and no more than {MOST_WEBHOOKS} at once; remove "
                    f"one with: reftrail webhooks remove ID"
                )
            row = {
                "webhook_id": webhook_id,
                "url": url,
                "topics": ",".join(topics),
                "key_number": 1,
                "secret": _new_secret(),
                "created_at": now,
                "generation": 0,
            }
            connection.execute(sa.insert(webhooks).values(row))
            put_positions(connection, webhook_id, begin)
        return self.find(webhook_id, now)

    def all(self, now: Millis) -> list[Webhook]:
        """All webhooks, the oldest first, with the keys that sign now."""
        with self.reading() as connection:
            order = (webhooks.c.created_at, webhooks.c.webhook_id)
            rows = connection.execute(sa.select(webhooks).order_by(*order)).all()
        return [_webhook(row, now) for row in rows]

    def find(self, webhook_id: str, now: Millis) -> Webhook:
        """A webhook. Raises `ExpectedError` if there is none of this id."""
        with self.reading() as connection:
            return _webhook(_row(connection, webhook_id), now)

    def get(self, webhook_id: str, now: Millis) -> Webhook | None:
        """A webhook, or None."""
        with self.reading() as connection:
            row = _row_or_none(connection, webhook_id)
        return None if row is None else _webhook(row, now)

    def remove(self, webhook_id: str) -> None:
        """Forget a webhook with its deliveries. Raises `ExpectedError` if there is none.

        It is gone at once; its deliveries go piece by piece, since there may be millions, and
        others write meanwhile.
        """
        with self.transaction() as connection:
            _row(connection, webhook_id)
            for table in (webhooks, positions):
                connection.execute(sa.delete(table).where(table.c.webhook_id == webhook_id))
        self.delete_deliveries(deliveries.c.webhook_id == webhook_id)

    def finish_removing(self) -> None:
        """Forget the deliveries of webhooks whose removal was interrupted."""
        with self.reading() as connection:
            known = sa.select(webhooks.c.webhook_id)
            found = sa.select(deliveries.c.webhook_id).distinct()
            ids = connection.execute(sa.except_(found, known)).scalars().all()
        for webhook_id in ids:
            self.delete_deliveries(deliveries.c.webhook_id == webhook_id)

    def delete_deliveries(self, which: sa.ColumnElement[bool]) -> None:
        """Delete deliveries, some thousands in a transaction, with time for others between."""
        row_id: sa.ColumnElement[int] = sa.literal_column("rowid")
        some = sa.select(row_id).select_from(deliveries).where(which).limit(_DELETED_AT_ONCE)
        while True:
            with self.transaction() as connection:
                done = connection.execute(sa.delete(deliveries).where(row_id.in_(some)))
            if done.rowcount < _DELETED_AT_ONCE:
                return
            time.sleep(_BETWEEN_SECONDS)

    def rotate(
        self, webhook_id: str, overlap: Millis, now: Millis, *, force: bool = False
    ) -> Webhook:
        """Give a webhook another secret; the one before signs beside it for a while.

        Raises `ExpectedError` if there is no such webhook, or if another secret still signs as it
        was promised; unless it is forced: then that one ends.
        """
        with self.transaction() as connection:
            row = _row(connection, webhook_id)
            keys = _webhook(row, now).keys
            if len(keys) > 1 and not force:
                raise ExpectedError(
                    f"{webhook_id} was rotated before, and {keys[1].key_id} signs until "
                    f"{rfc3339(row.previous_until)}; wait for that, or end it now with --force"
                )
            connection.execute(
                sa.update(webhooks)
                .where(webhooks.c.webhook_id == webhook_id)
                .values(
                    key_number=row.key_number + 1,
                    secret=_new_secret(),
                    previous_secret=row.secret,
                    previous_until=now + overlap,
                )
            )
        return self.find(webhook_id, now)

    def move_back(
        self, webhook_id: str, begin: Mapping[tuple[str, int], int]
    ) -> dict[tuple[str, int], int]:
        """Let a webhook read on from earlier positions; where it reads on in these partitions.

        It stays where it is in a partition that it hasn't read so far: what lies between would
        never be sent. Raises `ExpectedError` if there is no such webhook.
        """
        with self.transaction() as connection:
            row = _row(connection, webhook_id)
            present = positions_of(connection, webhook_id)
            taken = {at: min(offset, present.get(at, 0)) for at, offset in begin.items()}
            put_positions(connection, webhook_id, taken)
            connection.execute(
                sa.update(webhooks)
                .where(webhooks.c.webhook_id == webhook_id)
                .values(generation=row.generation + 1)
            )
        return taken

    def positions(self, webhook_id: str) -> dict[tuple[str, int], int]:
        """The offset of the next record to be read, by topic and partition."""
        with self.reading() as connection:
            return positions_of(connection, webhook_id)


def _new_secret() -> str:
    """A secret as https://www.standardwebhooks.com has it."""
    return f"whsec_{b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()}"


def _row_or_none(connection: sa.Connection, webhook_id: str) -> Any:
    query = sa.select(webhooks).where(webhooks.c.webhook_id == webhook_id)
    return connection.execute(query).one_or_none()


def _row(connection: sa.Connection, webhook_id: str) -> Any:
    row = _row_or_none(connection, webhook_id)
    if row is None:
        raise ExpectedError(f"there is no webhook {webhook_id}; see: reftrail webhooks list")
    return row


def add_note(connection: sa.Connection, webhook_id: str, text: str) -> None:
    """Keep what a webhook has missed, after what it had missed before, for its list."""
    noted = sa.func.coalesce(webhooks.c.note + "; ", "") + text
    connection.execute(
        sa.update(webhooks)
        .where(webhooks.c.webhook_id == webhook_id)
        .values(note=sa.func.substr(noted, -_NOTED))
    )


def _webhook(row: Any, now: Millis) -> Webhook:
    keys = [SigningKey(f"k{row.key_number}", row.secret)]
    if row.previous_secret is not None and now < row.previous_until:
        keys.append(SigningKey(f"k{row.key_number - 1}", row.previous_secret))
    return Webhook(
        webhook_id=row.webhook_id,
        url=row.url,
        topics=tuple(row.topics.split(",")),
        keys=tuple(keys),
        created_at=row.created_at,
        generation=row.generation,
        note=row.note,
    )
