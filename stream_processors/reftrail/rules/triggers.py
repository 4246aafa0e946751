"""Which deed earns: the signup, the first or nth purchase, or the one that reaches an amount.

A purchase earns by the orders that it completes: its own, or its own and those noted before.
"""

from collections.abc import Iterable
from typing import Final

from reftrail.contracts.decisions import Action, Claimed
from reftrail.contracts.record import Micros
from reftrail.contracts.reference import Trigger
from reftrail.rules.ledger import Order, PairLedger, RefundSeen, refunded
from reftrail.rules.policy import Terms, qualifies
from reftrail.rules.reasons import is_incomparable
from reftrail.rules.transitions import ENDED

_TRIGGERED_BY: Final = {
    Trigger.SIGNUP: Action.SIGNUP,
    Trigger.FIRST_PURCHASE: Action.PURCHASE,
    Trigger.NTH_PURCHASE: Action.PURCHASE,
    Trigger.AMOUNT_REACHED: Action.PURCHASE,
}


def is_triggered(claim: Claimed, terms: Terms) -> bool:
    """Whether such a claim earns under a campaign."""
    return claim.action == _TRIGGERED_BY[Trigger(terms.campaign.trigger)]


def is_open(pair: PairLedger, terms: Terms) -> bool:
    """Whether this user may earn again under the campaign: a signup once, purchases repeatedly.

    Where a user earns once, one rejection or reversal is the end of it.
    """
    repeats = terms.policy.repeats
    if repeats == 1 and any(side.status in ENDED for one in pair.referrals for side in one.sides):
        return False
    if terms.campaign.trigger == Trigger.SIGNUP:
        return not any(one.action == Trigger.SIGNUP for one in pair.referrals)
    return repeats == 0 or pair.purchases < repeats


def is_repeated(claim: Claimed, pair: PairLedger) -> bool:
    """Whether a claim was decided on before, or its order noted.

    A claim from when some are forgotten, whose order isn't known, can't be told from a repetition.
    """
    if claim.event_time <= pair.forgotten_until:
        return True
    if any(one.claim_id == claim.event_id for one in pair.earnings):
        return True
    if claim.order_id is None:
        return False
    return any(order.order_id == claim.order_id for order in pair.orders) or any(
        claim.order_id in one.orders for one in pair.earnings
    )


def orders_completed(claim: Claimed, terms: Terms, pair: PairLedger) -> tuple[Order, ...]:
    """The orders that count towards the next reward with this one; none if this one doesn't."""
    if claim.order_id is None:
        return ()
    trigger, minimum = Trigger(terms.campaign.trigger), terms.campaign.minimum_amount_micros
    if trigger == Trigger.AMOUNT_REACHED or is_incomparable(claim, terms.campaign):
        minimum = 0
    order = Order(claim.order_id, claim.amount_micros or 0, claim.currency, minimum)
    noted = [one for one in pair.orders if one.order_id not in pair.rests_on]
    if trigger == Trigger.AMOUNT_REACHED:
        is_counted = order.currency == terms.campaign.reward_currency
        return (*noted, order) if is_counted else ()
    if not stands(order, pair.refunds):
        return ()
    if trigger == Trigger.FIRST_PURCHASE:
        return (order,)
    return (*(one for one in noted if stands(one, pair.refunds)), order)


def is_enough(orders: tuple[Order, ...], terms: Terms, pair: PairLedger) -> bool:
    """Whether orders make a reward."""
    match Trigger(terms.campaign.trigger):
        case Trigger.AMOUNT_REACHED:
            return left_of(orders, pair.refunds) >= least_total(terms)
        case Trigger.NTH_PURCHASE:
            return len(orders) >= terms.policy.trigger_count
        case Trigger.FIRST_PURCHASE:
            return bool(orders)
        case Trigger.SIGNUP:
            return True


def least_total(terms: Terms) -> Micros:
    """What orders must add up to, where that is the trigger; else 0."""
    if terms.campaign.trigger != Trigger.AMOUNT_REACHED:
        return 0
    return max(terms.campaign.minimum_amount_micros, 1)


def stands(order: Order, refunds: Iterable[RefundSeen]) -> bool:
    """Whether an order still counts as a purchase."""
    return qualifies(order.amount_micros, refunded(order, refunds), order.minimum_micros)


def left_of(orders: Iterable[Order], refunds: Iterable[RefundSeen]) -> Micros:
    """What is left of some orders together."""
    return sum(
        order.amount_micros - min(order.amount_micros, refunded(order, refunds) or 0)
        for order in orders
    )
