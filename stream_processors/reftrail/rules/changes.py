"""What happens to rewards after they were decided: reviews, fulfilment, time, lost milestones."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from reftrail.contracts.decisions import Claimed, RewardStatus, Role
from reftrail.contracts.life import (
    FulfilmentOutcome,
    FulfilmentReported,
    LimitRequested,
    MilestoneChanged,
    ReviewDecision,
    Reviewed,
)
from reftrail.contracts.policy import AtHoldsEnd
from reftrail.contracts.record import Record
from reftrail.rules.decider import Woken
from reftrail.rules.entries import Change, next_entry, reward_id
from reftrail.rules.ledger import Earning, Side
from reftrail.rules.limits import Place
from reftrail.rules.notes import CommandNoted, PlacesLeft
from reftrail.rules.reasons import Reason
from reftrail.rules.transitions import STANDING, What, allowed
from reftrail.rules.turn import Turn

_BY_DECISION: Final[Mapping[str, What]] = {
    ReviewDecision.APPROVE: What.APPROVE,
    ReviewDecision.DECLINE: What.DECLINE,
    ReviewDecision.REVERSE: What.REVERSE,
}
_BY_OUTCOME: Final[Mapping[str, tuple[What, RewardStatus]]] = {
    FulfilmentOutcome.DELIVERED: (What.DELIVER, RewardStatus.FULFILLED),
    FulfilmentOutcome.FAILED: (What.FAIL, RewardStatus.FAILED),
}
_REASONS: Final = {
    What.APPROVE: Reason.APPROVED,
    What.DECLINE: Reason.DECLINED,
    What.REVERSE: Reason.TAKEN_BACK,
    What.RELEASE: Reason.HOLD_ENDED,
    What.LAPSE: Reason.HOLD_ENDED,
    What.EXPIRE: Reason.NOT_USED_IN_TIME,
    What.FAIL: Reason.NOT_DELIVERED,
    What.REFUND: Reason.REFUNDED,
    What.REFUND_PART: Reason.PARTLY_REFUNDED,
    What.LOSE: Reason.MILESTONE_LOST,
}


class Reward(NamedTuple):
    """One side of one action."""

    earning: Earning
    side: Side


def review(turn: Turn, reviewed: Reviewed) -> None:
    """An analyst's decision: on one reward, or on all of the pair that it can be about.

    The same review again changes nothing, whatever happened in between.
    """
    if turn.pair.was_told(reviewed.event_id):
        return
    turn.conclude(CommandNoted(**turn.noted("command")))
    what = _BY_DECISION.get(reviewed.decision)
    if what is None:
        turn.refuse("not_allowed", f"{reviewed.decision!r} is no decision")
        return
    asked = [one for one in _rewards(turn) if reviewed.reward_id in (None, _id_of(turn, one))]
    open_to_it = [one for one in asked if allowed(one.side.status, what)]
    for one in open_to_it:
        change(turn, one, what, of=reviewed, why=reviewed.reason)
    if not open_to_it:
        _refuse(turn, what, asked)


def report_fulfilment(turn: Turn, report: FulfilmentReported) -> None:
    """What became of an order to fulfil. What is known already changes nothing.

    A refused report may be right later: its id is that of the delivery, whenever it is told.
    """
    if turn.pair.was_told(report.event_id):
        return
    if report.outcome not in _BY_OUTCOME:
        turn.refuse("not_allowed", f"{report.outcome!r} is no outcome")
        return
    what, status = _BY_OUTCOME[report.outcome]
    asked = [one for one in _rewards(turn) if _id_of(turn, one) == report.reward_id]
    for one in asked:
        if allowed(one.side.status, what):
            turn.conclude(CommandNoted(**turn.noted("command")))
            change(turn, one, what, of=report)
            return
    if not any(one.side.status == status for one in asked):
        _refuse(turn, what, asked)


def wake(turn: Turn, woken: Woken) -> None:
    """Holds and grants whose time has come by now."""
    for one in _rewards(turn):
        due_at = one.side.due_at
        if due_at is None or due_at > woken.event_time:
            continue
        if one.side.status != RewardStatus.HELD:
            change(turn, one, What.EXPIRE, of=woken)
        elif one.earning.at_holds_end == AtHoldsEnd.GRANT:
            change(turn, one, What.RELEASE, of=woken)
        else:
            change(turn, one, What.LAPSE, of=woken)


def lose_milestone(turn: Turn, lost: MilestoneChanged, action: str) -> None:
    """A referrer has fewer rewards than a bonus takes: it is taken back, if it was given."""
    for one in _rewards(turn):
        if one.earning.action == action and one.side.role == Role.MILESTONE:
            _if_allowed(turn, one, What.LOSE, lost)


def change(  # noqa: PLR0913 - the last two are rarely given
    turn: Turn,
    reward: Reward,
    what: What,
    *,
    of: Record,
    value_micros: int | None = None,
    why: str | None = None,
) -> None:
    """Conclude an allowed change. Its value is what is left of the reward, unless given."""
    earning, side = reward
    status = allowed(side.status, what)
    assert status is not None
    value = side.remaining if value_micros is None else value_micros
    if status == RewardStatus.REVERSED and side.status not in STANDING:
        value = 0
    refund = of if isinstance(of, Claimed) else None
    next_entry(
        turn,
        earning,
        side,
        Change(
            RewardStatus.REVERSED if what == What.REFUND_PART else status,
            value,
            _reasons(reward, what, why),
            of,
            order_id=refund.order_id if refund else None,
            action_event_id=refund.action_event_id if refund else None,
        ),
    )
    if status == RewardStatus.REJECTED:
        _give_places_back(turn, reward)


def _if_allowed(turn: Turn, reward: Reward, what: What, of: Record) -> None:
    if allowed(reward.side.status, what):
        change(turn, reward, what, of=of)


def _rewards(turn: Turn) -> list[Reward]:
    return [Reward(one, side) for one in turn.pair.earnings for side in one.sides]


def _id_of(turn: Turn, reward: Reward) -> str:
    return reward_id(turn.code, turn.user_id, reward.earning.action, reward.side.role)


def _reasons(reward: Reward, what: What, why: str | None) -> list[str]:
    """Why it changed; a rejection after a hold repeats why it was held."""
    if what == What.APPROVE and reward.side.status == RewardStatus.FAILED:
        return [Reason.TRIED_AGAIN]
    reasons: list[str] = [_REASONS[what]] if what in _REASONS else []
    if why and why not in reasons:
        reasons.append(why)
    if allowed(reward.side.status, what) == RewardStatus.REJECTED:
        reasons += [one.reason for one in reward.earning.evidence]
    return reasons


def _refuse(turn: Turn, what: What, asked: Iterable[Reward]) -> None:
    known = list(asked)
    if not known:
        turn.refuse("unknown_reward", "there is no such reward of this user under this code")
        return
    states = ", ".join(
        f"{one.earning.action} of the {one.side.role} is {one.side.status}" for one in known
    )
    turn.refuse("not_allowed", f"{what} is not possible: {states}")


def _give_places_back(turn: Turn, reward: Reward) -> None:
    """A reward that was held and is rejected leaves its places to others."""
    earning, side = reward
    texts = [*_budget_places(earning, side), *_user_places(turn)]
    if not texts:
        return
    words = ("places_back", earning.claim_id, side.role)
    left = [place for place in texts if place in turn.pair.places]
    if left:
        turn.conclude(PlacesLeft(**turn.noted("left"), left=left))
    turn.conclude(
        LimitRequested(
            **turn.because(*words),
            limits=texts,
            passed=[],
            releasing=True,
            code=turn.code,
            user_id=turn.user_id,
            claim_id=earning.claim_id,
        )
    )


def _budget_places(earning: Earning, side: Side) -> Iterator[str]:
    for text in earning.budgets:
        yield str(Place.parse(text)._replace(amount=side.value_micros))


def _user_places(turn: Turn) -> Iterator[str]:
    """The places for this user that nothing of the user's needs any more."""
    days = {one.day for one in turn.pair.referrals if one.stands}
    for text in turn.pair.places:
        day = Place.parse(text).day
        if not turn.pair.stands or (day is not None and day not in days):
            yield text
