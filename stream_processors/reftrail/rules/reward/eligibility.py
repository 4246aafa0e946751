"""Eligibility of claims: whether the campaign pays for an action, and pays this user again."""

from collections.abc import Mapping
from typing import Final

import msgspec

from reftrail.contracts.decisions import Action, Claimed
from reftrail.contracts.policy import OnRefund
from reftrail.contracts.reference import Trigger
from reftrail.rules.policy import Terms, qualifies
from reftrail.rules.reward.order import Order
from reftrail.rules.reward.rates import months_after
from reftrail.rules.reward.rejection import is_incomparable
from reftrail.rules.reward.state import ReferralCell

_TRIGGERED_BY: Final[Mapping[str, Action]] = {
    Trigger.SIGNUP: Action.SIGNUP,
    Trigger.FIRST_PURCHASE: Action.PURCHASE,
    Trigger.NTH_PURCHASE: Action.PURCHASE,
    Trigger.AMOUNT_REACHED: Action.PURCHASE,
}


def is_triggered(claim: Claimed, terms: Terms) -> bool:
    """Whether the campaign pays for actions of this kind, so long after the signup."""
    months = terms.policy.earning_months
    if months is not None and claim.event_time >= months_after(claim.signed_up_at, months):
        return False
    return claim.action == _TRIGGERED_BY[terms.campaign.trigger]


def is_open(referral: ReferralCell, terms: Terms) -> bool:
    """Whether this user may earn again under the campaign, whatever its versions pay for.

    A rejected claim doesn't count, nor does a reward whose order was refunded. A turn that came
    free is for the orders that were skipped.
    """
    repeats = terms.policy.repeats
    return repeats == 0 or referral.used + referral.turns < repeats


def with_purchase(order: Order, claim: Claimed, terms: Terms) -> Order:
    """The order with the fields of its purchase. Refunds that came before it are kept."""
    trigger = Trigger(terms.campaign.trigger)
    is_compared = trigger != Trigger.AMOUNT_REACHED and not is_incomparable(claim, terms)
    return msgspec.structs.replace(
        order,
        amount_micros=claim.amount_micros or 0,
        currency=claim.currency,
        minimum_micros=terms.campaign.minimum_amount_micros if is_compared else 0,
        counted_as="",
        counted=0,
        on_refund=terms.policy.on_refund,
    )


def still_earns(order: Order) -> bool:
    """Whether what is left of an order after its refunds is enough to earn."""
    amount, refunded = order.amount_micros or 0, order.refunded
    is_part = refunded is not None and refunded < amount
    if order.on_refund == OnRefund.KEEP or (order.on_refund == OnRefund.PROPORTIONAL and is_part):
        refunded = None
    return qualifies(amount, refunded, order.minimum_micros)


def counted_amount(order: Order, trigger: str) -> int:
    """The amount with which an order counts towards a reward by amount; 1 or 0 if by number."""
    keeps = order.on_refund == OnRefund.KEEP
    amount = order.amount_micros or 0
    if trigger == Trigger.AMOUNT_REACHED:
        return amount if keeps else order.left
    return int(qualifies(amount, None if keeps else order.refunded, order.minimum_micros))


def step_of(terms: Terms) -> int:
    """The number of orders, or the amount, that each further reward needs."""
    if terms.campaign.trigger == Trigger.AMOUNT_REACHED:
        return max(terms.campaign.minimum_amount_micros, 1)
    return terms.policy.trigger_count
