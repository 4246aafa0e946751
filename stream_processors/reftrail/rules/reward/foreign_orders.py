"""Refunds and disputes of orders by which their user hasn't earned.

They may name another user than the one who bought. The limits stage knows by which referrals an
order has earned, and sends them there.
"""

from reftrail.contracts.decisions import Claimed
from reftrail.contracts.stage_messages import OrderAsked
from reftrail.rules.limit_names import order_key
from reftrail.rules.packing import packed
from reftrail.rules.reward.actions import of_order
from reftrail.rules.reward.context import DecisionContext
from reftrail.rules.reward.state import ActionCell


def ask_if_foreign(context: DecisionContext, claim: Claimed) -> None:
    """Ask whose an order is that has earned nothing here, and counts towards nothing.

    It may not be known here, be a later order than the one that earned, or have been rejected, as
    another user's or for anything else: another user may have the same order.
    """
    if claim.order_id is None:
        return
    cell = context.action(of_order(claim.order_id))
    if _has_earned(cell):
        return
    order = cell.order
    context.apply(
        OrderAsked(
            **context.metadata("order_asked", claim.event_id),
            limit=order_key(claim.order_id),
            user_id=context.user_id,
            claim=packed(claim),
            order_amount_micros=order.amount_micros if order else None,
            order_currency=order.currency if order else None,
        )
    )


def _has_earned(cell: ActionCell) -> bool:
    """Whether an order has earned, or counts; what was reversed since had earned."""
    if cell.case is not None and cell.case.counts:
        return True
    return cell.order is not None and bool(cell.order.counted_as)
