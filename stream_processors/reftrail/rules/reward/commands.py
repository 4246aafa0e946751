"""Commands about rewards: reviews, reports of fulfilment, and timers that fire."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from reftrail.contracts.decisions import RewardStatus
from reftrail.contracts.external_inputs import (
    FulfilmentOutcome,
    FulfilmentReported,
    ReviewDecision,
    Reviewed,
)
from reftrail.contracts.policy import AtHoldsEnd
from reftrail.rules.decider import Woken, fingerprint
from reftrail.rules.reward.context import DecisionContext
from reftrail.rules.reward.ledger_entries import reward_id
from reftrail.rules.reward.lifecycle import Reward, change
from reftrail.rules.reward.state import Command
from reftrail.rules.reward.state_events import CommandNoted, DayForgotten
from reftrail.rules.reward.transitions import Transition, allowed

_BY_DECISION: Final[Mapping[str, Transition]] = {
    ReviewDecision.APPROVE: Transition.APPROVE,
    ReviewDecision.DECLINE: Transition.DECLINE,
    ReviewDecision.REVERSE: Transition.REVERSE,
}
_BY_OUTCOME: Final[Mapping[str, tuple[Transition, RewardStatus]]] = {
    FulfilmentOutcome.DELIVERED: (Transition.DELIVER, RewardStatus.FULFILLED),
    FulfilmentOutcome.FAILED: (Transition.FAIL, RewardStatus.FAILED),
}


def review(context: DecisionContext, reviewed: Reviewed) -> None:
    """Apply an analyst's decision to one reward, or to all rewards of the referral that allow it.

    A review with the same event_id is applied once.
    """
    if _was_carried_out(context, reviewed.event_id):
        return
    context.apply(CommandNoted(**context.noted(), command_id=reviewed.event_id))
    transition = _BY_DECISION.get(reviewed.decision)
    if transition is None:
        context.refuse("not_allowed", f"{reviewed.decision!r} is no decision")
        return
    if reviewed.reward_id is None:
        asked = list(_all_rewards(context))[::-1]
    else:
        asked = _rewards_of(context, reviewed.reward_id, reviewed.action)
    open_to_it = [reward for reward in asked if allowed(reward.side.status, transition)]
    for reward in open_to_it:
        change(context, reward, transition, of=reviewed, why=reviewed.reason)
    if not open_to_it:
        _refuse(context, transition, asked)


def report_fulfilment(context: DecisionContext, report: FulfilmentReported) -> None:
    """Apply a report of delivery or failure to the reward that it names.

    A report that repeats the reward's status changes nothing. A refused report is not marked as
    carried out: the same report may be valid later, since its event_id follows from the delivery.
    """
    if _was_carried_out(context, report.event_id):
        return
    if report.outcome not in _BY_OUTCOME:
        context.refuse("not_allowed", f"{report.outcome!r} is no outcome")
        return
    transition, status = _BY_OUTCOME[report.outcome]
    asked = _rewards_of(context, report.reward_id, report.action)
    if transition == Transition.DELIVER:
        for reward in asked:
            if _is_to_be_reinstated(reward, report):
                change(context, reward, Transition.REINSTATE, of=report)
        asked = _rewards_of(context, report.reward_id, report.action)
    for reward in asked:
        if allowed(reward.side.status, transition):
            owed = _owed(reward, report) if transition == Transition.DELIVER else 0
            if _is_collected(reward) and not owed:
                return
            context.apply(CommandNoted(**context.noted(), command_id=report.event_id))
            change(context, reward, transition, of=report, clawback_micros=owed)
            return
    if not any(reward.side.status in (status, RewardStatus.REVERSED) for reward in asked):
        _refuse(context, transition, asked)


def fire(context: DecisionContext, fired: Woken) -> None:
    """End the hold of a reward or expire a grant, if its time has come; or forget a code's day."""
    if not fired.user_id:
        context.apply(DayForgotten(**context.noted(), day=int(fired.action)))
        return
    case = context.action(fired.action).case
    if case is None:
        return
    for side in case.sides:
        if side.due_at is None or side.due_at > fired.event_time:
            continue
        reward = Reward(case, side)
        if side.status == RewardStatus.GRANTED:
            change(context, reward, Transition.EXPIRE, of=fired)
        elif side.status == RewardStatus.HELD:
            grants = case.at_holds_end == AtHoldsEnd.GRANT
            change(context, reward, Transition.RELEASE if grants else Transition.LAPSE, of=fired)


def _is_to_be_reinstated(reward: Reward, report: FulfilmentReported) -> bool:
    """Whether a reward that failed or expired was delivered after all.

    An expired reward must have been delivered before it expired, by the report's own time. A failed
    one is reinstated at any time, so that nothing that was delivered is ordered again.
    """
    status, due_at = reward.side.status, reward.side.due_at
    if status == RewardStatus.EXPIRED:
        return due_at is not None and report.event_time < due_at
    return status == RewardStatus.FAILED


def _owed(reward: Reward, report: FulfilmentReported) -> int:
    """How much more was delivered than is left of a reward, and than is to be collected already.

    A reversal came too late for it.
    """
    side = reward.side
    ordered = side.ordered or side.value_micros  # of state from before orders were kept
    delivered = report.value_micros if report.value_micros is not None else ordered
    known = side.reserved if _is_collected(reward) else 0
    return max(0, delivered - side.remaining - known)


def _is_collected(reward: Reward) -> bool:
    """Whether a reversed reward is known to be delivered, so that it is to be collected already."""
    return reward.side.status == RewardStatus.REVERSED and reward.side.reserved > 0


def _was_carried_out(context: DecisionContext, event_id: str) -> bool:
    command: Command = context.get(f"c:{fingerprint(event_id):x}", Command)
    return command.is_done


def _rewards_of(context: DecisionContext, its_id: str, action: str | None) -> list[Reward]:
    """The reward with an id; found by its action, or else by a search through the referral."""
    if action is not None:
        found = [
            reward for reward in _of_action(context, action) if _id_of(context, reward) == its_id
        ]
        if found:
            return found
    return [reward for reward in _all_rewards(context) if _id_of(context, reward) == its_id][:1]


def _all_rewards(context: DecisionContext) -> Iterator[Reward]:
    """The rewards of the referral, the newest first."""
    action = context.referral.latest
    while action:
        yield from reversed(_of_action(context, action))
        action = context.action(action).previous


def _of_action(context: DecisionContext, action: str) -> list[Reward]:
    case = context.action(action).case
    return [] if case is None else [Reward(case, side) for side in case.sides]


def _id_of(context: DecisionContext, reward: Reward) -> str:
    return reward_id(context.code, context.user_id, reward.case.action, reward.side.role)


def _refuse(context: DecisionContext, transition: Transition, asked: Iterable[Reward]) -> None:
    known = list(asked)
    if not known:
        context.refuse("unknown_reward", "there is no such reward of this user under this code")
        return
    states = ", ".join(
        f"{case.action} of the {side.role} is {side.status}" for case, side in known[:20]
    )
    context.refuse("not_allowed", f"{transition} is not possible: {states}")
