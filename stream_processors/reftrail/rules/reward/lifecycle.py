"""Changes of a reward after its first decision, and the release of its places."""

from typing import Final, NamedTuple

from reftrail.contracts.decisions import Claimed, RewardStatus
from reftrail.contracts.record import Record
from reftrail.contracts.reward_reasons import Reason
from reftrail.contracts.stage_messages import LimitRequested
from reftrail.rules.limits import Place
from reftrail.rules.reward.actions import first_attempt
from reftrail.rules.reward.context import DecisionContext
from reftrail.rules.reward.ledger_entries import Change, next_entry
from reftrail.rules.reward.places import is_budget
from reftrail.rules.reward.state import (
    LARGEST_SUM,
    AssessedReward,
    EndedSide,
    RewardCase,
    SideReward,
)
from reftrail.rules.reward.state_events import LimitsReleased, SlotFreed
from reftrail.rules.reward.transitions import STANDING, Transition, allowed

_REASONS: Final = {
    Transition.APPROVE: Reason.APPROVED,
    Transition.DECLINE: Reason.DECLINED,
    Transition.REVERSE: Reason.TAKEN_BACK,
    Transition.RELEASE: Reason.HOLD_ENDED,
    Transition.LAPSE: Reason.HOLD_ENDED,
    Transition.EXPIRE: Reason.NOT_USED_IN_TIME,
    Transition.REINSTATE: Reason.DELIVERED_IN_TIME,
    Transition.FAIL: Reason.NOT_DELIVERED,
    Transition.REFUND: Reason.REFUNDED,
    Transition.REFUND_PART: Reason.PARTLY_REFUNDED,
    Transition.LOSE: Reason.MILESTONE_LOST,
}

_DECLINES: Final = frozenset({Transition.DECLINE, Transition.LAPSE})
"""How a held reward is rejected for what speaks against it."""


class Reward(NamedTuple):
    """One side of an action that earned."""

    case: RewardCase
    side: SideReward


def change(  # noqa: PLR0913 - the last two are rarely given
    context: DecisionContext,
    reward: Reward,
    transition: Transition,
    *,
    of: Record,
    value_micros: int | None = None,
    why: str | None = None,
    clawback_micros: int = 0,
) -> None:
    """Conclude an allowed change. Its value is what is left of the reward, unless given.

    A reversal of what was delivered is to be collected, besides what clawback_micros says.
    """
    case, side = reward
    status = allowed(side.status, transition)
    assert status is not None
    value = side.remaining if value_micros is None else value_micros
    if status == RewardStatus.REVERSED and side.status not in STANDING:
        value = 0
    if status == RewardStatus.REVERSED or transition == Transition.REFUND_PART:
        clawback_micros += value if side.status == RewardStatus.FULFILLED else 0
    refund = of if isinstance(of, Claimed) else None
    next_entry(
        context,
        case,
        side,
        Change(
            RewardStatus.REVERSED if transition == Transition.REFUND_PART else status,
            value,
            _reasons(reward, transition, why),
            of,
            order_id=refund.order_id if refund else None,
            action_event_id=refund.action_event_id if refund else None,
            clawback_micros=clawback_micros or None,
        ),
    )
    settle_budgets(context, reward, words=transition)
    if status == RewardStatus.REJECTED:
        _release_places(context, reward, is_refunded=transition == Transition.REFUND)
    if transition in _DECLINES:
        _free_slot_for_later(context, reward)


def ended_by_review(context: DecisionContext, action: str) -> frozenset[EndedSide]:
    """The sides of an action that a review ended, at any of the decisions on it."""
    first = first_attempt(action)
    return frozenset() if first is None else frozenset(context.action(first).ended_by_review)


def _reasons(reward: Reward, transition: Transition, why: str | None) -> list[str]:
    """The reasons of a change. A rejection after a hold repeats the reasons of the hold."""
    if transition == Transition.APPROVE and reward.side.status == RewardStatus.FAILED:
        return [Reason.TRIED_AGAIN]
    reasons: list[str] = [_REASONS[transition]] if transition in _REASONS else []
    if transition == Transition.DELIVER and reward.side.status == RewardStatus.REVERSED:
        reasons.append(Reason.DELIVERED_ANYWAY)
    if why and why not in reasons:
        reasons.append(why)
    if allowed(reward.side.status, transition) == RewardStatus.REJECTED:
        reasons += [found.reason for found in reward.case.evidence]
    return reasons


def settle_budgets(context: DecisionContext, reward: Reward, *, words: str) -> None:
    """Release what a change of a reward leaves of its budgets, or take what it costs more.

    What was delivered after all is taken whatever is left: it is spent. words tell apart what one
    record changes of the reward.
    """
    case, before = reward
    now = context.action(case.action).case
    side = None if now is None else now.side(before.role)
    if side is None or side.reserved == before.reserved:
        return
    more = side.reserved - before.reserved
    for text in case.places:
        place = Place.parse(text)
        if is_budget(place.key):
            most = place.most if more < 0 else LARGEST_SUM
            changed = place._replace(amount=abs(more), most=most)
            _request(context, case, str(changed), side.role, words, is_releasing=more < 0)


def _free_slot_for_later(context: DecisionContext, reward: Reward) -> None:
    """Leave the turn of a reward that was declined on both sides to the orders that come from now.

    Orders that were skipped meanwhile don't get it: nobody has looked at them, and the same speaks
    against them.
    """
    now = context.action(reward.case.action).case
    if now is not None and not now.counts and not now.is_bonus:
        context.apply(SlotFreed(**context.noted(), is_for_later=True))


def _release_places(context: DecisionContext, reward: Reward, *, is_refunded: bool) -> None:
    """Release the other places of a held reward that is rejected.

    The place of its order goes with the last side, but not by a refund: no other user may earn by
    that order.
    """
    case, side = reward
    now = context.action(case.action).case
    is_last = not is_refunded and now is not None and not now.counts
    if is_last:
        for text in case.places:
            if not is_budget(Place.parse(text).key):
                _request(context, case, text, side.role, is_releasing=True)
    unused = tuple(text for text in case.user_places if _is_unused(context, text))
    _release_of_user(context, case, unused, words=side.role)


def release_unused(context: DecisionContext, asking: AssessedReward) -> None:
    """Release the users' places of a refused reward on which no other reward rests."""
    case = asking.case
    assert case is not None
    unused = tuple(
        text
        for text in case.user_places
        if text not in asking.asked
        and context.place(Place.parse(text).key).place
        and _is_unused(context, text)
    )
    _release_of_user(context, case, unused, words="asking")


def _is_unused(context: DecisionContext, place: str) -> bool:
    """Whether no reward of the user rests on a place."""
    return context.place(Place.parse(place).key).count <= 0


def _release_of_user(
    context: DecisionContext, case: RewardCase, places: tuple[str, ...], *, words: str
) -> None:
    if places:
        context.apply(LimitsReleased(**context.noted(), places=places))
    for text in places:
        _request(context, case, text, words, is_releasing=True)


def _request(
    context: DecisionContext, case: RewardCase, place: str, *words: str, is_releasing: bool
) -> None:
    """Ask the limits stage to release a place, or to take one whatever is left.

    Each place has a request of its own: so it is free before it is asked for because of that. words
    tell apart what one case asks for at different times.
    """
    key = Place.parse(place).key
    record_id = context.record.event_id
    context.apply(
        LimitRequested(
            **context.metadata("places_back", case.claim_id, case.action, record_id, key, *words),
            limits=[place],
            passed=[],
            releasing=is_releasing,
            code=context.code,
            user_id=context.user_id,
            claim_id=record_id,
        )
    )
