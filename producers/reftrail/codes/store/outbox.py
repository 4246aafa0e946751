"""Outbox: messages that Kafka hasn't acknowledged yet, in the order of sending."""

from collections.abc import Sequence
from typing import NamedTuple

import sqlalchemy as sa

from reftrail.codes.store.tables import outbox


class Waiting(NamedTuple):
    """One message; topic is the name without an installation's prefix."""

    number: int
    topic: str
    key: str
    value: bytes


def first_waiting(connection: sa.Connection, limit: int) -> list[Waiting]:
    """The messages at the head, at most so many.

    Two transactions may commit in another order than their numbers. Those of one code can't: the
    second one waits for the first one's row.
    """
    statement = (
        sa.select(outbox.c.number, outbox.c.topic, outbox.c.key, outbox.c.value)
        .order_by(outbox.c.number)
        .limit(limit)
    )
    return [Waiting(*row) for row in connection.execute(statement)]


def mark_sent(connection: sa.Connection, numbers: Sequence[int]) -> None:
    """Take away messages that Kafka has."""
    connection.execute(sa.delete(outbox).where(outbox.c.number.in_(list(numbers))))


def how_many_wait(connection: sa.Connection) -> int:
    """The messages that Kafka doesn't have yet."""
    count: int = connection.execute(sa.select(sa.func.count()).select_from(outbox)).scalar_one()
    return count


def head(connection: sa.Connection) -> int | None:
    """The number of the first message; as long as it stays, nobody sends. None: nothing waits."""
    number: int | None = connection.execute(sa.select(sa.func.min(outbox.c.number))).scalar_one()
    return number


def tail(connection: sa.Connection) -> int | None:
    """The number of the last message; None: nothing waits."""
    number: int | None = connection.execute(sa.select(sa.func.max(outbox.c.number))).scalar_one()
    return number
