"""The rewards of a campaign as the policy on the wire has them, and back."""

from operator import attrgetter

from reftrail.campaigns.experiment import ArmReward
from reftrail.campaigns.reward_tables import Band, Later, Reward, Rewards, Tier
from reftrail.contracts import policy as contract
from reftrail.contracts import side_rules as terms
from reftrail.contracts.record import Micros
from reftrail.contracts.reference import CampaignDefined


def percent(reward: Reward | ArmReward) -> terms.Percent | None:
    """One side's usual share of an order, in the campaign or in an arm."""
    return _share(reward.percent, reward.maximum)


def side_rules(reward: Reward) -> terms.SideRules:
    """One side's values besides its usual reward; equal for all ways to write the same."""
    tiers = [
        terms.Tier(
            referrals=tier.referrals,
            value_micros=tier.value,
            percent=_share(tier.percent, reward.maximum),
        )
        for tier in sorted(reward.tiers, key=attrgetter("referrals"))
    ]
    later = None
    if reward.later is not None:
        share = _share(reward.later.percent, reward.maximum)
        later = terms.RewardValue(value_micros=reward.later.value, percent=share)
    bands = [
        terms.Band(amount_micros=band.amount, value_micros=band.value)
        for band in sorted(reward.bands, key=attrgetter("amount"))
    ]
    return terms.SideRules(tiers=tiers, later=later, bands=bands)


def rewards_of(defined: CampaignDefined, settings: contract.Policy) -> Rewards:
    """The tables of the rewards of a version."""
    return Rewards.model_construct(
        currency=defined.reward_currency,
        referrer=_reward(
            defined.referrer_reward_micros,
            settings.referrer,
            settings.referrer_rules,
            defined.referrer_reward_kind,
            defined.referrer_reward_item,
        ),
        referee=_reward(
            defined.referee_reward_micros,
            settings.referee,
            settings.referee_rules,
            defined.referee_reward_kind,
            defined.referee_reward_item,
        ),
    )


def _share(rate: int | None, maximum: Micros | None) -> terms.Percent | None:
    return None if rate is None else terms.Percent(rate=rate, maximum_micros=maximum)


def _reward(
    value: Micros,
    usual: terms.Percent | None,
    rules: terms.SideRules,
    kind: str,
    item: str | None,
) -> Reward:
    varied = [*rules.tiers, *((rules.later,) if rules.later else ())]
    shares = [share for share in (usual, *(value.percent for value in varied)) if share]
    later = None
    if rules.later is not None:
        rate = _rate(rules.later.percent)
        later = Later.model_construct(value=rules.later.value_micros, percent=rate)
    return Reward.model_construct(
        value=value,
        percent=_rate(usual),
        maximum=shares[0].maximum_micros if shares else None,
        kind=kind,
        item=item,
        tiers=[
            Tier.model_construct(
                referrals=tier.referrals, value=tier.value_micros, percent=_rate(tier.percent)
            )
            for tier in rules.tiers
        ],
        later=later,
        bands=[
            Band.model_construct(amount=band.amount_micros, value=band.value_micros)
            for band in rules.bands
        ],
    )


def _rate(percent: terms.Percent | None) -> int | None:
    return None if percent is None else percent.rate
