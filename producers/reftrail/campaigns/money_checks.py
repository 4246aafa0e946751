"""Checks of a policy's minimums and budgets: whether they work as they are written."""

from collections.abc import Iterator
from typing import Final

from reftrail.campaigns.definition import Campaign
from reftrail.campaigns.findings import Around, Finding
from reftrail.campaigns.tables import Milestone
from reftrail.contracts.money import amount_text
from reftrail.contracts.policy import MilestoneKind
from reftrail.contracts.record import Micros

_BUDGETS: Final = ("budget", "budget_per_day")


def budget_below_reward(campaign: Campaign, _: Around) -> Iterator[Finding]:
    """The budget doesn't suffice for one claim."""
    needed = sum(side_values(campaign))
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
    """A minimum is compared with orders in the same currency, and nobody pays in points."""
    if campaign.minimum_amount and campaign.reward.currency.islower():
        yield Finding(
            "minimum-in-units",
            ("minimum_amount",),
            f"the minimum is in {campaign.reward.currency}, and orders are paid in a currency: "
            f"none will qualify",
        )


def side_values(campaign: Campaign) -> list[Micros]:
    """The values of the rewards of both sides, without those of 0."""
    sides = (campaign.reward.referrer, campaign.reward.referee)
    return [side.value for side in sides if side.value]


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
