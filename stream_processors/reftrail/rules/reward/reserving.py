"""Reservations under shared limits, and the decision once all are reserved."""

import msgspec

from reftrail.contracts.reference import Trigger
from reftrail.contracts.stage_messages import LimitRequested
from reftrail.rules.fraud.scoring import Verdict
from reftrail.rules.limit_names import is_of_order
from reftrail.rules.reward.actions import of_order
from reftrail.rules.reward.context import DecisionContext
from reftrail.rules.reward.ledger_entries import first_entries
from reftrail.rules.reward.order import Order
from reftrail.rules.reward.queue import AssessedReward, Waiting
from reftrail.rules.reward.reservations import order_reservation
from reftrail.rules.reward.state_events import Earned, LimitsRequested, ProgressMade
from reftrail.rules.reward.suspension import suspend


def ask_or_decide(context: DecisionContext, assessed: AssessedReward) -> None:
    """Decide, or ask for reservations under shared limits first."""
    if assessed.case is not None and assessed.case.verdict == Verdict.REJECT:
        decide(context, assessed)
    elif assessed.asked:
        ask(context, assessed)
    else:
        decide(context, assessed)


def ask_to_count(context: DecisionContext, waiting: Waiting, order_id: str) -> None:
    """Ask for the reservation of an order, so that it may count towards rewards."""
    ask(context, AssessedReward(asked=(order_reservation(order_id),), waiting=waiting))


def decide(context: DecisionContext, assessed: AssessedReward) -> None:
    """Record the decision on an action, by its verdict. What is rejected again adds nothing."""
    case = assessed.case
    assert case is not None
    was_rejected = context.action(case.action).case is not None
    if was_rejected and case.verdict == Verdict.REJECT:
        return
    context.apply(Earned(**context.noted(), assessed=assessed))
    first_entries(context, case, was_rejected=was_rejected)
    if assessed.threshold and case.verdict != Verdict.REJECT:
        trigger = case.action.partition(":")[0]
        currency = case.currency if trigger == Trigger.AMOUNT_REACHED else ""
        progress = context.referral.of(trigger, currency)
        now = msgspec.structs.replace(
            progress, given=progress.given + 1, reached=assessed.threshold
        )
        context.apply(ProgressMade(**context.noted(), progress=now))
    suspend(context, case.action, of=context.record)


def ask(context: DecisionContext, assessed: AssessedReward) -> None:
    """Ask for the reservations that a reward needs, one after the other.

    The request has the time of the action, also where a review asks.
    """
    requested = msgspec.structs.replace(assessed, origin=context.origin)
    about = assessed.case.action if assessed.case else "order"
    common = context.metadata("limits", assessed.claim_id, about)
    if assessed.case is not None:
        common["event_time"] = assessed.case.action_time
    order = _order_of(context, assessed)
    context.apply(
        LimitsRequested(**context.noted(), assessed=requested),
        LimitRequested(
            **common,
            limits=list(assessed.asked),
            passed=[],
            code=context.code,
            user_id=context.user_id,
            claim_id=assessed.claim_id,
            order_amount_micros=order.amount_micros if order else None,
            order_currency=order.currency if order else None,
        ),
    )


def _order_of(context: DecisionContext, assessed: AssessedReward) -> Order | None:
    """The order that is among the reservations to ask for."""
    if not any(map(is_of_order, assessed.asked)):
        return None
    return context.action(of_order(assessed.order_id)).order
