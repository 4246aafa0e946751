"""What is known for sure about each order: taken, being asked for, settled, told.

Every method is one transaction, on the disk when it returns. Times are this host's clock, in
milliseconds since 1970, given by the caller.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, assert_never

import sqlalchemy as sa

from reftrail.contracts.codec import encode
from reftrail.contracts.decisions import RewardGranted
from reftrail.contracts.life import FulfilmentReported
from reftrail.contracts.record import Millis
from reftrail.fulfilment.database import Database
from reftrail.fulfilment.judgement import Again, Due, Settled
from reftrail.fulfilment.pool import mark_used
from reftrail.fulfilment.reports import Place
from reftrail.fulfilment.rows import (
    Row,
    due_in,
    ids_of,
    is_anew,
    is_expired,
    is_news,
    put,
    restored,
    rows_of,
    set_positions,
    taken,
    update,
)
from reftrail.fulfilment.tables import State, orders, pool, read_up_to

_SETTLED: Final = (State.DELIVERED, State.FAILED)
_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class Begun:
    """due are now being asked for; expired won't be."""

    due: Sequence[Due]
    expired: Sequence[Due]


@dataclass(frozen=True, slots=True)
class Untold:
    """A settled order that Kafka hasn't been told of: the message values."""

    reward_id: str
    report: bytes
    letter: bytes | None


@dataclass(frozen=True, slots=True)
class Counts:
    """What there is: orders that wait, and that are asked for now; since when the oldest is open.

    pool_left counts the codes that are left, by item ("" for those of none).
    """

    waiting: int
    asking: int
    oldest: Millis | None
    pool_left: Mapping[str, int]


class Journal:
    """The journal in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def belong_to(self, identity: str) -> None:
        """Remember whose journal this is. Raises `ExpectedError` if it is that of other topics."""
        self._database.belong_to(identity)

    def resume(self, now: Millis) -> int:
        """Make what was being asked for when the process died due again; say how many those are.

        They are in doubt: somebody may have been asked, and have done it.
        """
        with self._database.transaction() as connection:
            done = connection.execute(
                sa.update(orders)
                .where(orders.c.state == State.ASKING)
                .values(state=State.WAITING, in_doubt=True, due_at=now)
            )
            return done.rowcount

    def take(self, found: Sequence[tuple[RewardGranted, Place]], now: Millis) -> int:
        """Take orders in; those known already change nothing. Says how many are new.

        An order for a reward that has failed before, by a review, is a new one.
        """
        with self._database.transaction() as connection:
            known = rows_of(connection, {order.reward_id for order, _ in found})
            new: dict[str, Row] = {}
            for order, place in found:
                row = new.get(order.reward_id) or known.get(order.reward_id)
                if row is None or is_anew(row, order, place):
                    new[order.reward_id] = taken(order, place, now)
            put(connection, list(new.values()))
            return len(new)

    def begin(self, kind: str, at_most: int, now: Millis) -> Begun:
        """Begin with the orders of a kind whose time has come, the longest due first.

        Those that nobody can have fulfilled and whose time is up expire instead.
        """
        with self._database.transaction() as connection:
            rows = connection.execute(
                sa.select(orders)
                .where(orders.c.state == State.WAITING, orders.c.kind == kind)
                .where(orders.c.due_at <= now)
                .order_by(orders.c.due_at)
                .limit(at_most)
            )
            due = [due_in(dict(row)) for row in rows.mappings()]
            expired = [one for one in due if is_expired(one, now)]
            begun = [one for one in due if one not in expired]
            update(connection, ids_of(expired), state=State.EXPIRED, told=True, payload=None)
            attempts = orders.c.attempts + 1
            update(connection, ids_of(begun), state=State.ASKING, attempts=attempts)
            return Begun(begun, expired)

    def record(self, verdicts: Iterable[Settled | Again]) -> None:
        """What asking has come to."""
        with self._database.transaction() as connection:
            for verdict in verdicts:
                match verdict:
                    case Settled(report, letter):
                        update(
                            connection,
                            [report.reward_id],
                            state=State(report.outcome),
                            report_id=report.event_id,
                            report=encode(report),
                            letter=None if letter is None else encode(letter),
                        )
                    case Again(reward_id, due_at, in_doubt):
                        update(
                            connection,
                            [reward_id],
                            state=State.WAITING,
                            due_at=due_at,
                            in_doubt=in_doubt,
                        )
                    case _:
                        assert_never(verdict)

    def untold(self, at_most: int = _AT_ONCE) -> list[Untold]:
        """Settled orders that Kafka hasn't been told of."""
        with self._database.transaction() as connection:
            rows = connection.execute(
                sa.select(orders.c.reward_id, orders.c.report, orders.c.letter)
                .where(~orders.c.told, orders.c.state.in_(_SETTLED))
                .order_by(orders.c.partition, orders.c.offset)
                .limit(at_most)
            )
            return [Untold(*row) for row in rows]

    def told(self, told: Iterable[Untold], positions: Mapping[int, int]) -> None:
        """Kafka has been told; by partition, the log of reports is known up to these positions."""
        with self._database.transaction() as connection:
            ids = {one.reward_id for one in told}
            update(connection, ids, told=True, payload=None, letter=None)
            set_positions(connection, positions)

    def read(
        self, reports: Sequence[FulfilmentReported], positions: Mapping[int, int], now: Millis
    ) -> int:
        """Learn from the log what was told, by this process's predecessors; says how much was new.

        With an empty journal this is all that is known of earlier orders.
        """
        with self._database.transaction() as connection:
            changed = 0
            for report in reports:
                row = rows_of(connection, {report.reward_id}).get(report.reward_id)
                if row is None or is_news(row, report):
                    put(connection, [restored(row, report, now)])
                    mark_used(connection, report)
                    changed += 1
            set_positions(connection, positions)
            return changed

    def known_positions(self) -> dict[int, int]:
        """By partition, up to where the log of reports is known here."""
        with self._database.transaction() as connection:
            rows = connection.execute(sa.select(read_up_to.c.partition, read_up_to.c.position))
            return {row.partition: row.position for row in rows}

    def open_from(self) -> dict[int, int]:
        """By partition of the orders, the offset of the first that isn't settled and told."""
        with self._database.transaction() as connection:
            rows = connection.execute(
                sa.select(orders.c.partition, sa.func.min(orders.c.offset).label("first"))
                .where(~orders.c.told)
                .group_by(orders.c.partition)
            )
            return {row.partition: row.first for row in rows}

    def counts(self) -> Counts:
        """What there is right now."""
        with self._database.transaction() as connection:
            rows = connection.execute(
                sa.select(orders.c.state, sa.func.count(), sa.func.min(orders.c.taken_at))
                .where(~orders.c.told)
                .group_by(orders.c.state)
            ).all()
            by_state = Counter({State(state): count for state, count, _ in rows})
            free = sa.func.count() - sa.func.count(pool.c.reward_id)
            left = connection.execute(sa.select(pool.c.item, free).group_by(pool.c.item))
            return Counts(
                waiting=by_state[State.WAITING],
                asking=by_state[State.ASKING],
                oldest=min((since for _, _, since in rows), default=None),
                pool_left={str(item): int(count) for item, count in left},
            )
