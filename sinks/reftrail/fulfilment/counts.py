"""Counts of the open orders in the journal."""

from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from reftrail.contracts.record import Millis
from reftrail.fulfilment.tables import OPEN, State, orders, pool


@dataclass(frozen=True, slots=True)
class Counts:
    """Open orders by kind: waiting, asked for now, and the time of the oldest.

    pool_left counts the codes that are left, by item ("" for those of none).
    """

    waiting: Mapping[str, int]
    asking: Mapping[str, int]
    oldest: Mapping[str, Millis]
    pool_left: Mapping[str, int]


def counts_in(connection: sa.Connection) -> Counts:
    """The present numbers of open orders."""
    rows = connection.execute(
        sa.select(orders.c.kind, orders.c.state, sa.func.count(), sa.func.min(orders.c.taken_at))
        .where(OPEN)
        .group_by(orders.c.kind, orders.c.state)
    ).all()
    oldest: dict[str, Millis] = {}
    for kind, _, _, since in rows:
        oldest[kind] = min(since, oldest.get(kind, since))
    free = sa.func.count() - sa.func.count(pool.c.reward_id)
    left = connection.execute(sa.select(pool.c.item, free).group_by(pool.c.item))
    return Counts(
        waiting={k: count for k, state, count, _ in rows if state == State.WAITING},
        asking={k: count for k, state, count, _ in rows if state == State.ASKING},
        oldest=oldest,
        pool_left={str(item): int(count) for item, count in left},
    )
