"""Suspicions of a person's own accounts: they are judged again once these are known to be one.

Only the numbers of users among the evidence change. Whatever else spoke against an action when it
was decided on speaks against it still.
"""

from typing import Final

from reftrail.contracts.decisions import RewardStatus
from reftrail.contracts.policy import policy_in
from reftrail.contracts.record import Record
from reftrail.contracts.reward_reasons import Reason
from reftrail.rules.fraud.persons import rests_on_users, still_found
from reftrail.rules.fraud.scoring import Judgement, Verdict, judge
from reftrail.rules.policy import policy_at
from reftrail.rules.reward.actions import of_order
from reftrail.rules.reward.case import RewardCase
from reftrail.rules.reward.context import DecisionContext
from reftrail.rules.reward.holding import holding_until
from reftrail.rules.reward.lifecycle import Reward, change, reward_now
from reftrail.rules.reward.order_evidence import highest
from reftrail.rules.reward.transitions import Transition

_HELD: Final = RewardStatus.HELD


def is_rejected_for_own_users(context: DecisionContext, case: RewardCase) -> bool:
    """Whether a case was rejected since users counted as several who are one person by now."""
    if case.counts or case.verdict != Verdict.REJECT:
        return False
    judgement = _judged_again(context, case)
    return judgement is not None and judgement.verdict != Verdict.REJECT


def grant_if_of_own_users(context: DecisionContext, action: str, of: Record) -> None:
    """Grant what is held since users counted as several who are one person by now.

    As after an approval, what has a holding period is held until its end. Under a dispute it stays
    as it is, until that is won.
    """
    case = context.action(action).case
    if case is None or case.verdict != Verdict.HOLD or case.is_bonus:
        return
    judgement = _judged_again(context, case)
    if judgement is None or judgement.verdict != Verdict.GRANT:
        return
    for role in (side.role for side in case.sides):
        reward: Reward = reward_now(context, action, role)
        side = reward.side
        if side.status != _HELD or side.disputed or side.hold_until is not None:
            continue
        until = holding_until(context, reward, of.event_time)
        does = Transition.APPROVE if until is None else Transition.CLEAR
        change(context, reward, does, of=of, why=Reason.USERS_MERGED, due_at=until)


def _judged_again(context: DecisionContext, case: RewardCase) -> Judgement | None:
    """The judgement on a case by what is left of its evidence; None where all of it is left."""
    if not context.referral.users or not rests_on_users(case.evidence):
        return None
    answers = context.referral.seen
    if case.order_id is not None:
        answers = (*answers, *context.action(of_order(case.order_id)).seen)
    found = tuple(still_found(case.evidence, highest(answers, context.person)))
    if found == case.evidence:
        return None
    rules = policy_at(context.reference, case.campaign_id, case.decided_by)
    return judge((), found, policy_in(rules.policy).fraud)
