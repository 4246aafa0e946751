"""Checks of a policy's minimums and budgets: whether they work as they are written."""

from collections.abc import Iterator
from typing import Final

from reftrail.campaigns.definition import Campaign
from reftrail.campaigns.experiment import ArmReward
from reftrail.campaigns.findings import Around, Finding
from reftrail.campaigns.reward_tables import Reward
from reftrail.campaigns.tables import Milestone
from reftrail.contracts.money import amount_text
from reftrail.contracts.policy import MilestoneKind
from reftrail.contracts.record import Micros

_BUDGETS: Final = ("budget", "budget_per_day")


def budget_below_reward(campaign: Campaign, _: Around) -> Iterator[Finding]:
    """The budget doesn't suffice for one claim."""
    needed = max(sum(max(side.values) for side in sides) for sides in sides_by_arm(campaign))
    for name, budget in _budgets(campaign):
        if budget < needed:
            yield Finding(
                "budget-below-reward",
                ("caps", name),
                f"{name} is {_text(campaign, budget)}, and one user's rewards come to "
                f"{_text(campaign, needed)}: not even one is granted to both sides",
            )


def bonus_above_budget(campaign: Campaign, _: Around) -> Iterator[Finding]:
    """A bonus is worth more than the budget: it is never granted."""
    for place, bonus in _bonuses(campaign):
        for name, budget in _budgets(campaign):
            if _currency(campaign, bonus) == campaign.reward.currency and budget < bonus.value:
                yield Finding(
                    "bonus-above-budget",
                    ("milestones", place, "value"),
                    f"{name} is {_text(campaign, budget)}, and {bonus.name} is worth "
                    f"{_text(campaign, bonus.value)}: it is never granted",
                )


def bonus_outside_budget(campaign: Campaign, _: Around) -> Iterator[Finding]:
    """A bonus is in another currency than the budget, so no budget limits it."""
    if not _budgets(campaign):
        return
    for place, bonus in _bonuses(campaign):
        currency = _currency(campaign, bonus)
        if currency != campaign.reward.currency:
            yield Finding(
                "bonus-outside-budget",
                ("milestones", place, "currency"),
                f"{bonus.name} is in {currency}, and the budget in {campaign.reward.currency}: "
                f"no budget limits it; give the bonus in {campaign.reward.currency} to count it",
            )


def minimum_in_units(campaign: Campaign, _: Around) -> Iterator[Finding]:
    """Minimums and bands are compared with orders in their currency, and nobody pays in points."""
    if campaign.minimum_amount and campaign.reward.currency.islower():
        yield Finding(
            "minimum-in-units",
            ("minimum_amount",),
            f"the minimum is in {campaign.reward.currency}, and orders are paid in a currency: "
            f"none will qualify",
        )
    for side in ("referrer", "referee") if campaign.reward.currency.islower() else ():
        if getattr(campaign.reward, side).bands:
            yield Finding(
                "minimum-in-units",
                ("reward", side, "bands"),
                f"the bands' amounts are in {campaign.reward.currency}, and orders are paid in a "
                f"currency: all of them are rejected",
            )


def share_in_one_currency(campaign: Campaign, _: Around) -> Iterator[Finding]:
    """A share is bounded by an amount, so that orders in other currencies earn nothing."""
    shares = [side for sides in sides_by_arm(campaign) for side in sides if side.shares]
    if shares and (_budgets(campaign) or any(side.maximum is not None for side in shares)):
        yield Finding(
            "share-in-one-currency",
            ("reward", "currency"),
            f"a maximum or a budget in {campaign.reward.currency} can't be compared with shares "
            f"of orders in other currencies: such orders are rejected",
        )


def minimum_in_default_currency(campaign: Campaign, _: Around) -> Iterator[Finding]:
    """Shares are in the orders' currencies, and the minimum is in one that nobody has chosen."""
    shares = any(side.shares for sides in sides_by_arm(campaign) for side in sides)
    if shares and campaign.minimum_amount and "currency" not in campaign.reward.model_fields_set:
        yield Finding(
            "minimum-in-default-currency",
            ("minimum_amount",),
            f"the minimum is in {campaign.reward.currency}, since no currency is given, and orders "
            f"in another one are rejected; write currency in [campaign.reward]",
        )


def approval_in_default_currency(campaign: Campaign, _: Around) -> Iterator[Finding]:
    """Shares are in the orders' currencies, and approval goes by one that nobody has chosen."""
    shares = any(side.shares for sides in sides_by_arm(campaign) for side in sides)
    is_default = "currency" not in campaign.reward.model_fields_set
    if shares and campaign.adjustments.approval_above is not None and is_default:
        yield Finding(
            "approval-in-default-currency",
            ("adjustments", "approval_above"),
            f"the amount is in {campaign.reward.currency}, since no currency is given, and every "
            f"adjustment in another one needs approval; write currency in [campaign.reward]",
        )


def gives_something(campaign: Campaign) -> bool:
    """Whether a side has a value or a share, in the campaign or in an arm."""
    return any(
        any(side.values) or side.shares for sides in sides_by_arm(campaign) for side in sides
    )


def sides_by_arm(campaign: Campaign) -> list[tuple[Reward | ArmReward, Reward | ArmReward]]:
    """The rewards of both sides: those of the campaign, then those of each arm."""
    reward = campaign.reward
    arms = campaign.experiment.arms if campaign.experiment else []
    in_arms = ((arm.referrer or reward.referrer, arm.referee or reward.referee) for arm in arms)
    return [(reward.referrer, reward.referee), *in_arms]


def _budgets(campaign: Campaign) -> list[tuple[str, Micros]]:
    budgets = ((name, getattr(campaign.caps, name)) for name in _BUDGETS)
    return [(name, budget) for name, budget in budgets if budget is not None]


def _bonuses(campaign: Campaign) -> list[tuple[int, Milestone]]:
    """The bonuses, each with its place among the milestones."""
    return [
        (place, milestone)
        for place, milestone in enumerate(campaign.milestones)
        if milestone.kind == MilestoneKind.BONUS
    ]


def _currency(campaign: Campaign, milestone: Milestone) -> str:
    return milestone.currency or campaign.reward.currency


def _text(campaign: Campaign, amount: Micros) -> str:
    return f"{amount_text(amount, campaign.reward.currency)} {campaign.reward.currency}"
