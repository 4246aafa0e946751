"""Campaigns on the wire: `CampaignDefined` from what the owner wrote, and back."""

from operator import attrgetter
from typing import Any, Final

import msgspec

from reftrail.campaigns.definition import Campaign
from reftrail.campaigns.tables import Caps, Fraud, Milestone, Reward, Rewards
from reftrail.contracts import policy as contract
from reftrail.contracts.policy import AtHoldsEnd, MilestoneKind, OnRefund, OrderIds, Policy, Scope
from reftrail.contracts.reference import CampaignDefined, Trigger
from reftrail.contracts.times import millis, moment

_ABOUT: Final = (
    "event_id",
    "event_time",
    "received_at",
    "campaign_id",
    "version",
    "effective_from",
)
"""The fields of `CampaignDefined` that are about a version and no rules."""


def rules(campaign: Campaign) -> dict[str, Any]:
    """The fields of `CampaignDefined` that make up a campaign's rules."""
    reward = campaign.reward
    return {
        "name": campaign.name,
        "category": campaign.category,
        "starts_at": millis(campaign.starts_at),
        "ends_at": millis(campaign.ends_at),
        "attribution_window_ms": campaign.attribution_window,
        "counts_views": campaign.counts_views,
        "typed_code_wins": campaign.typed_code_wins,
        "late_touch_grace_ms": campaign.late_touch_grace,
        "trigger": campaign.trigger.value,
        "minimum_amount_micros": campaign.minimum_amount,
        "referrer_reward_micros": reward.referrer.value,
        "referrer_reward_kind": reward.referrer.kind,
        "referrer_reward_item": reward.referrer.item,
        "referee_reward_micros": reward.referee.value,
        "referee_reward_kind": reward.referee.kind,
        "referee_reward_item": reward.referee.item,
        "reward_currency": reward.currency,
        "policy": contract.policy_text(policy(campaign)),
    }


def rules_of(defined: CampaignDefined) -> dict[str, Any]:
    """The rules of a version that was written, comparable with `rules`."""
    fields = msgspec.structs.asdict(defined)
    text = contract.policy_text(contract.policy_in(defined.policy))
    return {name: value for name, value in fields.items() if name not in _ABOUT} | {"policy": text}


def policy(campaign: Campaign) -> Policy:
    """The structured part of a campaign's rules; equal for all ways to write the same."""
    caps, fraud = campaign.caps, campaign.fraud
    return Policy(
        scope=Scope(campaign.once_per),
        trigger_count=campaign.trigger_count,
        repeats=campaign.repeats,
        hold_for=campaign.hold_for,
        expires_after=campaign.expires_after,
        backdated_touch_for=campaign.backdated_touch_for,
        on_refund=OnRefund(campaign.on_refund),
        order_ids=OrderIds(campaign.order_ids),
        checkout_tolerance=campaign.checkout_tolerance,
        caps=contract.Caps(
            per_code=caps.per_code,
            per_code_per_day=caps.per_code_per_day,
            per_referrer=caps.per_referrer,
            per_referrer_per_day=caps.per_referrer_per_day,
            budget_micros=caps.budget,
            budget_per_day_micros=caps.budget_per_day,
        ),
        fraud=contract.Fraud(
            grant_up_to=fraud.grant_up_to,
            reject_from=fraud.reject_from,
            weights=fraud.weights,
            limits=fraud.limits,
            decisive=sorted(set(fraud.decisive)),
            review_for=fraud.review_for,
            at_review_end=AtHoldsEnd(fraud.at_review_end),
        ),
        milestones=sorted(
            (_milestone(one, campaign.reward.currency) for one in campaign.milestones),
            key=attrgetter("grants", "name"),
        ),
    )


def campaign_of(defined: CampaignDefined) -> Campaign:
    """What its owner would write for a version. It isn't judged anew: it is in force."""
    settings = contract.policy_in(defined.policy)
    return Campaign.model_construct(
        campaign_id=defined.campaign_id,
        name=defined.name,
        category=defined.category,
        effective_from=moment(defined.effective_from) if defined.effective_from else None,
        starts_at=moment(defined.starts_at),
        ends_at=moment(defined.ends_at),
        attribution_window=defined.attribution_window_ms,
        counts_views=defined.counts_views,
        typed_code_wins=defined.typed_code_wins,
        late_touch_grace=defined.late_touch_grace_ms,
        once_per=settings.scope,
        trigger=Trigger(defined.trigger),
        trigger_count=settings.trigger_count,
        minimum_amount=defined.minimum_amount_micros,
        repeats=settings.repeats,
        hold_for=settings.hold_for,
        expires_after=settings.expires_after,
        backdated_touch_for=settings.backdated_touch_for,
        on_refund=settings.on_refund,
        order_ids=settings.order_ids,
        checkout_tolerance=settings.checkout_tolerance,
        reward=_rewards_of(defined),
        caps=_caps_of(settings.caps),
        fraud=_fraud_of(settings.fraud),
        milestones=[_milestone_of(one, defined.reward_currency) for one in settings.milestones],
    )


def _rewards_of(defined: CampaignDefined) -> Rewards:
    return Rewards.model_construct(
        currency=defined.reward_currency,
        referrer=Reward.model_construct(
            value=defined.referrer_reward_micros,
            kind=defined.referrer_reward_kind,
            item=defined.referrer_reward_item,
        ),
        referee=Reward.model_construct(
            value=defined.referee_reward_micros,
            kind=defined.referee_reward_kind,
            item=defined.referee_reward_item,
        ),
    )


def _caps_of(caps: contract.Caps) -> Caps:
    return Caps.model_construct(
        per_code=caps.per_code,
        per_code_per_day=caps.per_code_per_day,
        per_referrer=caps.per_referrer,
        per_referrer_per_day=caps.per_referrer_per_day,
        budget=caps.budget_micros,
        budget_per_day=caps.budget_per_day_micros,
    )


def _fraud_of(fraud: contract.Fraud) -> Fraud:
    return Fraud.model_construct(
        grant_up_to=fraud.grant_up_to,
        reject_from=fraud.reject_from,
        review_for=fraud.review_for,
        at_review_end=fraud.at_review_end,
        decisive=fraud.decisive,
        weights=fraud.weights,
        limits=fraud.limits,
    )


def _milestone_of(milestone: contract.Milestone, currency: str) -> Milestone:
    return Milestone.model_construct(
        name=milestone.name,
        kind=milestone.kind,
        grants=milestone.grants,
        value=milestone.value_micros,
        currency=None if milestone.currency == currency else milestone.currency,
        reward_kind=milestone.reward_kind,
        item=milestone.item,
    )


def _milestone(milestone: Milestone, currency: str) -> contract.Milestone:
    is_bonus = milestone.kind == MilestoneKind.BONUS
    return contract.Milestone(
        name=milestone.name,
        kind=MilestoneKind(milestone.kind),
        grants=milestone.grants,
        value_micros=milestone.value,
        currency=(milestone.currency or currency) if is_bonus else None,
        reward_kind=milestone.reward_kind,
        item=milestone.item,
    )
