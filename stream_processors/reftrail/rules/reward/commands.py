"""Commands about rewards: reviews, reports of fulfilment, and timers that fire."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from reftrail.contracts.decisions import RewardStatus
from reftrail.contracts.external_inputs import (
    FulfilmentOutcome,
    FulfilmentReported,
    ReviewDecision,
    Reviewed,
)
from reftrail.contracts.policy import AtHoldsEnd
from reftrail.contracts.reward_reasons import by_hand
from reftrail.rules.decider import TimerFired, fingerprint
from reftrail.rules.reward.context import DecisionContext
from reftrail.rules.reward.holding import holding_until
from reftrail.rules.reward.ledger_entries import reward_id
from reftrail.rules.reward.lifecycle import Reward, change
from reftrail.rules.reward.queue import Waiting
from reftrail.rules.reward.reinstatement import ask_to_reinstate
from reftrail.rules.reward.state import Command
from reftrail.rules.reward.state_events import CommandNoted, DayForgotten, Queued
from reftrail.rules.reward.suspension import restore_delivered, suspend
from reftrail.rules.reward.transitions import ENDED, Transition, allowed

_BY_DECISION: Final[Mapping[str, Transition]] = {
    ReviewDecision.APPROVE: Transition.APPROVE,
    ReviewDecision.DECLINE: Transition.DECLINE,
    ReviewDecision.REVERSE: Transition.REVERSE,
    ReviewDecision.REINSTATE: Transition.REINSTATE,
}
_BY_OUTCOME: Final[Mapping[str, tuple[Transition, RewardStatus]]] = {
    FulfilmentOutcome.DELIVERED: (Transition.DELIVER, RewardStatus.FULFILLED),
    FulfilmentOutcome.FAILED: (Transition.FAIL, RewardStatus.FAILED),
}


def review(context: DecisionContext, reviewed: Reviewed) -> None:
    """Apply an analyst's decision to one reward, or to all rewards of the referral that allow it.

    A review with the same event_id is applied once. One of a reward that waits to be reinstated
    waits behind that; of all rewards, the part that is about such ones.
    """
    if was_carried_out(context, reviewed.event_id):
        return
    context.apply(CommandNoted(**context.noted(), command_id=reviewed.event_id))
    awaited = {name for waiting in _waiting(context) for name in _awaited(context, waiting)}
    asked = _asked_about(context, reviewed)
    later = [reward for reward in asked if _id_of(context, reward) in awaited]
    if not later:
        carry_out(context, reviewed, asked)
        return
    now = [reward for reward in asked if _id_of(context, reward) not in awaited]
    is_begun = bool(_open_to(reviewed, now))
    if is_begun:
        carry_out(context, reviewed, now)
    names = tuple(_id_of(context, reward) for reward in later)
    waiting = Waiting(context.cause.offset, review=reviewed, names=names, is_begun=is_begun)
    context.apply(Queued(**context.noted(), waiting=waiting))


def _waiting(context: DecisionContext) -> Iterator[Waiting]:
    """All that waits in the queue of the referral, with what asks for reservations."""
    requested, event_id = context.referral.requested, context.referral.first
    if requested is not None and requested.waiting is not None:
        yield requested.waiting
    while event_id:
        cell = context.waiting(event_id)
        assert cell.waiting is not None
        yield cell.waiting
        event_id = cell.next_id


def _awaited(context: DecisionContext, waiting: Waiting) -> Iterable[str]:
    """The ids of rewards whose reinstatement, or other review, waits."""
    asked = waiting.reinstatement
    if asked is None:
        return waiting.names
    return [reward_id(context.code, context.user_id, asked.action, role) for role in asked.roles]


def _asked_about(context: DecisionContext, reviewed: Reviewed) -> list[Reward]:
    """The rewards that a review is about, the oldest first."""
    if reviewed.reward_id is None:
        return list(all_rewards(context))[::-1]
    return rewards_of(context, reviewed.reward_id, reviewed.action)


def _open_to(reviewed: Reviewed, asked: Iterable[Reward]) -> list[Reward]:
    """Those of some rewards whose status allows what a review decides."""
    transition = _BY_DECISION.get(reviewed.decision)
    return [reward for reward in asked if transition and allowed(reward.side.status, transition)]


def carry_out_rest(context: DecisionContext, waited: Waiting) -> None:
    """Carry out a review that has waited, for the rewards for which it did."""
    assert waited.review is not None
    asked = _asked_about(context, waited.review)
    rest = [reward for reward in asked if _id_of(context, reward) in waited.names]
    if not waited.is_begun or _open_to(waited.review, rest):
        carry_out(context, waited.review, rest)


def carry_out(context: DecisionContext, reviewed: Reviewed, asked: Sequence[Reward]) -> None:
    """Carry out a review of rewards that nothing before it can change any more."""
    transition = _BY_DECISION.get(reviewed.decision)
    if transition is None:
        context.refuse("not_allowed", f"{reviewed.decision!r} is no decision")
        return
    open_to_it = _open_to(reviewed, asked)
    if not open_to_it:
        _refuse(context, transition, asked)
    elif transition == Transition.REINSTATE:
        ask_to_reinstate(context, reviewed, open_to_it)
    else:
        for reward in open_to_it:
            until = None
            if transition == Transition.APPROVE:
                until = holding_until(context, reward, reviewed.event_time)
            does = transition if until is None else Transition.CLEAR
            change(context, reward, does, of=reviewed, why=by_hand(reviewed.reason), due_at=until)
            if reward.side.status == RewardStatus.FAILED:
                suspend(context, reward.case.action, of=reviewed)


def report_fulfilment(context: DecisionContext, report: FulfilmentReported) -> None:
    """Apply a report of delivery or failure to the reward that it names.

    A report that repeats the reward's status changes nothing. A refused report is not marked as
    carried out: the same report may be valid later, since its event_id follows from the delivery.
    """
    if was_carried_out(context, report.event_id) or not is_outcome(context, report):
        return
    transition, status = _BY_OUTCOME[report.outcome]
    asked = rewards_of(context, report.reward_id, report.action)
    if transition == Transition.DELIVER:
        _grant_again(context, asked, report)
        asked = rewards_of(context, report.reward_id, report.action)
    for reward in asked:
        if allowed(reward.side.status, transition) and not _was_never_ordered(reward):
            owed = _owed(reward, report) if transition == Transition.DELIVER else 0
            if reward.side.is_collected and not owed:
                return
            context.apply(CommandNoted(**context.noted(), command_id=report.event_id))
            change(context, reward, transition, of=report, clawback_micros=owed)
            return
    if not any(
        reward.side.status in (status, *ENDED) or reward.side.disputed
        for reward in asked
        if not _was_never_ordered(reward)
    ):
        _refuse(context, transition, asked)


def _was_never_ordered(reward: Reward) -> bool:
    """Whether a rejected reward was never ordered: then no report can be about it.

    One that a dispute held had been, where it was granted before.
    """
    return reward.side.status == RewardStatus.REJECTED and not reward.side.ordered


def is_outcome(context: DecisionContext, report: FulfilmentReported) -> bool:
    """Whether a report has an outcome that is known here. It is refused if not."""
    if report.outcome in _BY_OUTCOME:
        return True
    context.refuse("not_allowed", f"{report.outcome!r} is no outcome")
    return False


def fire(context: DecisionContext, fired: TimerFired) -> None:
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
            grants = case.at_holds_end == AtHoldsEnd.GRANT or side.hold_until is not None
            change(context, reward, Transition.RELEASE if grants else Transition.LAPSE, of=fired)


def _grant_again(
    context: DecisionContext, asked: Iterable[Reward], report: FulfilmentReported
) -> None:
    """Grant what was delivered after all: it is held for a dispute, or had failed or expired."""
    for reward in asked:
        if reward.side.disputed == RewardStatus.GRANTED:
            restore_delivered(context, reward, of=report)
        elif _is_to_be_corrected(reward, report):
            change(context, reward, Transition.CORRECT, of=report)


def _is_to_be_corrected(reward: Reward, report: FulfilmentReported) -> bool:
    """Whether a reward that failed or expired was delivered after all.

    An expired reward must have been delivered before it expired, by the report's own time. A failed
    one is granted again at any time, so that nothing that was delivered is ordered again.
    """
    status, due_at = reward.side.status, reward.side.due_at
    if status == RewardStatus.EXPIRED:
        return due_at is not None and report.event_time < due_at
    return status == RewardStatus.FAILED


def _owed(reward: Reward, report: FulfilmentReported) -> int:
    """The amount delivered beyond what is left of a reward and to be collected already.

    A reversal came too late for it.
    """
    side = reward.side
    ordered = side.ordered or side.value_micros  # of state from before orders were kept
    delivered = report.value_micros if report.value_micros is not None else ordered
    known = side.reserved if reward.side.is_collected else 0
    left = 0 if side.status == RewardStatus.REJECTED else side.remaining
    return max(0, delivered - left - known)


def was_carried_out(context: DecisionContext, event_id: str) -> bool:
    """Whether a command with this event_id was applied before."""
    command: Command = context.get(f"c:{fingerprint(event_id):x}", Command)
    return command.is_done


def rewards_of(context: DecisionContext, its_id: str, action: str | None) -> list[Reward]:
    """The reward with an id; found by its action, or else by a search through the referral."""
    if action is not None:
        found = [
            reward for reward in _of_action(context, action) if _id_of(context, reward) == its_id
        ]
        if found:
            return found
    return [reward for reward in all_rewards(context) if _id_of(context, reward) == its_id][:1]


def all_rewards(context: DecisionContext) -> Iterator[Reward]:
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
