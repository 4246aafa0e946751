"""The table `[campaign.experiment]` of a campaign file: arms that are compared."""

from collections.abc import Iterator
from typing import Self

from pydantic import Field, model_validator

from reftrail.campaigns.amounts import Amount
from reftrail.campaigns.reward_tables import Rewards
from reftrail.campaigns.tables import NEEDS_ITEM, Table
from reftrail.campaigns.toml_file import Where
from reftrail.campaigns.units import Count, Money, MoneyCap, PercentOrNone, Text
from reftrail.campaigns.validation import FaultMessage
from reftrail.contracts.policy import ArmUnit
from reftrail.contracts.record import Micros
from reftrail.contracts.reference import Trigger


class ArmReward(Table):
    """One side's reward in an arm, given as in the campaign itself.

    It takes the place of the campaign's reward of that side with its tiers, later terms and bands.
    """

    value: Money = Field(default=0, description="What it is worth. With 0 nothing is given.")
    percent: PercentOrNone = Field(
        default=None, description="A share of each order's net amount instead of a value."
    )
    maximum: MoneyCap = Field(
        default=None, description="The most that a share of one order may be."
    )

    @model_validator(mode="after")
    def _is_a_value_or_a_share(self) -> Self:
        if self.percent is None and self.maximum is not None:
            raise FaultMessage("maximum is for a reward in percent", at=("maximum",))
        if self.percent is not None and self.value:
            raise FaultMessage("give a value or percent, not both", at=("percent",))
        return self

    @property
    def shares(self) -> list[tuple[Where, int]]:
        """Its share of orders, with its place."""
        return [] if self.percent is None else [(("percent",), self.percent)]

    @property
    def values(self) -> list[Micros]:
        """The values that it may have."""
        return [self.value]


class Arm(Table):
    """An arm of the experiment. A side that isn't there earns what the campaign says."""

    name: Text = Field(description="What reports and decisions call it.")
    share: Count = Field(
        description="Its part of all, in proportion to the shares of the others: 1 and 1 are "
        "halves, and so are 50 and 50."
    )
    referrer: ArmReward | None = Field(default=None, description="The code's owner, in this arm.")
    referee: ArmReward | None = Field(
        default=None, description="Who came through the code, in this arm."
    )


class Experiment(Table):
    """Arms with rewards of their own. Each visitor or code is assigned to one, once."""

    by: ArmUnit = Field(
        default=ArmUnit.VISITOR,
        strict=False,
        description="What is assigned: each visitor at the first touch (without a visitor, the "
        "user), or each code with all who come through it.",
    )
    salt: Text = Field(
        description="Any text, which makes the assignment random. Another one is another "
        "experiment. Who knows it can choose their arm."
    )
    arms: list[Arm] = Field(
        description="The arms, at least two. Reports compare the others with the first."
    )

    @model_validator(mode="after")
    def _has_arms(self) -> Self:
        if len(self.arms) < 2:
            raise FaultMessage("an experiment needs two arms or more", at=("arms",))
        names = [arm.name for arm in self.arms]
        for place, name in enumerate(names):
            if name in names[:place]:
                raise FaultMessage(
                    f'there is an arm "{name}" before; give each a name of its own',
                    at=("arms", place, "name"),
                )
        return self

    def amounts(self, currency: str) -> Iterator[Amount]:
        """The amounts of all arms, by where they stand."""
        for at, _, reward in self._rewards():
            yield (*at, "value"), reward.value, currency
            yield (*at, "maximum"), reward.maximum, currency

    def check(self, rewards: Rewards, trigger: Trigger) -> None:
        """Raise `FaultMessage` where an arm can't be given as the campaign gives its rewards."""
        for at, side, reward in self._rewards():
            whole = getattr(rewards, side)
            if reward.percent is not None and trigger != Trigger.FIRST_PURCHASE:
                raise FaultMessage(
                    f'percent is a share of one order, and with trigger = "{trigger}" no order '
                    f'earns by itself; write trigger = "first_purchase"',
                    at=(*at, "percent"),
                )
            if reward.percent is not None and whole.kind in NEEDS_ITEM:
                raise FaultMessage(
                    f'a reward of kind "{whole.kind}" is an item, and no share of an order; write '
                    f"a value",
                    at=(*at, "percent"),
                )
            if reward.value and whole.kind in NEEDS_ITEM and whole.item is None:
                raise FaultMessage(
                    f'a reward of kind "{whole.kind}" needs an item: what is to be given; write it '
                    f"in [campaign.reward.{side}]",
                    at=(*at, "value"),
                )

    def _rewards(self) -> Iterator[tuple[tuple[str | int, ...], str, ArmReward]]:
        """The rewards that arms have of their own, with their places and sides."""
        for place, arm in enumerate(self.arms):
            for side, reward in (("referrer", arm.referrer), ("referee", arm.referee)):
                if reward is not None:
                    yield ("experiment", "arms", place, side), side, reward
