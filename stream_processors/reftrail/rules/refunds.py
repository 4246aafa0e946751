"""What a refund takes back: all of a reward once its orders no longer earn it, or in proportion."""

from collections.abc import Sequence

from reftrail.contracts.decisions import Claimed
from reftrail.contracts.policy import OnRefund
from reftrail.contracts.record import Micros
from reftrail.contracts.reference import Trigger
from reftrail.rules.changes import Reward, change
from reftrail.rules.ledger import Earning, Order, PairLedger, RefundSeen
from reftrail.rules.notes import PartTaken, RefundNoted
from reftrail.rules.policy import Terms
from reftrail.rules.transitions import STANDING, What, allowed
from reftrail.rules.triggers import is_open, left_of, stands
from reftrail.rules.turn import Turn


def refund(turn: Turn, claim: Claimed, terms: Terms | None) -> None:
    """A refund may come before its purchase, so it is kept as long as a purchase may still earn."""
    pair = turn.pair
    if claim.order_id is None or any(r.event_id == claim.action_event_id for r in pair.refunds):
        return
    is_known = any(order.order_id == claim.order_id for order in pair.orders)
    if not is_known and not (terms is not None and _may_earn_by_purchase(pair, terms)):
        return
    seen = RefundSeen(claim.action_event_id, claim.order_id, claim.amount_micros, claim.currency)
    turn.conclude(RefundNoted(**turn.noted("refund_noted", of=claim), refund=seen))
    for earning in turn.pair.earnings:
        if claim.order_id in earning.orders and not earning.has_ended:
            _take_back(turn, earning, claim)


def _may_earn_by_purchase(pair: PairLedger, terms: Terms) -> bool:
    return terms.campaign.trigger != Trigger.SIGNUP and is_open(pair, terms)


def _take_back(turn: Turn, earning: Earning, claim: Claimed) -> None:
    pair = turn.pair
    orders = [order for order in pair.orders if order.order_id in earning.orders]
    for side in earning.sides:
        gone = _gone(earning, side.value_micros, orders, pair)
        if gone > side.taken_back:
            _take(turn, Reward(earning, side), gone, claim)


def _gone(earning: Earning, value: Micros, orders: Sequence[Order], pair: PairLedger) -> Micros:
    """How much of a reward is gone by now: in proportion, rounded down, all of it if all is."""
    match OnRefund(earning.on_refund):
        case OnRefund.KEEP:
            return 0
        case OnRefund.REVERSE:
            return 0 if _still_earns(earning, orders, pair) else value
        case OnRefund.PROPORTIONAL:
            paid = sum(order.amount_micros for order in orders)
            left = left_of(orders, pair.refunds)
            return value * (paid - left) // paid if left else value


def _still_earns(earning: Earning, orders: Sequence[Order], pair: PairLedger) -> bool:
    if earning.least_total_micros:
        return left_of(orders, pair.refunds) >= earning.least_total_micros
    return all(stands(order, pair.refunds) for order in orders)


def _take(turn: Turn, reward: Reward, gone: Micros, claim: Claimed) -> None:
    """What is gone of a reward that isn't granted just now is left out once it is."""
    earning, side = reward
    part = gone - side.taken_back
    what = What.REFUND if gone == side.value_micros else What.REFUND_PART
    if not allowed(side.status, what):
        return
    if what == What.REFUND_PART and side.status not in STANDING:
        common = turn.noted("part_taken", of=claim)
        turn.conclude(
            PartTaken(**common, claim_id=earning.claim_id, role=side.role, value_micros=part)
        )
        return
    change(turn, reward, what, of=claim, value_micros=part)
