"""Disputes: what isn't delivered is held while they are open, and taken back if they are lost.

A lost dispute counts as a refund of its part of the order. A dispute about an order that counts
towards rewards by number or amount changes these only once it is lost.
"""

from reftrail.contracts.decisions import Action, Claimed
from reftrail.rules.reward.actions import of_order
from reftrail.rules.reward.context import DecisionContext
from reftrail.rules.reward.dispute_reports import DisputeCell, dispute_key, dispute_name
from reftrail.rules.reward.order import Order
from reftrail.rules.reward.purchases import refuse_foreign_refund
from reftrail.rules.reward.refunds import record_order
from reftrail.rules.reward.state_events import DisputeRecorded
from reftrail.rules.reward.suspension import restore, suspend


def _is_of_unknown_part(order: Order, dispute: DisputeCell, claim: Claimed) -> bool:
    """Whether a loss names no amount, and the opening only one in another currency."""
    is_unnamed = claim.action == Action.DISPUTE_LOST and claim.amount_micros is None
    is_known = order.amount_micros is not None
    return is_unnamed and is_known and dispute.lost_in(order.currency) is None


def dispute(context: DecisionContext, claim: Claimed) -> None:
    """Record the status of a dispute about an order. The order may come later."""
    if claim.order_id is None:
        return
    action, key = of_order(claim.order_id), dispute_key(claim)
    order = context.action(action).order or Order(claim.order_id)
    name = dispute_name(claim)
    before = order.older_dispute(key) or context.dispute(name)
    now = before.with_report(claim)
    if now == before:
        return
    context.apply(DisputeRecorded(**context.noted(), name=name, dispute=now))
    after = order.with_dispute(key, before, now)
    record_order(context, claim, order, after)
    if _is_of_unknown_part(after, now, claim):
        refuse_foreign_refund(context, after)
    if after.is_disputed:
        suspend(context, action, of=claim)
    else:
        restore(context, action, claim)
