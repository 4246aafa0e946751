"""The tables of the journal, a SQLite file.

`orders` has a row for each reward that was ever ordered, `pool` the codes to hand out. `read_up_to`
says how far the log of reports is known here; `installation` whose journal this is.
"""

from enum import StrEnum
from typing import Final

import sqlalchemy as sa

VERSION: Final = 1
"""Of these tables. A change adds one and a way to get there from the version before."""

METADATA: Final = sa.MetaData()


class State(StrEnum):
    """Where an order stands.

    waiting for its time, due_at; asking: somebody is being asked, or was when the process died;
    delivered and failed: settled; expired: its time was up before anybody had been asked.
    """

    WAITING = "waiting"
    ASKING = "asking"
    DELIVERED = "delivered"
    FAILED = "failed"
    EXPIRED = "expired"


orders: Final = sa.Table(
    "orders",
    METADATA,
    sa.Column("reward_id", sa.String, primary_key=True),
    # The grant's event_id, and where it stands. None and -1: known from its report alone.
    sa.Column("order_id", sa.String),
    sa.Column("partition", sa.Integer, nullable=False),
    sa.Column("offset", sa.BigInteger, nullable=False),
    sa.Column("payload", sa.LargeBinary),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("in_doubt", sa.Boolean, nullable=False),
    sa.Column("taken_at", sa.BigInteger, nullable=False),
    sa.Column("due_at", sa.BigInteger, nullable=False),
    # What Kafka is to be told, as it will stand there; told is true once it does, or when nothing
    # is to be told.
    sa.Column("report_id", sa.String),
    sa.Column("report", sa.LargeBinary),
    sa.Column("letter", sa.LargeBinary),
    sa.Column("told", sa.Boolean, nullable=False),
)
sa.Index("orders_due", orders.c.kind, orders.c.due_at, sqlite_where=orders.c.state == State.WAITING)
sa.Index("orders_open", orders.c.partition, orders.c.offset, sqlite_where=~orders.c.told)
sa.Index("orders_untold", orders.c.state, sqlite_where=~orders.c.told)

pool: Final = sa.Table(
    "pool",
    METADATA,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("code", sa.String, nullable=False, unique=True),
    sa.Column("item", sa.String, nullable=False),
    sa.Column("reward_id", sa.String, unique=True),
)
sa.Index("pool_left", pool.c.item, pool.c.number, sqlite_where=pool.c.reward_id.is_(None))

read_up_to: Final = sa.Table(
    "read_up_to",
    METADATA,
    sa.Column("partition", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("position", sa.BigInteger, nullable=False),
)

installation: Final = sa.Table(
    "installation",
    METADATA,
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("identity", sa.String),
)
