"""Incentive experiments: the arm of a visitor or code, and the rewards in it.

An arm is assigned once, by a keyed hash, and carried by the touch, the attribution and each claim.
So later versions of a campaign change the shares for new visitors and codes, and nobody's arm.
"""

from hashlib import blake2b
from typing import Final, NamedTuple

import msgspec

from reftrail.contracts.code_spelling import canonical
from reftrail.contracts.decisions import Claimed
from reftrail.contracts.policy import ArmReward, ArmUnit, Experiment, policy_in
from reftrail.contracts.record import Micros
from reftrail.contracts.reference import CampaignDefined
from reftrail.contracts.side_rules import NO_RULES, Percent
from reftrail.rules.policy import Terms

_HASHES: Final = 2**64
"""Number of the hashes: they have eight bytes."""

_replace: Final = msgspec.structs.replace


class Units(NamedTuple):
    """The visitor and the code of a touch or of a signup: either may be what is assigned."""

    visitor: str
    code: str

    def unit(self, by: ArmUnit) -> str:
        """The unit that an experiment assigns. A code is the same in every spelling."""
        return self.visitor if by == ArmUnit.VISITOR else canonical(self.code)


def assigned_arm(campaign: CampaignDefined, units: Units) -> str | None:
    """The arm to which a version of a campaign assigns; None without an experiment or its arms."""
    experiment = policy_in(campaign.policy).experiment
    if experiment is None or not experiment.arms:
        return None
    return _drawn(experiment, campaign.campaign_id, units.unit(experiment.by))


def is_same_experiment(
    before: CampaignDefined | None, now: CampaignDefined, known: Units, units: Units
) -> bool:
    """Whether two versions of a campaign assign the same unit in the same experiment.

    It is the same experiment as long as it has the same salt, whatever its shares are.
    """
    if before is None:
        return False
    old, new = policy_in(before.policy).experiment, policy_in(now.policy).experiment
    if old is None or new is None or (old.salt, old.by) != (new.salt, new.by):
        return False
    return known.unit(new.by) == units.unit(new.by)


def arm_of_claim(claim: Claimed, campaign_id: str) -> str | None:
    """The arm of a claim, if it is one of this campaign: a code may have moved to another one."""
    return claim.arm if claim.campaign_id == campaign_id else None


def terms_of_arm(terms: Terms, arm: str | None) -> Terms:
    """The terms of a campaign with the rewards of an arm.

    A reward of the arm takes the place of the side's tiers, later terms and bands too. The terms
    are the campaign's own for a user without an arm, and in versions without that arm.
    """
    experiment = terms.policy.experiment
    found = experiment.arm(arm) if experiment else None
    if found is None:
        return terms
    campaign, policy = terms.campaign, terms.policy
    referrer = _reward(found.referrer, campaign.referrer_reward_micros, policy.referrer)
    referee = _reward(found.referee, campaign.referee_reward_micros, policy.referee)
    return _replace(
        terms,
        campaign=_replace(
            campaign, referrer_reward_micros=referrer[0], referee_reward_micros=referee[0]
        ),
        policy=_replace(
            policy,
            referrer=referrer[1],
            referee=referee[1],
            referrer_rules=policy.referrer_rules if found.referrer is None else NO_RULES,
            referee_rules=policy.referee_rules if found.referee is None else NO_RULES,
        ),
    )


def _reward(
    reward: ArmReward | None, value: Micros, percent: Percent | None
) -> tuple[Micros, Percent | None]:
    return (value, percent) if reward is None else (reward.value_micros, reward.percent)


def _drawn(experiment: Experiment, campaign_id: str, unit: str) -> str:
    """The arm in whose part of all hashes, in the order of the arms, that of the unit lies."""
    key = blake2b(experiment.salt.encode()).digest()
    text = f"{campaign_id}\x1f{unit}".encode()
    hashed = int.from_bytes(blake2b(text, key=key, digest_size=8).digest(), "big")
    point = hashed * sum(arm.share for arm in experiment.arms) // _HASHES
    for arm in experiment.arms:
        if point < arm.share:
            return arm.name
        point -= arm.share
    raise AssertionError("a point lies within the sum of the shares")
