"""Tables of the journal, a SQLite file.

`orders` has a row for each reward that was ever ordered, `pool` the codes to hand out. `read_up_to`
says how far the log of reports is known here; `installation` whose journal this is.
"""

from enum import StrEnum
from typing import Final

import sqlalchemy as sa

VERSION: Final = 2
"""Version of these tables. A change adds one and a way to get there from the version before."""

METADATA: Final = sa.MetaData()


class State(StrEnum):
    """The state of an order.

    waiting for its time, due_at; asking: somebody is being asked, or was when the process died;
    delivered and failed: settled; expired: its time was up before anybody had been asked;
    withdrawn: its reward was reversed; passed: another process of the group settled it.
    """

    WAITING = "waiting"
    ASKING = "asking"
    DELIVERED = "delivered"
    FAILED = "failed"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    PASSED = "passed"


# Literally, in the partial indexes and in queries: SQLite takes such an index only where the query
# repeats its condition.
WAITING: Final = sa.text("state = 'waiting'")
OPEN: Final = sa.text("NOT told")
SETTLED_UNREPORTED: Final = sa.text("NOT told AND state IN ('delivered', 'failed', 'withdrawn')")

orders: Final = sa.Table(
    "orders",
    METADATA,
    sa.Column("reward_id", sa.String, primary_key=True),
    # The grant's event_id and its position. None and -1: known from its report alone.
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
    # The report as Kafka will have it; told is true once Kafka has it, or when nothing is to be
    # reported.
    sa.Column("report_id", sa.String),
    sa.Column("report", sa.LargeBinary),
    sa.Column("letter", sa.LargeBinary),
    sa.Column("told", sa.Boolean, nullable=False),
    # How much of the value a withdrawal leaves (None: all), and how much was last asked for.
    sa.Column("remaining", sa.BigInteger),
    sa.Column("asked", sa.BigInteger),
)
sa.Index("orders_due", orders.c.kind, orders.c.due_at, sqlite_where=WAITING)
sa.Index("orders_open", orders.c.partition, orders.c.offset, sqlite_where=OPEN)
sa.Index("orders_counted", orders.c.kind, orders.c.state, orders.c.taken_at, sqlite_where=OPEN)
sa.Index("orders_settled", orders.c.partition, orders.c.offset, sqlite_where=SETTLED_UNREPORTED)

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
    # Under which Kafka knows who writes from this journal.
    sa.Column("member", sa.String),
)

TO_2: Final = (
    "ALTER TABLE orders ADD COLUMN remaining BIGINT",
    "ALTER TABLE orders ADD COLUMN asked BIGINT",
    "ALTER TABLE installation ADD COLUMN member VARCHAR",
    "DROP INDEX IF EXISTS orders_untold",
)
"""Changes from version 1 of these tables; the indexes that are new are made as in a new file."""
