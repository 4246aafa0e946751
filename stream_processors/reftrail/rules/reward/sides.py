"""Sides of a reward: who earns for an action, how much, and what refunds leave of it."""

from typing import Final, NamedTuple

import msgspec

from reftrail.contracts.decisions import Claimed, Role
from reftrail.contracts.policy import OnRefund
from reftrail.contracts.record import Micros
from reftrail.contracts.side_rules import RewardValue, SideRules
from reftrail.rules.decider import fingerprint
from reftrail.rules.policy import Terms
from reftrail.rules.reward.actions import of_order
from reftrail.rules.reward.case import RewardCase, SideReward
from reftrail.rules.reward.context import DecisionContext
from reftrail.rules.reward.order import Order
from reftrail.rules.reward.rates import in_minor_units, value_at_rate

_replace: Final = msgspec.structs.replace


class Standing(NamedTuple):
    """The number of a referral in its campaign, and whether an earlier order of it earned."""

    number: int
    is_later: bool


def standing_of(context: DecisionContext, claim: Claimed, terms: Terms) -> Standing:
    """The standing of the referral for a claim: that of its first reward, once it has one."""
    campaign_id = terms.campaign.campaign_id
    begun = context.referral.begun_in(campaign_id)
    number = begun.number or context.usage.qualified_in(campaign_id) + 1
    first_order = begun.first_order
    is_later = first_order != 0 and first_order != fingerprint(of_order(claim.order_id))
    return Standing(number, is_later)


def sides_of(context: DecisionContext, claim: Claimed, terms: Terms) -> tuple[SideReward, ...]:
    """The rewards of both sides under a campaign, without those of value 0 and those of nobody.

    Where the campaign has milestones or tiers, the referrer's side is there even if its value is 0:
    they count it.
    """
    owner, campaign, policy = terms.code.owner_user_id, terms.campaign, terms.policy
    standing = standing_of(context, claim, terms)
    referrer = _priced(
        SideReward(
            Role.REFERRER,
            owner,
            campaign.referrer_reward_micros,
            campaign.referrer_reward_kind,
            campaign.referrer_reward_item,
        ),
        RewardValue(value_micros=campaign.referrer_reward_micros, percent=policy.referrer),
        policy.referrer_rules,
        claim,
        standing,
    )
    referee = _priced(
        SideReward(
            Role.REFEREE,
            claim.user_id,
            campaign.referee_reward_micros,
            campaign.referee_reward_kind,
            campaign.referee_reward_item,
        ),
        RewardValue(value_micros=campaign.referee_reward_micros, percent=policy.referee),
        policy.referee_rules,
        claim,
        standing,
    )
    is_counted = policy.milestones or policy.referrer_rules.tiers
    has_referrer = owner is not None and (referrer.value_micros > 0 or is_counted)
    return (referrer,) * bool(has_referrer) + (referee,) * (referee.value_micros > 0)


def _priced(
    side: SideReward, usual: RewardValue, rules: SideRules, claim: Claimed, standing: Standing
) -> SideReward:
    """A side with what it earns for a claim."""
    net = claim.amount_micros if claim.net_amount_micros is None else claim.net_amount_micros
    if rules.bands:
        bands = tuple((band.amount_micros, band.value_micros) for band in rules.bands)
        side = _replace(side, bands=bands, base_micros=net or 0)
        return _replace(side, value_micros=_value_in_bands(side))
    value = _usual_value(usual, rules, standing)
    percent = value.percent
    if percent is None or claim.currency is None:
        is_usual = value.value_micros == side.value_micros
        return side if is_usual else _replace(side, value_micros=value.value_micros)
    side = _replace(
        side,
        rate=percent.rate,
        base_micros=net or 0,
        maximum=percent.maximum_micros,
        currency=claim.currency,
    )
    return _replace(side, value_micros=value_at_rate(side))


def _usual_value(usual: RewardValue, rules: SideRules, standing: Standing) -> RewardValue:
    if standing.is_later and rules.later is not None:
        return rules.later
    reached = [tier for tier in rules.tiers if tier.referrals <= standing.number]
    return reached[-1] if reached else usual


def _value_in_bands(side: SideReward, left: Micros = 1, amount: Micros = 1) -> Micros:
    """The value of the band in which an order is of which so much of an amount is left."""
    reached = [value for least, value in side.bands if side.base_micros * left >= least * amount]
    return reached[-1] if reached else 0


def refunded_share(side: SideReward, case: RewardCase, order: Order) -> Micros:
    """The part of a side's value that the refunds of its order take, the order still earning.

    Of a share of the order, the rate of what remains is left; of a value by the order's amount, the
    value for what remains. Of other values, where refunds take in proportion, the value times the
    part of the amount that was not refunded, rounded half to even.
    """
    amount, value = order.amount_micros, side.value_micros
    if not order.refunded or not amount or case.on_refund == OnRefund.KEEP:
        return 0
    if side.rate:
        return value - value_at_rate(side, order.left, amount)
    if side.bands:
        return value - _value_in_bands(side, order.left, amount)
    if case.on_refund != OnRefund.PROPORTIONAL:
        return 0
    return value - in_minor_units(value, case.currency).share(order.left, amount).micros
