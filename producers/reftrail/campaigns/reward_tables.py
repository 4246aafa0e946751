"""The tables of a campaign file for rewards: what each side earns, and when it earns otherwise."""

from collections.abc import Iterator, Sequence
from typing import Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from reftrail.campaigns.tables import NEEDS_ITEM, Table
from reftrail.campaigns.toml_file import Where
from reftrail.campaigns.units import Count, Currency, Money, MoneyCap, PercentOrNone, Text
from reftrail.campaigns.validation import FaultMessage
from reftrail.contracts.record import Micros


class _RewardValue(Table):
    """The value of a reward: an amount or a share."""

    value: Money = Field(
        default=0, description="What it is worth, in the currency above. With 0 nothing is given."
    )
    percent: PercentOrNone = Field(
        default=None, description="A share of each order's net amount instead of a value."
    )

    @model_validator(mode="after")
    def _is_a_value_or_a_share(self) -> Self:
        if self.percent is not None and self.value:
            raise FaultMessage("give a value or percent, not both", at=("percent",))
        return self


class Tier(_RewardValue):
    """The value from a number of the referrer's qualified referrals on.

    The tiers of a referral are by its number: one more than how many other referrals of the same
    code qualify (have a reward that was granted and not reversed as a whole) when its first reward
    is decided on. All rewards of the referral keep that number.
    """

    referrals: Count = Field(description="From which number on it holds.")


class Later(_RewardValue):
    """The value for the orders of a user after the first one that earned."""


class Band(Table):
    """The value for an order of at least an amount. Below all bands nothing is."""

    amount: Money = Field(description="The least net amount of the order, in the currency above.")
    value: Money = Field(description="What is earned from there on, up to the next band.")


def _in_tiers(tiers: Sequence[Tier], name: str) -> Iterator[tuple[Where, int | None]]:
    for place, tier in enumerate(tiers):
        yield ("tiers", place, name), getattr(tier, name)


def _refuse_twice(numbers: list[int], table: str, name: str) -> None:
    for place, number in enumerate(numbers):
        if number in numbers[:place]:
            raise FaultMessage(
                f"there is another of {table} with the same {name} before; keep one of them",
                at=(table, place, name),
            )


class Reward(Table):
    """One side's reward."""

    value: Money = Field(
        default=0, description="What it is worth, in the currency above. With 0 nothing is given."
    )
    percent: PercentOrNone = Field(
        default=None,
        description="A share of each order's net amount instead of a value, in the order's "
        "currency. Needs a trigger by single orders.",
    )
    maximum: MoneyCap = Field(
        default=None,
        description="The most that a share of one order may be, in the currency above.",
    )
    kind: Text = Field(
        default="credit",
        description='How it is given: "credit", "code", "shipment", "cash", or "payout" by '
        "statements.",
    )
    item: Text | None = Field(
        default=None,
        validate_default=True,
        description="What is given, such as the name of an article or of a pool of codes. Needed "
        "by the kinds code and shipment.",
    )
    tiers: list[Tier] = Field(
        default=[],
        description="What is earned instead from a number of referrals on. Only for the referrer.",
    )
    later: Later | None = Field(
        default=None,
        description="What is earned for a user's later orders. Needs a trigger by single orders.",
    )
    bands: list[Band] = Field(
        default=[],
        description="Values by the amount of the order. Need a trigger by single orders.",
    )

    @field_validator("item")
    @classmethod
    def _says_what_is_given(cls, item: str | None, info: ValidationInfo) -> str | None:
        kind = info.data.get("kind")
        if item is None and info.data.get("value") and kind in NEEDS_ITEM:
            raise FaultMessage(f'a reward of kind "{kind}" needs an item: what is to be given')
        return item

    @model_validator(mode="after")
    def _is_a_value_or_a_share(self) -> Self:
        if self.maximum is not None and not self.shares:
            raise FaultMessage("maximum is for a reward in percent", at=("maximum",))
        if self.percent is not None and self.value:
            raise FaultMessage("give a value or percent, not both", at=("percent",))
        if self.shares and self.kind in NEEDS_ITEM:
            raise FaultMessage(
                f'a reward of kind "{self.kind}" is an item, and no share of an order; write a '
                f'value, or another kind such as "credit"',
                at=("kind",),
            )
        if self.item is None and self.kind in NEEDS_ITEM and any(self.values):
            raise FaultMessage(
                f'a reward of kind "{self.kind}" needs an item: what is to be given', at=("kind",)
            )
        return self

    @model_validator(mode="after")
    def _differs_in_one_way(self) -> Self:
        usual = [name for name in ("value", "percent") if getattr(self, name)]
        if self.bands and (usual or self.tiers or self.later):
            other = [*usual, *(name for name in ("tiers", "later") if getattr(self, name))][0]
            raise FaultMessage(
                f"bands give the value of every order, so {other} has no effect; keep one of them",
                at=("bands",),
            )
        if self.tiers and self.later:
            raise FaultMessage(
                "tiers and later both change what later orders earn; keep one of them",
                at=("later",),
            )
        _refuse_twice([tier.referrals for tier in self.tiers], "tiers", "referrals")
        _refuse_twice([band.amount for band in self.bands], "bands", "amount")
        return self

    @property
    def shares(self) -> list[tuple[Where, int]]:
        """Its shares of orders, each with its place."""
        found = [(("percent",), self.percent), *_in_tiers(self.tiers, "percent")]
        if self.later is not None:
            found.append((("later", "percent"), self.later.percent))
        return [(where, share) for where, share in found if share is not None]

    @property
    def amounts(self) -> Iterator[tuple[Where, Micros | None]]:
        """Its amounts of money, each with its place."""
        yield ("value",), self.value
        yield ("maximum",), self.maximum
        yield from _in_tiers(self.tiers, "value")
        if self.later is not None:
            yield ("later", "value"), self.later.value
        for place, band in enumerate(self.bands):
            yield ("bands", place, "amount"), band.amount
            yield ("bands", place, "value"), band.value

    @property
    def values(self) -> list[Micros]:
        """The values that it may have."""
        later = [] if self.later is None else [self.later.value]
        varied = [*(tier.value for tier in self.tiers), *(band.value for band in self.bands)]
        return [self.value, *varied, *later]

    @property
    def by_order(self) -> Where | None:
        """The place of a setting that needs orders which earn by themselves."""
        settings = (where for where, _ in self.shares)
        if self.later is not None:
            return ("later",)
        return ("bands",) if self.bands else next(settings, None)


class Rewards(Table):
    """The rewards of both sides."""

    currency: Currency = Field(
        default="USD",
        description="That of all values, minimums and budgets: as in ISO 4217, or a unit's name in "
        "lower case, such as points.",
    )
    referrer: Reward = Field(default=Reward(), description="The code's owner.")
    referee: Reward = Field(default=Reward(), description="Who came through the code.")

    @field_validator("referee")
    @classmethod
    def _tiers_are_the_referrer_s(cls, referee: Reward) -> Reward:
        if referee.tiers:
            raise FaultMessage("tiers count a referrer's referrals; a referee has none")
        return referee
