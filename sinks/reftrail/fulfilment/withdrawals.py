"""Withdrawals of orders, in the order of the log."""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple, TypeAlias

import sqlalchemy as sa

from reftrail.contracts.codec import encode
from reftrail.contracts.decisions import RewardGranted, RewardWithdrawn
from reftrail.contracts.record import Millis
from reftrail.fulfilment.outcomes import Due
from reftrail.fulfilment.reports import letter_of_withdrawn
from reftrail.fulfilment.rows import (
    Row,
    is_open,
    update,
)
from reftrail.fulfilment.tables import (
    State,
)
from reftrail.hosting.kafka.log_bounds import LogPosition

_Found: TypeAlias = tuple[RewardGranted, LogPosition] | tuple[RewardWithdrawn, LogPosition]


class Round(NamedTuple):
    """Orders and withdrawals of which each reward has one at most."""

    orders: list[tuple[RewardGranted, LogPosition]]
    withdrawals: list[tuple[RewardWithdrawn, LogPosition]]


def _position_of(found: _Found) -> tuple[int, int]:
    return found[1].partition, found[1].offset


def concerns(place: LogPosition, row: Row | None) -> bool:
    """Whether a withdrawal is about an order that is open, and came before it."""
    return row is not None and is_open(row) and place.offset > row["offset"]


def settle_withdrawn(connection: sa.Connection, withdrawn: Iterable[Due], now: Millis) -> None:
    """Settle orders that aren't asked for; of those in doubt somebody must hear."""
    for due in withdrawn:
        letter = letter_of_withdrawn(due.order, due.place, now) if due.in_doubt else None
        update(
            connection,
            [due.order.reward_id],
            asked=due.order.value_micros if due.in_doubt else None,
            state=State.WITHDRAWN,
            told=letter is None,
            payload=None,
            letter=None if letter is None else encode(letter),
        )


def rounds_of(
    found: Iterable[tuple[RewardGranted, LogPosition]],
    withdrawn: Iterable[tuple[RewardWithdrawn, LogPosition]],
) -> list[Round]:
    """Orders and withdrawals in rounds: the n-th records of each reward are in the n-th round."""
    rounds: list[Round] = []
    counts: Counter[str] = Counter()
    known: list[_Found] = [*found, *withdrawn]
    for record, place in sorted(known, key=_position_of):
        number = counts[record.reward_id]
        counts[record.reward_id] += 1
        if number == len(rounds):
            rounds.append(Round([], []))
        if isinstance(record, RewardGranted):
            rounds[number].orders.append((record, place))
        else:
            rounds[number].withdrawals.append((record, place))
    return rounds
