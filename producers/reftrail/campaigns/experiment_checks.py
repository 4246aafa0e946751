"""Checks of an experiment: whether its arms can be compared."""

from collections.abc import Iterator
from typing import Any

from reftrail.campaigns.definition import Campaign
from reftrail.campaigns.experiment import ArmReward
from reftrail.campaigns.findings import Around, Finding
from reftrail.campaigns.money_checks import sides_by_arm
from reftrail.campaigns.reward_tables import Reward
from reftrail.contracts.policy import ArmUnit, Experiment, policy_in


def arms_alike(campaign: Campaign, _: Around) -> Iterator[Finding]:
    """Two arms give the same, so that nothing is compared."""
    experiment = campaign.experiment
    if experiment is None:
        return
    by_arm = sides_by_arm(campaign)[1:]
    given = [tuple(map(_given, sides)) for sides in by_arm]
    for place, arm in enumerate(experiment.arms):
        if given[place] in given[:place]:
            other = experiment.arms[given.index(given[place])]
            yield Finding(
                "arms-alike",
                ("experiment", "arms", place),
                f'"{arm.name}" gives what "{other.name}" gives; give it other rewards',
            )


def arm_without_reward(campaign: Campaign, _: Around) -> Iterator[Finding]:
    """Nobody earns anything in an arm, so its qualified users can't be counted."""
    if campaign.experiment is None or campaign.milestones:
        return
    by_arm = sides_by_arm(campaign)[1:]
    for place, (arm, sides) in enumerate(zip(campaign.experiment.arms, by_arm, strict=True)):
        if not any(any(side.values) or side.shares for side in sides):
            yield Finding(
                "arm-without-reward",
                ("experiment", "arms", place),
                f'nothing is decided where nobody earns, so reports have no qualified users of "'
                f'{arm.name}"; compare signups, or give it a small reward',
            )


def arm_gone(campaign: Campaign, around: Around) -> Iterator[Finding]:
    """An experiment goes on without one of its arms, and its users get the campaign's rewards."""
    before = _same_before(campaign, around)
    if before is None or campaign.experiment is None:
        return
    names = {arm.name for arm in campaign.experiment.arms}
    for arm in before.arms:
        if arm.name not in names:
            yield Finding(
                "arm-gone",
                ("experiment", "arms"),
                f'the version before has an arm "{arm.name}"; whoever is in it earns from now on '
                f"what the campaign says, and stays in it; keep the arm, or give another salt",
            )


def shares_move_codes(campaign: Campaign, around: Around) -> Iterator[Finding]:
    """Other shares in an experiment by code: some codes have another arm for who is new."""
    before = _same_before(campaign, around)
    if before is None or campaign.experiment is None or before.by != ArmUnit.CODE:
        return
    shares = [(arm.name, arm.share) for arm in campaign.experiment.arms]
    if shares != [(arm.name, arm.share) for arm in before.arms]:
        yield Finding(
            "shares-move-codes",
            ("experiment", "arms"),
            "codes aren't remembered: with other arms or shares than the version before, some "
            "codes have another arm for who comes through them from now on; give another salt, and "
            "the experiment begins anew",
        )


def _given(reward: Reward | ArmReward) -> tuple[Any, ...]:
    """The values of a reward in the campaign or an arm, without tiers and later orders."""
    if isinstance(reward, Reward):
        rules = (*reward.tiers, *reward.bands, *((reward.later,) if reward.later else ()))
    else:
        rules = ()
    return reward.value, reward.percent, reward.maximum, *rules


def _same_before(campaign: Campaign, around: Around) -> Experiment | None:
    """The experiment of the last version that there is, if it is the same one by its salt."""
    if campaign.experiment is None or not around.versions:
        return None
    before = policy_in(around.versions[-1].policy).experiment
    now = campaign.experiment
    same = before is not None and (before.salt, before.by) == (now.salt, now.by)
    return before if same else None
