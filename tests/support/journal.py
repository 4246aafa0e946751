"""Steps of a journal of fulfilment, for tests."""

import msgspec

from reftrail.contracts.decisions import RewardGranted, RewardWithdrawn
from reftrail.fulfilment.answers import Delivered, OrderRefused
from reftrail.fulfilment.journal import Journal
from reftrail.fulfilment.outcomes import Due, Settled, judge
from reftrail.hosting.kafka.log_bounds import LogPosition
from reftrail.hosting.schedule import Schedule
from reftrail.testing import withdrawn
from support.fulfilment import an_order


def take(journal: Journal, *orders: RewardGranted, first: int = 0, now: int = 0) -> int:
    return journal.take([(o, LogPosition(0, first + n)) for n, o in enumerate(orders)], now)


def begin(journal: Journal, now: int = 0, kind: str = "credit") -> list[Due]:
    return list(journal.begin(kind, 100, now).due)


def settle(journal: Journal, due: Due, answer: Delivered | OrderRefused, now: int = 0) -> Settled:
    verdict = judge(due, answer, Schedule(), now)
    assert isinstance(verdict, Settled)
    journal.record([verdict])
    return verdict


def withdraw(journal: Journal, *found: RewardWithdrawn, now: int, first: int = 100) -> int:
    """Withdrawals that come after the orders in the log, unless said otherwise."""
    return journal.withdraw([(w, LogPosition(0, first + n)) for n, w in enumerate(found)], now)


def write_reports(journal: Journal) -> None:
    journal.note_reported(journal.unreported(), {})


def withdrawal(number: int, remaining: int = 0) -> RewardWithdrawn:
    order = an_order(number)
    record = withdrawn(order.role, order.code, user_id=order.user_id).record()
    assert isinstance(record, RewardWithdrawn)
    return msgspec.structs.replace(record, reward_id=order.reward_id, remaining_micros=remaining)


def again(number: int, units: int = 5) -> RewardGranted:
    """The order for the same reward after it was reinstated."""
    value = units * 1_000_000
    return msgspec.structs.replace(an_order(number), event_id="again", value_micros=value)


def take_in(journal: Journal, *records: RewardGranted | RewardWithdrawn, first: int = 0) -> None:
    placed = [(record, LogPosition(0, first + nth)) for nth, record in enumerate(records)]
    journal.take_in(
        [(record, at) for record, at in placed if isinstance(record, RewardGranted)],
        [(record, at) for record, at in placed if isinstance(record, RewardWithdrawn)],
        now=0,
    )
