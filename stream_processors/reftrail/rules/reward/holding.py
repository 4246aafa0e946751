"""Holding period of a reward that was held for a suspicion, once nothing speaks against it."""

from reftrail.contracts.decisions import RewardStatus
from reftrail.contracts.policy import policy_in
from reftrail.contracts.record import Millis
from reftrail.contracts.reward_reasons import Reason
from reftrail.rules.policy import policy_at
from reftrail.rules.reward.context import DecisionContext
from reftrail.rules.reward.lifecycle import Reward


def holding_until(context: DecisionContext, reward: Reward, at: Millis) -> Millis | None:
    """The end of the holding period to which an approved suspicion returns a reward.

    None if it has ended, or if the reward is held for that period alone, or for a dispute: then an
    approval grants it at once.
    """
    case, side = reward
    is_suspected = all(found.reason != Reason.HOLDING_PERIOD for found in case.evidence)
    if side.status != RewardStatus.HELD or side.disputed or side.hold_until or not is_suspected:
        return None
    campaign = policy_at(context.reference, case.campaign_id, case.decided_by)
    hold_for = policy_in(campaign.policy).hold_for
    until = case.action_time + hold_for
    return until if hold_for and until > at else None
