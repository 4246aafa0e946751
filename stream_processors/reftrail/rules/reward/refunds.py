"""Refunds: they take a reward back as a whole, or a part in proportion."""

import msgspec

from reftrail.contracts.decisions import Claimed
from reftrail.contracts.policy import OnRefund
from reftrail.contracts.record import Micros
from reftrail.contracts.reference import Trigger
from reftrail.rules.reward.actions import of_order
from reftrail.rules.reward.assessment import decided_at
from reftrail.rules.reward.case import RewardCase, SideReward
from reftrail.rules.reward.context import DecisionContext
from reftrail.rules.reward.eligibility import counted_amount, still_earns
from reftrail.rules.reward.lifecycle import Reward, change
from reftrail.rules.reward.order import Order, refund_name
from reftrail.rules.reward.purchases import refuse_foreign_refund, requeue, standing_reward
from reftrail.rules.reward.sides import refunded_share
from reftrail.rules.reward.state import Progress
from reftrail.rules.reward.state_events import (
    OrderRecorded,
    PartialRefundDeferred,
    ProgressMade,
    RefundCounted,
    SlotFreed,
)
from reftrail.rules.reward.transitions import STANDING, Transition, allowed


def refund(context: DecisionContext, claim: Claimed) -> None:
    """Record a refund of an order, and take back its share of rewards. The order may come later."""
    if claim.order_id is None:
        return
    order = context.action(of_order(claim.order_id)).order or Order(claim.order_id)
    counted = _count(context, claim, order)
    after = order.with_refund(claim, counted)
    if after != order:
        record_order(context, claim, order, after)


def _count(context: DecisionContext, claim: Claimed, order: Order) -> Micros | None:
    """Count a refund by itself; the amount that was counted of it before, None if none was."""
    if claim.amount_micros is None:
        return None
    name = refund_name(claim)
    known = context.refund(name)
    counted = known.counted(claim, order)
    if counted is None or claim.amount_micros > counted:
        refund = known.with_report(claim)
        context.apply(RefundCounted(**context.noted(), name=name, refund=refund))
    return counted


def record_order(context: DecisionContext, claim: Claimed, order: Order, after: Order) -> None:
    """Record an order that a refund or dispute changed, and take back what it no longer earns."""
    cell = context.action(of_order(order.order_id))
    left = counted_amount(after, after.counted_as) if after.counted_as else 0
    counted = min(left, order.counted)
    context.apply(
        OrderRecorded(**context.noted(), order=msgspec.structs.replace(after, counted=counted))
    )
    if not _is_in_full(claim) and claim.currency not in (None, order.currency):
        refuse_foreign_refund(context, after)
    if cell.case is not None:
        _take_back(context, cell.case, after, claim)
    if order.counted_as and counted != order.counted:
        _fall(context, order, counted - order.counted, claim)


def _is_in_full(claim: Claimed) -> bool:
    return claim.amount_micros is None and claim.amount_refunded_micros is None


def _take_back(context: DecisionContext, case: RewardCase, order: Order, claim: Claimed) -> None:
    """Take back the share of the order's own reward that its refunds take by now."""
    had_ended = case.has_ended
    for side in case.sides:
        gone = refunded_part(case, side, order)
        if gone > side.taken_back or (gone == side.value_micros == 0 and not still_earns(order)):
            _take(context, Reward(case, side), gone, claim)
    now = context.action(case.action).case
    if not had_ended and now is not None and now.has_ended:
        free_slot(context, claim)


def refunded_part(case: RewardCase, side: SideReward, order: Order) -> int:
    """The refunded part of a side's value: all of it if the order no longer earns."""
    if case.on_refund == OnRefund.KEEP:
        return 0
    if not still_earns(order):
        return side.value_micros
    return refunded_share(side, case, order)


def _take(context: DecisionContext, reward: Reward, gone: int, claim: Claimed) -> None:
    """Take back a part or all. A part of a reward that isn't granted now is deducted later."""
    case, side = reward
    part = gone - side.taken_back
    what = Transition.REFUND if gone == side.value_micros else Transition.REFUND_PART
    if not allowed(side.status, what):
        return
    if what == Transition.REFUND_PART and side.status not in STANDING:
        context.apply(
            PartialRefundDeferred(
                **context.noted(), action=case.action, role=side.role, value_micros=part
            )
        )
        return
    change(context, reward, what, of=claim, value_micros=part)


def _fall(context: DecisionContext, order: Order, by: int, claim: Claimed) -> None:
    """Reduce what an order counts, and take back the rewards that are no longer reached."""
    trigger = order.counted_as
    currency = (order.currency or "") if trigger == Trigger.AMOUNT_REACHED else ""
    progress = context.referral.of(trigger, currency)
    progress = msgspec.structs.replace(progress, standing=progress.standing + by)
    context.apply(ProgressMade(**context.noted(), progress=progress))
    while progress.given and progress.standing < progress.reached:
        case = standing_reward(context, progress, progress.given).case
        had_ended = case is None or case.has_ended
        for side in () if case is None else case.sides:
            if allowed(side.status, Transition.REFUND):
                assert case is not None
                change(context, Reward(case, side), Transition.REFUND, of=claim)
        progress = msgspec.structs.replace(
            progress, given=progress.given - 1, reached=_reached_before(context, progress)
        )
        context.apply(ProgressMade(**context.noted(), progress=progress))
        if not had_ended:
            free_slot(context, claim)


def _reached_before(context: DecisionContext, progress: Progress) -> int:
    """The threshold of the reward before the last one."""
    if progress.given == 1:
        return 0
    before = standing_reward(context, progress, progress.given - 1)
    if before.case is None:  # passed after a merge
        return progress.reached - progress.reached // progress.given
    return before.threshold


def free_slot(context: DecisionContext, claim: Claimed) -> None:
    """Leave the turn to the earliest order that earned nothing since the user earned enough."""
    context.apply(SlotFreed(**context.noted()))
    requeue(context, at=decided_at(claim, context.referral))
