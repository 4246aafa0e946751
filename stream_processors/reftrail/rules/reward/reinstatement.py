"""Reinstatement: a review grants what was rejected or reversed, or has expired.

It waits in the referral's queue, so it is decided on after the refunds that came before it. It
takes again what the reward had left: the code's limits, the user's turn, and reservations under
shared limits. If one of these is exhausted it is refused, and changes nothing.
"""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from reftrail.contracts.external_inputs import Reviewed
from reftrail.contracts.policy import OrderIds, policy_in
from reftrail.contracts.record import Micros
from reftrail.contracts.reference import CodeChanged, Trigger
from reftrail.contracts.reward_reasons import by_hand
from reftrail.rules.fraud.scoring import Verdict
from reftrail.rules.limit_names import LimitReservation
from reftrail.rules.policy import Terms
from reftrail.rules.reward.actions import is_order
from reftrail.rules.reward.case import RewardCase, SideReward
from reftrail.rules.reward.context import DecisionContext
from reftrail.rules.reward.eligibility import is_open
from reftrail.rules.reward.lifecycle import Reward, change, keeps_budget, request, reward_now
from reftrail.rules.reward.queue import AssessedReward, Reinstatement, Waiting
from reftrail.rules.reward.refunds import refunded_part
from reftrail.rules.reward.rejection import exceeded_limits
from reftrail.rules.reward.reservations import (
    budget_reservations,
    is_budget,
    is_email,
    order_reservation,
    user_reservations,
)
from reftrail.rules.reward.reserving import ask
from reftrail.rules.reward.state import ActionCell
from reftrail.rules.reward.state_events import Queued, Reinstated, SideReserved
from reftrail.rules.reward.suspension import suspend
from reftrail.rules.reward.thresholds import holds_threshold, take_threshold
from reftrail.rules.reward.transitions import Transition, allowed

_replace: Final = msgspec.structs.replace
_BY_COUNT: Final = frozenset({Trigger.NTH_PURCHASE, Trigger.AMOUNT_REACHED})


def ask_to_reinstate(
    context: DecisionContext, reviewed: Reviewed, rewards: Iterable[Reward]
) -> None:
    """Add the reinstatement of rewards to the queue, action by action."""
    roles: dict[str, list[str]] = {}
    for case, side in rewards:
        roles.setdefault(case.action, []).append(side.role)
    if not reviewed.reason:
        context.refuse("not_allowed", "a reinstatement needs a reason, such as false_positive")
        return
    for action, names in roles.items():
        asked = Reinstatement(reviewed, action, tuple(names))
        waiting = Waiting(context.cause.offset, reinstatement=asked)
        context.apply(Queued(**context.noted(), waiting=waiting))


def settle_reinstatement(context: DecisionContext, waiting: Waiting) -> None:
    """Ask for the reservations of what is reinstated, or grant it where it needs none."""
    asked = waiting.reinstatement
    assert asked is not None
    cell = context.action(asked.action)
    case = cell.case
    assert case is not None
    sides = _open_sides(cell, asked)
    terms = _terms(context, case)
    if terms is None or not sides:
        _refuse(context, asked, "not_allowed", "nothing is left of it, or nobody would get it")
        return
    obstacle = _obstacle(context, cell, terms)
    if obstacle is not None:
        _refuse(context, asked, *obstacle)
        return
    own, users = _reservations(cell, terms, sides)
    prepared = _replace(case, reservations=own, user_reservations=users)
    needed = _needed(context, case, own, users)
    if needed:
        ask(context, AssessedReward(prepared, asked=needed, waiting=waiting))
    else:
        _grant(context, asked, prepared)


def finish_reinstatement(
    context: DecisionContext, requested: AssessedReward, refused: str | None
) -> None:
    """Grant what has all its reservations again, or say which limit has none left."""
    asked = requested.waiting.reinstatement if requested.waiting else None
    assert asked is not None
    assert requested.case is not None
    if refused is not None:
        _refuse(context, asked, "limit_reached", f"{refused} has no place left")
        return
    taken = [
        reservation for _, reservation in _parsed(requested.asked) if is_budget(reservation.key)
    ]
    sides = _open_sides(context.action(asked.action), asked)
    wanted = sum(side.remaining for side in sides if not side.is_collected)
    for reservation in taken:
        if reservation.amount > wanted:  # of a side that was delivered meanwhile
            less = str(reservation._replace(amount=reservation.amount - wanted))
            request(context, requested.case, less, asked.review.event_id, is_releasing=True)
    if sides:
        _grant(context, asked, requested.case)
        return
    for text, reservation in _parsed(requested.asked):
        if not is_budget(reservation.key):
            request(context, requested.case, text, asked.review.event_id, is_releasing=True)
    _refuse(context, asked, "not_allowed", "it was delivered meanwhile, or nothing is left of it")


def _grant(context: DecisionContext, asked: Reinstatement, prepared: RewardCase) -> None:
    """Record the grants. What was delivered before is fulfilled, and isn't collected any more."""
    cell = context.action(asked.action)
    case = cell.case
    assert case is not None
    sides = _open_sides(cell, asked)
    delivered = {side.role for side in sides if side.is_collected}
    take_threshold(context, cell)
    context.apply(
        Reinstated(
            **context.noted(),
            action=asked.action,
            sides=tuple(
                SideReserved(
                    side.role,
                    side.taken_back,
                    side.reserved if side.role in delivered else side.remaining,
                )
                for side in sides
            ),
            reservations=prepared.reservations,
            user_reservations=prepared.user_reservations,
            takes_turn=not case.counts and not case.is_bonus,
        )
    )
    for role in (side.role for side in sides):
        is_delivered = role in delivered
        reward = reward_now(context, asked.action, role)
        left = reward.side.remaining
        change(
            context,
            reward,
            Transition.REINSTATE,
            of=asked.review,
            why=by_hand(asked.review.reason),
            clawback_micros=-left if is_delivered else 0,
            is_delivered=is_delivered,
        )
        if is_delivered:
            again = reward_now(context, asked.action, role)
            change(context, again, Transition.DELIVER, of=asked.review, is_delivered=True)
    suspend(context, asked.action, of=asked.review)


def _open_sides(cell: ActionCell, asked: Reinstatement) -> list[SideReward]:
    """The sides that can be reinstated and still earn, with what refunds took of each."""
    assert cell.case is not None
    sides = [
        _replace(side, taken_back=_gone(cell, side))
        for side in cell.case.sides
        if side.role in asked.roles
        and side.beneficiary is not None
        and allowed(side.status, Transition.REINSTATE)
    ]
    return [side for side in sides if side.remaining or (not side.value_micros and _earns(cell))]


def _gone(cell: ActionCell, side: SideReward) -> Micros:
    """The part of a side's value that refunds took, or the loss of its milestone."""
    assert cell.case is not None
    if side.is_lost:
        return side.value_micros
    if cell.order is None or not is_order(cell.case.action):
        return 0
    return refunded_part(cell.case, side, cell.order)


def _earns(cell: ActionCell) -> bool:
    """Whether a side that is worth nothing still counts: its order wasn't refunded."""
    assert cell.case is not None
    return cell.order is None or not is_order(cell.case.action) or cell.order.left > 0


def _terms(context: DecisionContext, case: RewardCase) -> Terms | None:
    """The campaign's rules by which an action was decided on; None where it had none.

    A code without a record limits nothing, and has no owner.
    """
    campaign = context.reference.campaign(case.campaign_id, case.decided_by)
    if campaign is None or case.campaign_version is None:
        return None
    code = context.reference.code_if_known(context.code) or CodeChanged(
        event_id="",
        event_time=0,
        received_at=0,
        created_at=0,
        code=context.code,
        campaign_id=campaign.campaign_id,
    )
    return Terms(code, campaign, policy_in(campaign.policy))


def _obstacle(context: DecisionContext, cell: ActionCell, terms: Terms) -> tuple[str, str] | None:
    """The obstacle to a reinstatement, as the reason and detail of its refusal."""
    case = cell.case
    assert case is not None
    excluded = _excluded(context, cell, terms)
    if excluded is not None:
        return "not_allowed", excluded
    if case.counts or case.is_bonus:
        return None
    exceeded = exceeded_limits(context, case.action_time, terms.code, terms)
    if exceeded:
        reasons = ", ".join(evidence.reason for evidence in exceeded)
        return "limit_reached", f"{reasons} has no place left"
    if not is_open(context.referral, terms):
        return "limit_reached", f"repeats: the user has earned {context.referral.used} times"
    return None


def _excluded(context: DecisionContext, cell: ActionCell, terms: Terms) -> str | None:
    """The reason against a reinstatement, whatever the limits are; None if there is none."""
    case = cell.case
    assert case is not None
    if context.referral.is_merged and not case.is_bonus:
        return "its user was merged with another, and what they did earns under that referral"
    if is_order(case.action) and terms.campaign.trigger in _BY_COUNT:
        return "the order doesn't earn by itself, but counts towards rewards"
    if not holds_threshold(context, cell):
        return "its orders reach it no longer, or it was decided on again since"
    return None


def _reservations(
    cell: ActionCell, terms: Terms, sides: Sequence[SideReward]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The reservations of a case and of its user, with the budgets that sides need now."""
    case = cell.case
    assert case is not None
    needing = tuple(
        side for side in sides if not side.is_collected and not keeps_budget(Reward(case, side))
    )
    if case.verdict != Verdict.REJECT:
        amount = sum(side.remaining for side in needing)
        own = (
            str(reservation._replace(amount=amount))
            if is_budget(reservation.key)
            else str(reservation)
            for reservation in map(LimitReservation.parse, case.reservations)
        )
        return tuple(own), case.user_reservations
    budgets = budget_reservations(terms.campaign, terms.policy, _replace(case, sides=needing))
    is_unique = terms.policy.order_ids == OrderIds.INSTALLATION and is_order(case.action)
    order = (order_reservation(case.order_id),) if is_unique and case.order_id is not None else ()
    emails = (text for text, reservation in _parsed(case.reservations) if is_email(reservation.key))
    return (*order, *emails, *budgets), user_reservations(terms, case)


def _needed(
    context: DecisionContext, case: RewardCase, own: Sequence[str], users: Sequence[str]
) -> tuple[str, ...]:
    """The reservations to ask for: those that the reward had left, or never had."""
    budgets = [
        text
        for text, reservation in _parsed(own)
        if is_budget(reservation.key) and reservation.amount
    ]
    if case.counts:
        return tuple(budgets)
    orders = [text for text, reservation in _parsed(own) if not is_budget(reservation.key)]
    lacking = [
        text for text, reservation in _parsed(users) if context.limit(reservation.key).count <= 0
    ]
    return (*orders, *budgets, *lacking)


def _parsed(reservations: Iterable[str]) -> list[tuple[str, LimitReservation]]:
    return [(text, LimitReservation.parse(text)) for text in reservations]


def _refuse(context: DecisionContext, asked: Reinstatement, reason: str, detail: str) -> None:
    roles = " and ".join(asked.roles)
    review = asked.review.event_id
    context.refuse(reason, f"review {review}: {asked.action} of the {roles}: {detail}")
