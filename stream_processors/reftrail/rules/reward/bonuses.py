"""Bonuses for milestones: one side, no hold, out of the campaign's budget."""

import msgspec

from reftrail.contracts.decisions import Role
from reftrail.contracts.external_inputs import Listing
from reftrail.contracts.policy import DEFAULT, BudgetCounts, MilestoneKind, policy_in
from reftrail.contracts.stage_messages import MilestoneChanged
from reftrail.rules.fraud.case import Evidence
from reftrail.rules.fraud.scoring import Verdict
from reftrail.rules.policy import DEFAULT_POLICY
from reftrail.rules.reward.actions import of_milestone
from reftrail.rules.reward.case import RewardCase, SideReward
from reftrail.rules.reward.context import DecisionContext
from reftrail.rules.reward.lifecycle import Reward, change, ended_by_review
from reftrail.rules.reward.queue import AssessedReward
from reftrail.rules.reward.rejection import WEIGHT
from reftrail.rules.reward.reservations import budget_reservations
from reftrail.rules.reward.reserving import ask_or_decide
from reftrail.rules.reward.state_events import MilestoneGone
from reftrail.rules.reward.transitions import Transition, allowed


def is_bonus(changed: MilestoneChanged) -> bool:
    """Whether a milestone is worth something."""
    return changed.kind == MilestoneKind.BONUS and changed.value_micros > 0


def settle_milestone(context: DecisionContext, changed: MilestoneChanged) -> None:
    """Give a bonus that wasn't decided on yet, or take it back where the milestone is lost.

    One that a review ended isn't given again, however often the milestone is reached.
    """
    action = of_milestone(changed)
    case = context.action(action).case
    if changed.reached:
        if case is None and not ended_by_review(context, action):
            ask_or_decide(context, _bonus(context, changed))
        return
    if case is None:
        return
    for side in case.sides:
        if allowed(side.status, Transition.LOSE):
            change(context, Reward(case, side), Transition.LOSE, of=changed)
        else:
            context.apply(MilestoneGone(**context.noted(), action=action))


def _bonus(context: DecisionContext, changed: MilestoneChanged) -> AssessedReward:
    """Assess the bonus of a milestone that was reached.

    The grants that count for it were judged for fraud before, so only allow and block lists are
    asked.
    """
    campaign = context.reference.campaign(changed.campaign_id, changed.event_time)
    policy = policy_in(campaign.policy) if campaign else DEFAULT
    campaign = campaign or DEFAULT_POLICY
    blocked = _blocked(context, changed)
    side = SideReward(
        Role.MILESTONE,
        changed.beneficiary,
        changed.value_micros,
        changed.reward_kind or "credit",
        changed.item,
        reserved=changed.value_micros,
    )
    case = RewardCase(
        action=of_milestone(changed),
        claim_id=changed.event_id,
        action_event_id=changed.event_id,
        action_time=changed.event_time,
        received_at=changed.received_at,
        basis=Role.MILESTONE,
        sides=(side,),
        currency=changed.currency or campaign.reward_currency,
        verdict=Verdict.REJECT if blocked else Verdict.GRANT,
        score=sum(evidence.weight for evidence in blocked),
        evidence=blocked,
        campaign_id=changed.campaign_id,
        campaign_version=changed.campaign_version,
        category=campaign.category,
        root_reference=changed.cause_event_id,
        decided_at=max(changed.event_time, changed.received_at, changed.decided_at or 0),
        expires_after=policy.expires_after,
        counts_gross=policy.caps.budget_counts == BudgetCounts.GROSS,
    )
    budgets = () if blocked else budget_reservations(campaign, policy, case)
    return AssessedReward(msgspec.structs.replace(case, reservations=budgets), asked=budgets)


def _blocked(context: DecisionContext, changed: MilestoneChanged) -> tuple[Evidence, ...]:
    for subject, value in (("user", changed.beneficiary), ("code", changed.code)):
        entry = context.reference.listed(subject, value, changed.received_at)
        if entry is not None and entry.listing == Listing.BLOCK:
            return (Evidence("blocked", WEIGHT, {"subject": subject, "value": value}),)
    return ()
