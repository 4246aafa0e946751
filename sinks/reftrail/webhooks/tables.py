"""Tables of the store of webhooks."""

from typing import Final

import sqlalchemy as sa

from reftrail.webhooks.model import DeliveryState

VERSION: Final = 1
METADATA: Final = sa.MetaData()

webhooks: Final = sa.Table(
    "webhooks",
    METADATA,
    sa.Column("webhook_id", sa.String, primary_key=True),
    sa.Column("url", sa.String, nullable=False),
    sa.Column("topics", sa.String, nullable=False),
    sa.Column("key_number", sa.Integer, nullable=False),
    sa.Column("secret", sa.String, nullable=False),
    # The secret before it, which signs too until then.
    sa.Column("previous_secret", sa.String),
    sa.Column("previous_until", sa.BigInteger),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("generation", sa.Integer, nullable=False),
    sa.Column("note", sa.String),
)

positions: Final = sa.Table(
    "positions",
    METADATA,
    sa.Column("webhook_id", sa.String, primary_key=True),
    sa.Column("topic", sa.String, primary_key=True),
    sa.Column("partition", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("offset", sa.BigInteger, nullable=False),
)

deliveries: Final = sa.Table(
    "deliveries",
    METADATA,
    sa.Column("webhook_id", sa.String, primary_key=True),
    sa.Column("topic", sa.String, primary_key=True),
    sa.Column("partition", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("offset", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("message_id", sa.String, nullable=False),
    sa.Column("kind", sa.String, nullable=False),
    # None once it is delivered: a replay reads it from the log again.
    sa.Column("body", sa.String),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("taken_at", sa.BigInteger, nullable=False),
    sa.Column("due_at", sa.BigInteger, nullable=False),
    sa.Column("detail", sa.String),
)
sa.Index("deliveries_listed", deliveries.c.webhook_id, deliveries.c.state, deliveries.c.due_at)

_WAITING: Final = deliveries.c.state == DeliveryState.WAITING
IS_UNTRIED: Final = _WAITING & (deliveries.c.attempts == 0)
IS_TRIED: Final = _WAITING & (deliveries.c.attempts > 0)

installed: Final = sa.Table("installed", METADATA, sa.Column("version", sa.Integer, nullable=False))
