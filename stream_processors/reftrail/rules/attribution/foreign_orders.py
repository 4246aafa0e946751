"""Refunds and disputes that may name another user than the one who bought.

An order pays once in an installation, so the limits stage knows by which referral it has earned. It
is asked about the refunds of users whom nobody referred: when they come, and again when they have
waited, since an order may earn later. Of referred users the reward stage asks, which knows their
orders.
"""

from typing import Final

from reftrail.contracts.decisions import DISPUTES, Action
from reftrail.contracts.record import Record
from reftrail.contracts.stage_messages import OrderAsked
from reftrail.rules.attribution.claims import claim_of_nobody
from reftrail.rules.attribution.question import Question
from reftrail.rules.attribution.refusals import conversion_of
from reftrail.rules.attribution.state import user_key, waiting_of
from reftrail.rules.attribution.user_action import (
    LoggedAction,
    UserAction,
    user_action_of,
    when_claimed,
)
from reftrail.rules.cells import Cells
from reftrail.rules.decider import Cause, metadata
from reftrail.rules.limit_names import order_key
from reftrail.rules.packing import packed

MOST_LOOKED_THROUGH: Final = 1_000
"""The most that may wait for a user among which an order is looked for: the time of each refund.

A shop may report all its guests as one user. Of those with more, what they paid isn't known.
"""

_BY_ORDER: Final = frozenset({Action.REFUND, *DISPUTES})


def asked_about_order(on: Question) -> list[OrderAsked]:
    """Ask about a refund or dispute of a user whom nobody referred."""
    if on.record.kind not in _BY_ORDER:  # as of every purchase
        return []
    logged = LoggedAction(user_action_of(on.record), on.cause)
    return ask_about_order(on.cells, logged, on.record.user_id, on.record, on.cause)


def ask_about_order(
    cells: Cells, logged: LoggedAction, user_id: str, record: Record, cause: Cause
) -> list[OrderAsked]:
    """Ask about a refund or dispute. record is the one that came now, with its cause.

    The question says what the user paid for an order of this id, while that purchase waits.
    """
    action = logged.action
    if action.kind not in _BY_ORDER or action.order_id is None:
        return []
    own = _own_order(cells, user_key(user_id), action.order_id)
    asked = OrderAsked(
        **metadata(record, cause, f"order_asked:{action.event_id}"),
        limit=order_key(action.order_id),
        user_id=user_id,
        claim=packed(claim_of_nobody(action, conversion_of(user_id, logged), logged.cause)),
        order_amount_micros=own.amount_micros if own else None,
        order_currency=own.currency if own else None,
    )
    return [asked]


def _own_order(cells: Cells, key: str, order_id: str) -> UserAction | None:
    """The purchase of an order that waits for a user with a key, if there is one.

    Of an order that was changed and reported again it is the first report, as for a referral.
    """
    if len(cells.under(key)) > MOST_LOOKED_THROUGH:
        return None
    reports = (
        cell.action(event_id)
        for event_id, cell in waiting_of(cells, key)
        if cell.order_id == order_id and not (cell.is_refund or cell.dispute)
    )
    return min(reports, key=when_claimed, default=None)
