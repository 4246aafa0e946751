"""Orders of two users that have one id, and can't be one order: they cost different amounts.

Two shops may use the same ids. Or two systems report one order, each with another amount, before or
after tax. Nothing tells these apart, so the second order earns nothing as long as the campaign
takes an id for one order, and a dead letter names both amounts and the setting.
"""

from reftrail.contracts.stage_messages import LimitAnswered
from reftrail.rules.order_questions import OF_TWO_SHOPS, Paid
from reftrail.rules.reward.actions import of_order
from reftrail.rules.reward.context import DecisionContext
from reftrail.rules.reward.queue import AssessedReward


def refuse_if_clashing(
    context: DecisionContext, requested: AssessedReward, answered: LimitAnswered
) -> None:
    """Say that an order was refused for one that another user has, and that cost something else."""
    held = Paid(answered.held_amount_micros, answered.held_currency)
    order = context.action(of_order(requested.order_id)).order
    if held.micros is None or order is None:
        return
    paid = Paid(order.amount_micros, order.currency)
    context.refuse(
        "order_ids_clash",
        f"order {order.order_id} for {paid} earns nothing, since another user has an order of this "
        f"id for {held}. {OF_TWO_SHOPS} What was lost is to be given by an adjustment",
    )
