"""Positions of webhooks: how far each has read each partition."""

from collections.abc import Mapping

import sqlalchemy as sa

from reftrail.webhooks.tables import positions


def positions_of(connection: sa.Connection, webhook_id: str) -> dict[tuple[str, int], int]:
    """The offset of the next record to be read, by topic and partition."""
    rows = connection.execute(
        sa.select(positions).where(positions.c.webhook_id == webhook_id)
    ).all()
    return {(row.topic, row.partition): row.offset for row in rows}


def put_positions(
    connection: sa.Connection, webhook_id: str, begin: Mapping[tuple[str, int], int]
) -> None:
    """Set the offsets of the next records that a webhook reads, by topic and partition."""
    for (topic, partition), offset in begin.items():
        put_position(connection, webhook_id, topic, partition, offset)


def put_position(
    connection: sa.Connection, webhook_id: str, topic: str, partition: int, offset: int
) -> None:
    """Set the offset of the next record that a webhook reads in a partition."""
    key = (
        (positions.c.webhook_id == webhook_id)
        & (positions.c.topic == topic)
        & (positions.c.partition == partition)
    )
    connection.execute(sa.delete(positions).where(key))
    connection.execute(
        sa.insert(positions).values(
            webhook_id=webhook_id, topic=topic, partition=partition, offset=offset
        )
    )
