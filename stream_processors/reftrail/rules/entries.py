"""The entries of the reward ledger, and the orders to fulfil that go with grants."""

from dataclasses import dataclass

from reftrail.contracts.decisions import (
    Claimed,
    RewardDecided,
    RewardGranted,
    RewardStatus,
    Role,
)
from reftrail.contracts.record import Micros
from reftrail.contracts.reference import CampaignDefined, CodeChanged, Trigger
from reftrail.rules.decider import Cause, because, derived_id
from reftrail.rules.ledger import Grant
from reftrail.rules.policy import NO_CURRENCY, NO_KIND
from reftrail.rules.reasons import Reason


def reward_id(code: str, user_id: str, action: str, role: str) -> str:
    """The identity of a reward: whatever is claimed and however often, the same."""
    return derived_id(code, user_id, action, role)


@dataclass(frozen=True, slots=True)
class Due:
    """What one side earns if a claim is good."""

    role: Role
    beneficiary: str
    value_micros: Micros
    kind: str


@dataclass(frozen=True, slots=True)
class Terms:
    """The code that a claim is about, and its campaign's rules at the time of the claim."""

    code: CodeChanged
    campaign: CampaignDefined


def dues(claim: Claimed, terms: Terms) -> list[Due]:
    """What each side earns under a campaign: nothing of value 0, nothing to nobody."""
    code, campaign = terms.code, terms.campaign
    sides = (
        (
            Role.REFERRER,
            code.owner_user_id,
            campaign.referrer_reward_micros,
            campaign.referrer_reward_kind,
        ),
        (
            Role.REFEREE,
            claim.user_id,
            campaign.referee_reward_micros,
            campaign.referee_reward_kind,
        ),
    )
    return [
        Due(role, beneficiary, value, kind)
        for role, beneficiary, value, kind in sides
        if beneficiary is not None and value > 0
    ]


def entry(
    due: Due, reasons: list[str], claim: Claimed, cause: Cause, terms: Terms
) -> RewardDecided:
    """A side's grant; its rejection if there are reasons, at the value that it would have had."""
    code, campaign = terms.code, terms.campaign
    status = RewardStatus.REJECTED if reasons else RewardStatus.GRANTED
    return RewardDecided(
        **because(claim, cause, f"{status}:{due.role}"),
        reward_id=reward_id(claim.code, claim.user_id, campaign.trigger, due.role),
        code=claim.code,
        user_id=claim.user_id,
        beneficiary=due.beneficiary,
        role=due.role,
        action=campaign.trigger,
        status=status,
        reasons=reasons,
        value_micros=due.value_micros,
        currency=campaign.reward_currency,
        kind=due.kind,
        campaign_id=campaign.campaign_id,
        campaign_version=campaign.version,
        category=code.category or campaign.category,
        channel=code.channel or claim.channel,
        order_id=claim.order_id,
        basis=claim.basis,
        touch_event_id=claim.touch_event_id,
        action_event_id=claim.action_event_id,
    )


def unpriced_rejection(
    reasons: list[str], claim: Claimed, cause: Cause, code: CodeChanged | None
) -> RewardDecided:
    """The trace of a signup whose worth nobody knows, for want of the code or its campaign."""
    return RewardDecided(
        **because(claim, cause, f"{RewardStatus.REJECTED}:{Role.REFEREE}"),
        reward_id=reward_id(claim.code, claim.user_id, Trigger.SIGNUP, Role.REFEREE),
        code=claim.code,
        user_id=claim.user_id,
        beneficiary=claim.user_id if code else None,
        role=Role.REFEREE,
        action=Trigger.SIGNUP,
        status=RewardStatus.REJECTED,
        reasons=reasons,
        value_micros=0,
        currency=NO_CURRENCY,
        kind=NO_KIND,
        campaign_id=code.campaign_id if code else None,
        category=code.category if code else None,
        channel=(code.channel if code else None) or claim.channel,
        basis=claim.basis,
        touch_event_id=claim.touch_event_id,
        action_event_id=claim.action_event_id,
    )


def reversal(grant: Grant, refund: Claimed, cause: Cause) -> RewardDecided:
    """The entry that takes a grant back."""
    return RewardDecided(
        **because(refund, cause, f"{RewardStatus.REVERSED}:{grant.role}"),
        reward_id=reward_id(refund.code, refund.user_id, grant.action, grant.role),
        code=refund.code,
        user_id=refund.user_id,
        beneficiary=grant.beneficiary,
        role=grant.role,
        action=grant.action,
        status=RewardStatus.REVERSED,
        reasons=[Reason.REFUNDED],
        value_micros=grant.value_micros,
        currency=grant.currency,
        kind=grant.kind,
        campaign_id=grant.campaign_id,
        campaign_version=grant.campaign_version,
        category=grant.category,
        channel=grant.channel,
        order_id=refund.order_id,
        basis=refund.basis,
        touch_event_id=refund.touch_event_id,
        action_event_id=refund.action_event_id,
        supersedes=grant.event_id,
    )


def order_to_fulfil(granted: RewardDecided) -> RewardGranted:
    """What fulfilment gets for a granted entry."""
    assert granted.beneficiary is not None
    assert granted.campaign_id is not None
    assert granted.campaign_version is not None
    return RewardGranted(
        event_id=granted.event_id,
        event_time=granted.event_time,
        received_at=granted.received_at,
        cause_topic=granted.cause_topic,
        cause_partition=granted.cause_partition,
        cause_offset=granted.cause_offset,
        cause_event_id=granted.cause_event_id,
        rules=granted.rules,
        reward_id=granted.reward_id,
        code=granted.code,
        user_id=granted.user_id,
        beneficiary=granted.beneficiary,
        role=granted.role,
        action=granted.action,
        value_micros=granted.value_micros,
        currency=granted.currency,
        kind=granted.kind,
        campaign_id=granted.campaign_id,
        campaign_version=granted.campaign_version,
        category=granted.category,
        order_id=granted.order_id,
    )
