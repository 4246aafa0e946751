"""What a referrer gets for a milestone: one side, no hold, out of the campaign's budget."""

import msgspec

from reftrail.contracts.decisions import Role
from reftrail.contracts.life import Listing, MilestoneChanged
from reftrail.contracts.policy import DEFAULT, MilestoneKind, policy_in
from reftrail.rules.fraud.case import Evidence
from reftrail.rules.fraud.scoring import Verdict
from reftrail.rules.judging import budget_places
from reftrail.rules.ledger import Earning, PairLedger, Prospect, Side
from reftrail.rules.policy import DEFAULT_POLICY
from reftrail.rules.reasons import WEIGHT
from reftrail.rules.turn import Turn


def is_bonus(changed: MilestoneChanged) -> bool:
    """Whether a milestone is worth something."""
    return changed.kind == MilestoneKind.BONUS and changed.value_micros > 0


def action_of(changed: MilestoneChanged) -> str:
    """The action that a bonus is for: the milestone, numbered where it was lost in between."""
    return changed.name if changed.times == 1 else f"{changed.name}:{changed.times}"


def is_known(changed: MilestoneChanged, pair: PairLedger) -> bool:
    """Whether the bonus was decided on before."""
    return any(one.is_bonus and one.action == action_of(changed) for one in pair.earnings)


def bonus(turn: Turn, changed: MilestoneChanged) -> Prospect:
    """What reaching a milestone comes to. Its grants have been judged; here only lists count."""
    campaign = turn.reference.campaign(changed.campaign_id, changed.event_time)
    policy = policy_in(campaign.policy) if campaign else DEFAULT
    campaign = campaign or DEFAULT_POLICY
    blocked = _blocked(turn, changed)
    side = Side(
        Role.MILESTONE,
        changed.beneficiary,
        changed.value_micros,
        changed.reward_kind or "credit",
        changed.item,
    )
    earning = Earning(
        action=action_of(changed),
        claim_id=changed.event_id,
        action_event_id=changed.event_id,
        action_time=changed.event_time,
        received_at=changed.received_at,
        basis=Role.MILESTONE,
        sides=(side,),
        currency=changed.currency or campaign.reward_currency,
        verdict=Verdict.REJECT if blocked else Verdict.GRANT,
        score=sum(one.weight for one in blocked),
        evidence=blocked,
        campaign_id=changed.campaign_id,
        campaign_version=changed.campaign_version,
        category=campaign.category,
        root_reference=changed.cause_event_id,
        expires_after=policy.expires_after,
    )
    budgets = () if blocked else budget_places(campaign, policy, earning)
    return Prospect(msgspec.structs.replace(earning, budgets=budgets))


def _blocked(turn: Turn, changed: MilestoneChanged) -> tuple[Evidence, ...]:
    for subject, value in (("user", changed.beneficiary), ("code", changed.code)):
        entry = turn.reference.listed(subject, value, changed.received_at)
        if entry is not None and entry.listing == Listing.BLOCK:
            return (Evidence("blocked", WEIGHT, {"subject": subject, "value": value}),)
    return ()
