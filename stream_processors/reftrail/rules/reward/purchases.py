"""Purchases: an order earns by itself, or counts towards a reward by number or amount."""

from typing import Final

import msgspec

from reftrail.contracts.money import amount_text
from reftrail.contracts.policy import OrderIds
from reftrail.contracts.record import Millis
from reftrail.contracts.reference import Trigger
from reftrail.rules.fraud.case import Evidence
from reftrail.rules.fraud.scoring import Verdict
from reftrail.rules.policy import Terms
from reftrail.rules.reward.actions import of_order, of_threshold
from reftrail.rules.reward.assessment import assess, rejected_order
from reftrail.rules.reward.carried_evidence import with_evidence
from reftrail.rules.reward.context import DecisionContext
from reftrail.rules.reward.dispute_reports import LARGEST_SUM
from reftrail.rules.reward.eligibility import (
    counted_amount,
    is_open,
    step_of,
    still_earns,
    with_purchase,
)
from reftrail.rules.reward.lifecycle import ended_by_review
from reftrail.rules.reward.order import Order
from reftrail.rules.reward.queue import Waiting
from reftrail.rules.reward.refusals import was_of_another
from reftrail.rules.reward.rejection import WEIGHT, broken_rules
from reftrail.rules.reward.reserving import ask_or_decide, ask_to_count, decide
from reftrail.rules.reward.sides import sides_of
from reftrail.rules.reward.state import ActionCell, Progress
from reftrail.rules.reward.state_events import (
    OrderRecorded,
    ProgressMade,
    Queued,
    SkippedOrderTaken,
)

MOST_AT_ONCE: Final = 1_000
"""The most rewards by amount that one order makes.

The rest of its amount counts for none, and a dead letter says so: an amount that is reached a
thousand times by one order was not meant.
"""


def purchase(context: DecisionContext, waiting: Waiting, terms: Terms) -> None:
    """Decide on a purchase that its campaign pays for. An order counts once, however reported."""
    claim = waiting.claim
    assert claim is not None
    if claim.order_id is None:
        return
    action = of_order(claim.order_id)
    known = context.action(action).order or Order(claim.order_id)
    was_refused = was_of_another(context, claim)
    is_again = waiting.is_again or was_refused
    if known.amount_micros is not None and not is_again:
        return
    order = with_purchase(known, claim, terms)
    if not is_again:
        refuse_foreign_refund(context, order)
    waiting = with_evidence(context, action, waiting)
    if ended_by_review(context, action):
        context.apply(OrderRecorded(**context.noted(), order=order))
        return
    if terms.campaign.trigger == Trigger.FIRST_PURCHASE:
        _earn_by_itself(context, waiting, terms, order)
    else:
        _count(context, waiting, terms, order)


def refuse_foreign_refund(context: DecisionContext, order: Order) -> None:
    """Refuse a refund in another currency than its order's, once both are known."""
    if order.has_foreign_refund:
        context.refuse(
            "refund_currency",
            f"order {order.order_id} was paid in {order.currency}, and paid back in another "
            f"currency; send the refund again with its amount in {order.currency}",
        )


def _earn_by_itself(context: DecisionContext, waiting: Waiting, terms: Terms, order: Order) -> None:
    common = context.noted()
    if not still_earns(order):
        context.apply(OrderRecorded(**common, order=order))
        return
    if not is_open(context.referral, terms):
        context.apply(OrderRecorded(**common, order=order, skipped=waiting))
        return
    context.apply(OrderRecorded(**common, order=order))
    assessed = assess(context, waiting, terms, of_order(order.order_id), order=order)
    if assessed is not None:
        ask_or_decide(context, assessed)


def _count(context: DecisionContext, waiting: Waiting, terms: Terms, order: Order) -> None:
    claim = waiting.claim
    assert claim is not None
    context.apply(OrderRecorded(**context.noted(), order=order))
    if not counted_amount(order, terms.campaign.trigger):
        return
    broken = broken_rules(claim, terms.code, terms, context.reference)
    if broken:
        refuse_order(context, waiting, terms, broken)
    elif terms.policy.order_ids == OrderIds.INSTALLATION:
        ask_to_count(context, waiting, order.order_id)
    else:
        count_order(context, waiting, terms)


def refuse_order(
    context: DecisionContext,
    waiting: Waiting,
    terms: Terms,
    broken: list[Evidence],
    refused_by: str = "",
) -> None:
    """Reject an order that may not count. refused_by is the limit that had no place for it."""
    claim = waiting.claim
    assert claim is not None
    rejected = rejected_order(context, claim, terms, broken, of_order(claim.order_id))
    if rejected is not None:
        assert rejected.case is not None
        case = msgspec.structs.replace(rejected.case, refused_by=refused_by)
        decide(context, msgspec.structs.replace(rejected, case=case, seen=waiting.seen))


def order_of_another(key: str, reason: str) -> list[Evidence]:
    """The evidence against an order that another user has."""
    return [Evidence(reason, WEIGHT, {"limit": key})]


def count_order(context: DecisionContext, waiting: Waiting, terms: Terms) -> None:
    """Count an order that has its reservation, and give the rewards that this reaches."""
    claim = waiting.claim
    assert claim is not None
    order = context.action(of_order(claim.order_id)).order
    assert order is not None
    trigger = terms.campaign.trigger
    progress = context.referral.of(trigger, _currency(terms))
    amount = min(counted_amount(order, trigger), LARGEST_SUM - progress.standing)
    counted = msgspec.structs.replace(order, counted_as=trigger, counted=amount)
    more = msgspec.structs.replace(progress, standing=progress.standing + amount)
    common = context.noted()
    context.apply(OrderRecorded(**common, order=counted), ProgressMade(**common, progress=more))
    reach(context, waiting, terms)


def reach(context: DecisionContext, waiting: Waiting, terms: Terms) -> None:
    """Give the rewards by number or amount that the counted orders reach, one after the other.

    Stops where a reward has to ask for reservations, is rejected, or is not reached. A threshold
    whose sides were all ended by a review is passed without a reward.
    """
    claim = waiting.claim
    assert claim is not None
    trigger, step = terms.campaign.trigger, step_of(terms)
    while True:
        referral = context.referral
        progress = referral.of(trigger, _currency(terms))
        threshold = progress.reached + step
        if progress.standing < threshold or not is_open(referral, terms):
            return
        if _gave_enough(context, progress, waiting):
            _refuse_rest(context, waiting, terms, progress)
            return
        action = next_action(context, trigger, progress.given + 1)
        without = _ended_roles(context, terms, action)
        if without.issuperset(side.role for side in sides_of(context, claim, terms)):
            now = msgspec.structs.replace(progress, given=progress.given + 1, reached=threshold)
            context.apply(ProgressMade(**context.noted(), progress=now))
            continue
        assessed = assess(context, waiting, terms, action, threshold=threshold, without=without)
        if assessed is None:
            return
        ask_or_decide(context, msgspec.structs.replace(assessed, waiting=waiting))
        if context.referral.of(trigger, _currency(terms)).given == progress.given:
            return


def _refuse_rest(
    context: DecisionContext, waiting: Waiting, terms: Terms, progress: Progress
) -> None:
    """Let an order count for no more than the rewards that it made, now and later."""
    claim = waiting.claim
    assert claim is not None
    order = context.action(of_order(claim.order_id)).order
    assert order is not None
    step = step_of(terms)
    rest = min((progress.standing - progress.reached) // step * step, order.counted)
    less = msgspec.structs.replace(order, counted=order.counted - rest)
    now = msgspec.structs.replace(progress, standing=progress.standing - rest)
    common = context.noted()
    context.apply(OrderRecorded(**common, order=less), ProgressMade(**common, progress=now))
    context.refuse(
        "too_many_rewards",
        f"one order makes at most {MOST_AT_ONCE:,} rewards; {amount_text(rest, order.currency)} "
        f"{order.currency} of order {order.order_id} counts for none",
    )


def _gave_enough(context: DecisionContext, progress: Progress, waiting: Waiting) -> bool:
    """Whether so many rewards of an order stand already, whatever each had to ask for."""
    assert waiting.claim is not None
    if progress.given < MOST_AT_ONCE:
        return False
    case = standing_reward(context, progress, progress.given - MOST_AT_ONCE + 1).case
    return case is not None and case.claim_id == waiting.claim.event_id


def standing_reward(context: DecisionContext, progress: Progress, number: int) -> ActionCell:
    """The number-th reward, as it was decided on last; of amounts, in the same currency.

    An empty cell where it was passed without one, after a merge.
    """
    trigger = progress.trigger
    times = context.action(of_threshold(trigger, number)).times
    cells = (context.action(of_threshold(trigger, number, nth)) for nth in range(times, 0, -1))
    found = (
        cell
        for cell in cells
        if not progress.currency or (cell.case and cell.case.currency == progress.currency)
    )
    return next(found, ActionCell())


def next_action(context: DecisionContext, trigger: str, number: int) -> str:
    """The action of the number-th reward, with the number of the attempt if it isn't the first."""
    times = context.action(of_threshold(trigger, number)).times
    return of_threshold(trigger, number, times + 1)


def _ended_roles(context: DecisionContext, terms: Terms, action: str) -> frozenset[str]:
    """The sides whose reward at a threshold a review ended: they don't get it again."""
    currency = _currency(terms)
    ended = ended_by_review(context, action)
    return frozenset(side.role for side in ended if currency in ("", side.currency))


def requeue(context: DecisionContext, *, at: Millis) -> None:
    """Let the earliest order that was skipped have its turn, if there is one; at says when."""
    while action := context.referral.skipped:
        cell = context.action(action)
        common = context.noted()
        context.apply(SkippedOrderTaken(**common, action=action))
        if cell.skipped is not None and cell.order is not None and still_earns(cell.order):
            again = msgspec.structs.replace(cell.skipped, is_again=True, since=at)
            context.apply(Queued(**common, waiting=again))
            return


def take_turn(context: DecisionContext, waiting: Waiting) -> Waiting:
    """The order that gets a turn which came free: the earliest of those that are known by now.

    Those that were decided on since were skipped, since the turn wasn't theirs. One of them may be
    earlier than the order that waited for the turn: that one is then skipped again.
    """
    while action := context.referral.skipped:
        cell = context.action(action)
        assert cell.skipped is not None
        if _turn_of(waiting) < _turn_of(cell.skipped):
            break
        common = context.noted()
        context.apply(SkippedOrderTaken(**common, action=action))
        if cell.order is None or not still_earns(cell.order):
            continue
        claim = waiting.claim
        assert claim is not None
        order = context.action(of_order(claim.order_id)).order
        assert order is not None
        skipped = msgspec.structs.replace(waiting, is_again=False, since=0)
        context.apply(OrderRecorded(**common, order=order, skipped=skipped))
        return msgspec.structs.replace(cell.skipped, is_again=True, since=waiting.since)
    return waiting


def _turn_of(waiting: Waiting) -> tuple[Millis, str]:
    assert waiting.claim is not None
    return waiting.claim.event_time, waiting.claim.event_id


def pass_turn_on(context: DecisionContext, order_id: str | None, *, at: Millis) -> None:
    """Leave the turn of an order that came to nothing after all to the next one."""
    cell = context.action(of_order(order_id))
    is_rejected = cell.case is None or cell.case.verdict == Verdict.REJECT
    if is_rejected and cell.skipped is None and context.referral.requested is None:
        requeue(context, at=at)


def _currency(terms: Terms) -> str:
    is_sum = terms.campaign.trigger == Trigger.AMOUNT_REACHED
    return terms.campaign.reward_currency if is_sum else ""
