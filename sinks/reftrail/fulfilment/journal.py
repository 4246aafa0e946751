"""Journal of orders: taken, asked for, settled, reported.

Every method is one transaction, on the disk when it returns. Times are this host's clock, in
milliseconds since 1970, given by the caller.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, assert_never

import sqlalchemy as sa

from reftrail.contracts.codec import encode
from reftrail.contracts.decisions import RewardGranted, RewardWithdrawn
from reftrail.contracts.external_inputs import FulfilmentReported
from reftrail.contracts.record import Millis
from reftrail.fulfilment.code_pool import mark_used
from reftrail.fulfilment.counts import Counts, counts_in
from reftrail.fulfilment.database import Database
from reftrail.fulfilment.outcomes import Again, Due, Settled
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
    taken_again,
    update,
)
from reftrail.fulfilment.tables import (
    OPEN,
    SETTLED_UNREPORTED,
    WAITING,
    State,
    orders,
    read_up_to,
)
from reftrail.fulfilment.withdrawals import concerns, rounds_of, settle_withdrawn
from reftrail.hosting.kafka.log_bounds import LogPosition

_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class Begun:
    """due are now being asked for; expired and withdrawn won't be."""

    due: Sequence[Due]
    expired: Sequence[Due]
    withdrawn: Sequence[Due] = ()


@dataclass(frozen=True, slots=True)
class Unreported:
    """A settled order that isn't reported to Kafka yet: the message values."""

    reward_id: str
    report: bytes | None
    letter: bytes | None


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

    def take_in(
        self,
        found: Sequence[tuple[RewardGranted, LogPosition]],
        withdrawn: Sequence[tuple[RewardWithdrawn, LogPosition]],
        now: Millis,
    ) -> None:
        """Take orders and withdrawals in, those of one reward in the order of the log.

        A reward may be ordered, withdrawn, and ordered again since it was reinstated.
        """
        for records in rounds_of(found, withdrawn):
            self.take(records.orders, now)
            self.withdraw(records.withdrawals, now)

    def take(self, found: Sequence[tuple[RewardGranted, LogPosition]], now: Millis) -> int:
        """Take orders in; those known already change nothing. Says how many are new.

        An order for a reward that has failed, expired or been withdrawn before is a new one: a
        review wants it. One that is open still stays as it is, but isn't withdrawn any more.
        """
        with self._database.transaction() as connection:
            known = rows_of(connection, {order.reward_id for order, _ in found})
            new: dict[str, Row] = {}
            for order, place in found:
                row = new.get(order.reward_id) or known.get(order.reward_id)
                if row is None:
                    new[order.reward_id] = taken(order, place, now)
                elif is_anew(row, order, place):
                    new[order.reward_id] = taken_again(row, order, place, now)
            put(connection, list(new.values()))
            return len(new)

    def withdraw(self, found: Sequence[tuple[RewardWithdrawn, LogPosition]], now: Millis) -> int:
        """Take withdrawals in; says how many are about orders that aren't settled.

        What is being asked for goes on; a part or all of it may turn out to be a clawback.
        """
        with self._database.transaction() as connection:
            known = rows_of(connection, {withdrawal.reward_id for withdrawal, _ in found})
            open_ones = [
                withdrawal
                for withdrawal, place in found
                if concerns(place, known.get(withdrawal.reward_id))
            ]
            for withdrawal in open_ones:
                left = sa.func.min(
                    sa.func.coalesce(orders.c.remaining, withdrawal.remaining_micros),
                    withdrawal.remaining_micros,
                )
                values: dict[str, Any] = {"remaining": left}
                if withdrawal.remaining_micros == 0:
                    values["due_at"] = now
                update(connection, [withdrawal.reward_id], **values)
            return len(open_ones)

    def pass_by(self, positions: Mapping[int, int]) -> int:
        """Leave what the group has passed in some partitions: others have settled it meanwhile."""
        with self._database.transaction() as connection:
            return sum(
                connection.execute(
                    sa.update(orders)
                    .where(OPEN, orders.c.partition == number, orders.c.offset < position)
                    .where(orders.c.state.in_((State.WAITING, State.ASKING)))
                    .values(state=State.PASSED, told=True, payload=None)
                ).rowcount
                for number, position in positions.items()
            )

    def begin(
        self,
        kind: str,
        at_most: int,
        now: Millis,
        partitions: Collection[int] | None = None,
        taken_until: Millis | None = None,
    ) -> Begun:
        """Begin with the orders of a kind whose time has come, the longest due first.

        Only those of some partitions, and taken in until some time, if given. Those that nobody can
        have fulfilled and whose time is up expire instead. None is asked for that was withdrawn.
        """
        with self._database.transaction() as connection:
            rows = connection.execute(
                sa.select(orders)
                .where(WAITING, orders.c.kind == kind, orders.c.due_at <= now)
                .where(*_only(partitions, taken_until))
                .order_by(orders.c.due_at)
                .limit(at_most)
            )
            due = [due_in(dict(row)) for row in rows.mappings()]
            withdrawn = [order for order in due if order.is_withdrawn]
            expired = [order for order in due if not order.is_withdrawn and is_expired(order, now)]
            begun = [order for order in due if order not in expired and not order.is_withdrawn]
            update(connection, ids_of(expired), state=State.EXPIRED, told=True, payload=None)
            settle_withdrawn(connection, withdrawn, now)
            asked = sa.case(
                (orders.c.in_doubt, orders.c.asked), else_=orders.c.remaining
            )  # the value in `rows.due_in`
            attempts = orders.c.attempts + 1
            update(connection, ids_of(begun), state=State.ASKING, attempts=attempts, asked=asked)
            return Begun(begun, expired, withdrawn)

    def record(self, verdicts: Iterable[Settled | Again]) -> None:
        """Note the outcome of a request."""
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
                            due_at=sa.case((orders.c.remaining == 0, 0), else_=due_at),
                            in_doubt=in_doubt,
                        )
                    case _:
                        assert_never(verdict)

    def unreported(
        self, at_most: int = _AT_ONCE, partitions: Collection[int] | None = None
    ) -> list[Unreported]:
        """Settled orders that aren't reported to Kafka yet, of some partitions, if given."""
        with self._database.transaction() as connection:
            rows = connection.execute(
                sa.select(orders.c.reward_id, orders.c.report, orders.c.letter)
                .where(SETTLED_UNREPORTED, *_only(partitions))
                .order_by(orders.c.partition, orders.c.offset)
                .limit(at_most)
            )
            return [Unreported(*row) for row in rows]

    def note_reported(self, reported: Iterable[Unreported], positions: Mapping[int, int]) -> None:
        """Note that Kafka has the reports, and, by partition, up to where the reports are known."""
        with self._database.transaction() as connection:
            ids = {order.reward_id for order in reported}
            update(connection, ids, told=True, payload=None, letter=None)
            set_positions(connection, positions)

    def read(
        self, reports: Sequence[FulfilmentReported], positions: Mapping[int, int], now: Millis
    ) -> int:
        """Learn from the log what this process's predecessors reported; returns how much was new.

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
        """The positions, by partition, up to which the log of reports is known here."""
        with self._database.transaction() as connection:
            rows = connection.execute(sa.select(read_up_to.c.partition, read_up_to.c.position))
            return {row.partition: row.position for row in rows}

    def open_from(self, partitions: Iterable[int]) -> dict[int, int]:
        """The offset, by partition of the orders, of the first that isn't settled and reported."""
        with self._database.transaction() as connection:
            first = sa.select(sa.func.min(orders.c.offset)).where(OPEN)
            found = {
                number: connection.execute(first.where(orders.c.partition == number)).scalar_one()
                for number in partitions
            }
            return {number: offset for number, offset in found.items() if offset is not None}

    def counts(self) -> Counts:
        """The present numbers of open orders."""
        with self._database.transaction() as connection:
            return counts_in(connection)


def _only(
    partitions: Collection[int] | None, taken_until: Millis | None = None
) -> list[sa.ColumnElement[bool]]:
    """The conditions of being in some partitions, and taken in until some time, where given."""
    found: list[sa.ColumnElement[bool]] = []
    if partitions is not None:
        found.append(orders.c.partition.in_(partitions))
    if taken_until is not None:
        found.append(orders.c.taken_at <= taken_until)
    return found
