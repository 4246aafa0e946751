"""Campaigns on the wire: `CampaignDefined` from what the owner wrote, and back."""

from operator import attrgetter
from typing import Any, Final

import msgspec

from reftrail.campaigns.definition import Campaign
from reftrail.campaigns.experiment import Arm, ArmReward, Experiment
from reftrail.campaigns.links import Links
from reftrail.campaigns.tables import Adjustments, Caps, Fraud, Milestone
from reftrail.campaigns.wire_rewards import percent, rewards_of, side_rules
from reftrail.contracts import links
from reftrail.contracts import policy as contract
from reftrail.contracts.policy import (
    ArmUnit,
    AtHoldsEnd,
    BudgetCounts,
    MilestoneKind,
    OnRefund,
    OrderIds,
    Policy,
    Scope,
    TermsFrom,
)
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
        new_customers_only=campaign.new_customers_only,
        once_per_email=campaign.once_per_email,
        caps=contract.Caps(
            per_code=caps.per_code,
            per_code_per_day=caps.per_code_per_day,
            per_referrer=caps.per_referrer,
            per_referrer_per_day=caps.per_referrer_per_day,
            budget_micros=caps.budget,
            budget_per_day_micros=caps.budget_per_day,
            budget_counts=BudgetCounts(caps.budget_counts),
        ),
        adjustments=contract.Adjustments(
            approval_above_micros=campaign.adjustments.approval_above,
            approval_window=campaign.adjustments.approval_window,
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
        earning_months=campaign.earning_months,
        terms_from=TermsFrom(campaign.terms_from),
        referrer=percent(campaign.reward.referrer),
        referee=percent(campaign.reward.referee),
        referrer_rules=side_rules(campaign.reward.referrer),
        referee_rules=side_rules(campaign.reward.referee),
        experiment=None if campaign.experiment is None else _experiment(campaign.experiment),
        milestones=sorted(
            (_milestone(milestone, campaign.reward.currency) for milestone in campaign.milestones),
            key=attrgetter("grants", "name"),
        ),
        links=links.Links(**campaign.links.model_dump()),
    )


def _experiment(experiment: Experiment) -> contract.Experiment:
    arms = [
        contract.Arm(
            name=arm.name,
            share=arm.share,
            referrer=_arm_reward(arm.referrer),
            referee=_arm_reward(arm.referee),
        )
        for arm in experiment.arms
    ]
    return contract.Experiment(by=ArmUnit(experiment.by), salt=experiment.salt, arms=arms)


def _arm_reward(reward: ArmReward | None) -> contract.ArmReward | None:
    if reward is None:
        return None
    return contract.ArmReward(value_micros=reward.value, percent=percent(reward))


def campaign_of(defined: CampaignDefined) -> Campaign:
    """The file that would define a version. It isn't judged anew: it is in force."""
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
        earning_months=settings.earning_months,
        terms_from=settings.terms_from,
        hold_for=settings.hold_for,
        expires_after=settings.expires_after,
        backdated_touch_for=settings.backdated_touch_for,
        on_refund=settings.on_refund,
        order_ids=settings.order_ids,
        checkout_tolerance=settings.checkout_tolerance,
        reward=rewards_of(defined, settings),
        new_customers_only=settings.new_customers_only,
        once_per_email=settings.once_per_email,
        caps=_caps_of(settings.caps),
        adjustments=Adjustments.model_construct(
            approval_above=settings.adjustments.approval_above_micros,
            approval_window=settings.adjustments.approval_window,
        ),
        fraud=_fraud_of(settings.fraud),
        milestones=[
            _milestone_of(milestone, defined.reward_currency) for milestone in settings.milestones
        ],
        links=Links.model_construct(**msgspec.structs.asdict(settings.links)),
        experiment=_experiment_of(settings.experiment) if settings.experiment else None,
    )


def _experiment_of(experiment: contract.Experiment) -> Experiment:
    return Experiment.model_construct(
        by=experiment.by,
        salt=experiment.salt,
        arms=[
            Arm.model_construct(
                name=arm.name,
                share=arm.share,
                referrer=_arm_reward_of(arm.referrer),
                referee=_arm_reward_of(arm.referee),
            )
            for arm in experiment.arms
        ],
    )


def _arm_reward_of(reward: contract.ArmReward | None) -> ArmReward | None:
    if reward is None:
        return None
    return ArmReward.model_construct(
        value=reward.value_micros,
        percent=reward.percent.rate if reward.percent else None,
        maximum=reward.percent.maximum_micros if reward.percent else None,
    )


def _caps_of(caps: contract.Caps) -> Caps:
    return Caps.model_construct(
        per_code=caps.per_code,
        per_code_per_day=caps.per_code_per_day,
        per_referrer=caps.per_referrer,
        per_referrer_per_day=caps.per_referrer_per_day,
        budget=caps.budget_micros,
        budget_per_day=caps.budget_per_day_micros,
        budget_counts=caps.budget_counts,
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
