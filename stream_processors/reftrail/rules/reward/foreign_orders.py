"""Refunds and disputes of orders that their user isn't known to have earned by.

They may name another user than the one who bought. The limits stage knows by which referrals an
order has earned, and sends them there.
"""

from reftrail.contracts.decisions import Claimed
from reftrail.contracts.reward_reasons import Reason
from reftrail.contracts.stage_messages import OrderAsked
from reftrail.rules.limits import order_key
from reftrail.rules.packing import packed
from reftrail.rules.reward.actions import of_order
from reftrail.rules.reward.case import RewardCase
from reftrail.rules.reward.context import DecisionContext
from reftrail.rules.reward.reservations import reason_of


def ask_if_foreign(context: DecisionContext, claim: Claimed) -> None:
    """Ask whose an order is that isn't known here, or was refused as another user's."""
    if claim.order_id is None:
        return
    cell = context.action(of_order(claim.order_id))
    is_known = cell.order is not None and cell.order.amount_micros is not None
    if is_known and not _is_of_another(cell.case):
        return
    context.apply(
        OrderAsked(
            **context.metadata("order_asked", claim.event_id),
            limit=order_key(claim.order_id),
            user_id=context.user_id,
            claim=packed(claim),
        )
    )


def _is_of_another(case: RewardCase | None) -> bool:
    refused_by = "" if case is None else case.refused_by
    return bool(refused_by) and reason_of(refused_by) == Reason.ORDER_OF_ANOTHER
