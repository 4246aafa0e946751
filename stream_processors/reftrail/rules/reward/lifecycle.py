"""Changes of a reward after its first decision, and the release of its reservations."""

from typing import Final, NamedTuple

from reftrail.contracts.decisions import Action, Claimed, RewardStatus
from reftrail.contracts.record import Millis, Record
from reftrail.contracts.reward_reasons import Reason
from reftrail.contracts.stage_messages import LimitRequested, ReferralVoided
from reftrail.rules.fraud.scoring import Verdict
from reftrail.rules.limit_names import LimitReservation
from reftrail.rules.reward.actions import first_attempt
from reftrail.rules.reward.case import RewardCase, SideReward
from reftrail.rules.reward.context import DecisionContext
from reftrail.rules.reward.dispute_reports import LARGEST_SUM
from reftrail.rules.reward.eligibility import still_earns
from reftrail.rules.reward.ledger_entries import Change, next_entry
from reftrail.rules.reward.queue import AssessedReward
from reftrail.rules.reward.reservations import is_budget, order_reservation
from reftrail.rules.reward.state import EndedSide
from reftrail.rules.reward.state_events import LimitsReleased, SlotFreed
from reftrail.rules.reward.transitions import ENDED, STANDING, Transition, allowed

_REASONS: Final = {
    Transition.APPROVE: Reason.APPROVED,
    Transition.CLEAR: Reason.APPROVED,
    Transition.DECLINE: Reason.DECLINED,
    Transition.REVERSE: Reason.TAKEN_BACK,
    Transition.RELEASE: Reason.HOLD_ENDED,
    Transition.LAPSE: Reason.HOLD_ENDED,
    Transition.EXPIRE: Reason.NOT_USED_IN_TIME,
    Transition.CORRECT: Reason.DELIVERED_IN_TIME,
    Transition.REINSTATE: Reason.REINSTATED,
    Transition.DISPUTE: Reason.DISPUTED,
    Transition.SUSPEND: Reason.DISPUTED,
    Transition.RESTORE: Reason.DISPUTE_ENDED,
    Transition.RESUME: Reason.DISPUTE_ENDED,
    Transition.FAIL: Reason.NOT_DELIVERED,
    Transition.REFUND: Reason.REFUNDED,
    Transition.REFUND_PART: Reason.PARTLY_REFUNDED,
    Transition.LOSE: Reason.MILESTONE_LOST,
}

_DECLINES: Final = frozenset({Transition.DECLINE, Transition.LAPSE})
"""The rejection of a held reward for what speaks against it."""


_SUSPENDS: Final = frozenset({Transition.DISPUTE, Transition.SUSPEND})


class Reward(NamedTuple):
    """One side of an action that earned."""

    case: RewardCase
    side: SideReward


def reward_now(context: DecisionContext, action: str, role: str) -> Reward:
    """One side of an action as it is by now, after what the decision has applied."""
    case = context.action(action).case
    assert case is not None
    side = case.side(role)
    assert side is not None
    return Reward(case, side)


def change(  # noqa: PLR0913 - the last ones are rarely given
    context: DecisionContext,
    reward: Reward,
    transition: Transition,
    *,
    of: Record,
    value_micros: int | None = None,
    why: str | None = None,
    clawback_micros: int = 0,
    is_delivered: bool = False,
    due_at: Millis | None = None,
) -> None:
    """Apply an allowed change. Its value is what is left of the reward, unless given.

    A reversal of what was delivered is to be collected, besides what clawback_micros says.
    is_delivered: what is reinstated was delivered, so it isn't ordered again. due_at is another end
    of its hold.
    """
    case, side = reward
    status = allowed(side.status, transition)
    assert status is not None
    value = side.remaining if value_micros is None else value_micros
    is_ended = side.status in ENDED
    if (status == RewardStatus.REVERSED and side.status not in STANDING) or (
        is_ended and transition == Transition.DELIVER
    ):
        value = 0
    if status == RewardStatus.REVERSED or transition == Transition.REFUND_PART:
        clawback_micros += value if side.status == RewardStatus.FULFILLED else 0
    refund = of if isinstance(of, Claimed) else None
    if refund is not None and refund.action == Action.DISPUTE_LOST and why is None:
        why = Reason.DISPUTE_LOST
    next_entry(
        context,
        case,
        side,
        Change(
            RewardStatus.REVERSED if transition == Transition.REFUND_PART else status,
            value,
            _reasons(reward, transition, why, is_delivered=is_delivered),
            of,
            order_id=refund.order_id if refund else None,
            action_event_id=refund.action_event_id if refund else None,
            clawback_micros=clawback_micros or None,
            due_at=due_at,
        ),
    )
    is_merged = why == Reason.USERS_MERGED
    settle_budgets(context, reward, words=transition, is_earned_elsewhere=is_merged)
    if status == RewardStatus.REJECTED and not is_ended:
        _release_reservations(context, reward, is_refunded=transition == Transition.REFUND)
    if transition in _DECLINES:
        _free_slot_for_later(context, reward)


def ended_by_review(context: DecisionContext, action: str) -> frozenset[EndedSide]:
    """The sides of an action that a review ended, at any of the decisions on it."""
    return frozenset(context.action(first_attempt(action)).ended_by_review)


def _reasons(
    reward: Reward, transition: Transition, why: str | None, *, is_delivered: bool
) -> list[str]:
    """The reasons of a change. A rejection after a hold repeats the reasons of the hold."""
    if transition == Transition.APPROVE and reward.side.status == RewardStatus.FAILED:
        return [Reason.TRIED_AGAIN]
    reasons: list[str] = [_REASONS[transition]] if transition in _REASONS else []
    if transition == Transition.DELIVER and reward.side.status in ENDED:
        reasons.append(Reason.DELIVERED_ANYWAY)
    if transition == Transition.REINSTATE and reward.side.status == RewardStatus.EXPIRED:
        reasons.append(Reason.TRIED_AGAIN)
    has_left = reward.side.disputed == RewardStatus.GRANTED and transition not in _SUSPENDS
    if has_left and Reason.DISPUTE_ENDED not in reasons and transition != Transition.REFUND_PART:
        reasons.append(Reason.DISPUTE_ENDED)
    if is_delivered:
        reasons.append(Reason.ALREADY_DELIVERED)
    if why and why not in reasons:
        reasons.append(why)
    is_rejected = allowed(reward.side.status, transition) == RewardStatus.REJECTED
    if is_rejected and transition != Transition.DELIVER:
        reasons += [found.reason for found in reward.case.evidence]
    return reasons


def keeps_budget(reward: Reward) -> bool:
    """Whether a reward keeps its part of budgets: it was granted, and they count gross.

    One that a dispute holds, or has ended, was granted and ordered before.
    """
    never_granted = ("", RewardStatus.HELD, RewardStatus.REJECTED)
    was_granted = reward.side.status not in never_granted or reward.side.ordered > 0
    return reward.case.counts_gross and was_granted


def settle_budgets(
    context: DecisionContext, reward: Reward, *, words: str, is_earned_elsewhere: bool = False
) -> None:
    """Release what a change of a reward leaves of its budgets, or take what it costs more.

    What was delivered after all is taken whatever is left: it is spent. Budgets that count gross
    keep what was granted, but where the same is earned elsewhere: under another referral of a
    merged user, that takes it again. words tell apart what one record changes of the reward.
    """
    case, before = reward
    if keeps_budget(reward) and not is_earned_elsewhere:
        return
    now = context.action(case.action).case
    side = None if now is None else now.side(before.role)
    if side is None or side.reserved == before.reserved:
        return
    more = side.reserved - before.reserved
    for text in case.reservations:
        reservation = LimitReservation.parse(text)
        if is_budget(reservation.key):
            most = reservation.most if more < 0 else LARGEST_SUM
            changed = reservation._replace(amount=abs(more), most=most)
            request(context, case, str(changed), side.role, words, is_releasing=more < 0)


def _free_slot_for_later(context: DecisionContext, reward: Reward) -> None:
    """Leave the turn of a reward that was declined on both sides to the orders that come from now.

    Orders that were skipped meanwhile don't get it: nobody has looked at them, and the same speaks
    against them.
    """
    now = context.action(reward.case.action).case
    if now is not None and not now.counts and not now.is_bonus:
        context.apply(SlotFreed(**context.noted(), is_for_later=True))


def _release_reservations(context: DecisionContext, reward: Reward, *, is_refunded: bool) -> None:
    """Release the other reservations of a held reward that is rejected.

    The reservation of its order goes with the last side, but not by a refund: no other user may
    earn by that order.
    """
    case, side = reward
    now = context.action(case.action).case
    is_last = not is_refunded and now is not None and not now.counts
    if is_last:
        for text in case.reservations:
            if not is_budget(LimitReservation.parse(text).key):
                request(context, case, text, side.role, is_releasing=True)
    unused = tuple(text for text in case.user_reservations if _is_unused(context, text))
    release_of_user(context, case, unused, words=side.role)


def release_order(context: DecisionContext, case: RewardCase) -> None:
    """Release the order and the address of a reward that has ended, but for one that was rejected.

    That one's are free already, unless it was held and its order refunded.
    """
    cell = context.action(case.action)
    if cell.case is None or case.verdict == Verdict.REJECT:
        return
    is_refunded = cell.order is not None and not still_earns(cell.order)
    if not is_refunded and not cell.case.counts:
        return
    for text in case.reservations:
        if not is_budget(LimitReservation.parse(text).key):
            request(context, case, text, "merged", is_releasing=True)


def release_counted(context: DecisionContext, order_id: str) -> None:
    """Release an order that counted towards the rewards of a referral that has ended."""
    reservation = LimitReservation.parse(order_reservation(order_id))
    words = ("places_back", "counted", context.record.event_id, reservation.key)
    ask_limit(context, words, reservation, is_releasing=True)


def release_unused(context: DecisionContext, requested: AssessedReward) -> None:
    """Release the users' reservations of a refused reward on which no other reward rests."""
    case = requested.case
    assert case is not None
    unused = tuple(
        text
        for text in case.user_reservations
        if text not in requested.asked
        and context.limit(LimitReservation.parse(text).key).reservation
        and _is_unused(context, text)
    )
    release_of_user(context, case, unused, words="asking")


def _is_unused(context: DecisionContext, reservation: str) -> bool:
    """Whether no reward of the user rests on a reservation."""
    return context.limit(LimitReservation.parse(reservation).key).count <= 0


def release_of_user(
    context: DecisionContext, case: RewardCase, reservations: tuple[str, ...], *, words: str
) -> None:
    """Release reservations under limits that count users."""
    if reservations:
        context.apply(LimitsReleased(**context.noted(), reservations=reservations))
    for text in reservations:
        request(context, case, text, words, is_releasing=True)


def request(
    context: DecisionContext, case: RewardCase, reservation: str, *words: str, is_releasing: bool
) -> None:
    """Ask the limits stage to release a reservation, or to take one whatever is left.

    Each reservation has a request of its own: so it is free before it is asked for because of that.
    words tell apart what one case asks for at different times. A referral that ends by a merge
    releases as of its action's receipt. The claims that follow ask as of then, too: the limit of a
    day may have closed since.
    """
    parsed = LimitReservation.parse(reservation)
    record_id = context.record.event_id
    its_words = ("places_back", case.claim_id, case.action, record_id, parsed.key, *words)
    at = case.received_at if isinstance(context.resumed or context.record, ReferralVoided) else None
    ask_limit(context, its_words, parsed, is_releasing=is_releasing, received_at=at)


def ask_limit(
    context: DecisionContext,
    words: tuple[str, ...],
    reservation: LimitReservation,
    *,
    is_releasing: bool,
    received_at: Millis | None = None,
) -> None:
    """Ask the limits stage to release or take a reservation; nobody waits for its answer.

    words make the request's id. received_at is that of the record that is decided on, unless given.
    """
    common = context.metadata(*words)
    common["received_at"] = common["received_at"] if received_at is None else received_at
    context.apply(
        LimitRequested(
            **common,
            limits=[str(reservation)],
            passed=[],
            releasing=is_releasing,
            code=context.code,
            user_id=context.user_id,
            claim_id=context.record.event_id,
        )
    )
