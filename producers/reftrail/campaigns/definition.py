"""A campaign as its owner writes it. `README.md` beside this file shows all settings."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final, Self

from pydantic import (
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from reftrail.campaigns.amounts import Amount, check_amounts
from reftrail.campaigns.experiment import Experiment
from reftrail.campaigns.links import Links
from reftrail.campaigns.reward_tables import Rewards
from reftrail.campaigns.tables import Adjustments, Caps, Fraud, Milestone, Table
from reftrail.campaigns.toml_file import Where
from reftrail.campaigns.units import (
    Count,
    Duration,
    DurationOrNever,
    Flag,
    Identifier,
    Moment,
    Money,
    Months,
    Repeats,
    Text,
    duration_text,
)
from reftrail.campaigns.validation import FaultMessage
from reftrail.contracts.policy import OnRefund, OrderIds, Scope, TermsFrom
from reftrail.contracts.record import DAY, MINUTE
from reftrail.contracts.reference import Trigger
from reftrail.rules.touch.state import LATE

FLAT: Final[dict[str, Where]] = {
    "referrer_reward": ("reward", "referrer", "value"),
    "referrer_reward_kind": ("reward", "referrer", "kind"),
    "referee_reward": ("reward", "referee", "value"),
    "referee_reward_kind": ("reward", "referee", "kind"),
    "reward_currency": ("reward", "currency"),
}
"""Settings of [campaign.reward] that may stand in [campaign] itself, under these names."""


class Campaign(Table):
    """The rules of a campaign."""

    campaign_id: Identifier = Field(description="What codes and reports know it by.")
    name: Text = Field(description="What people call it.")
    category: Text | None = Field(default=None, description="What reports group it under.")
    effective_from: Moment | None = Field(
        default=None,
        description="From when on this version holds. If it isn't given: for ever, for a "
        "campaign's first version; from when it is applied, for later ones.",
    )
    starts_at: Moment | None = Field(
        default=None, description="What happens before it earns nothing."
    )
    ends_at: Moment | None = Field(
        default=None, description="What happens from then on earns nothing."
    )
    attribution_window: Duration = Field(
        default=30 * DAY, description="How long before the signup a touch may lie."
    )
    counts_views: Flag = Field(
        default=False, description="Whether seeing a code is a touch, or only a click."
    )
    typed_code_wins: Flag = Field(
        default=False,
        description="Whether a code typed in at signup goes before a touch, or counts only where "
        "there is none.",
    )
    late_touch_grace: Duration = Field(
        default=DAY,
        description="How long after a signup without one a touch from before it may still come in "
        "and count, by the collector's clock. At most 30 days, for which visitors are remembered.",
    )
    backdated_touch_for: Duration = Field(
        default=5 * MINUTE,
        description="How old a touch under a publishable key may be when it comes in. An older one "
        "(what an app kept while it was offline) counts only where the visitor has no other.",
    )
    once_per: Scope = Field(
        default=Scope.USER,
        strict=False,
        description="Whether a user can be referred once ever, or once in each campaign.",
    )
    trigger: Trigger = Field(
        default=Trigger.SIGNUP,
        strict=False,
        description="What earns. For the nth purchase `trigger_count` says which, for the amount "
        "reached `minimum_amount` how much.",
    )
    trigger_count: Count = Field(default=1, description="Which purchase is the nth.")
    minimum_amount: Money = Field(
        default=0,
        validate_default=True,
        description="The least amount of an order that counts as a purchase. For the amount "
        "reached: what a user's purchases must add up to.",
    )
    repeats: Repeats = Field(default=1, description="How many rewards one user may earn each side.")
    earning_months: Months = Field(
        default=None,
        description="For how many months from the signup a user's orders earn.",
    )
    terms_from: TermsFrom = Field(
        default=TermsFrom.ACTION,
        strict=False,
        description="Which version an order earns by: the one at its time, or the one at the "
        "user's signup, where that one says so.",
    )
    hold_for: Duration = Field(
        default=0, description="How long after the action every reward is kept back."
    )
    expires_after: DurationOrNever = Field(
        default=None, description="How long a granted reward can be fulfilled."
    )
    on_refund: OnRefund = Field(
        default=OnRefund.REVERSE,
        strict=False,
        description="What a refund of the order takes back: all, once the order no longer "
        "qualifies; as much as of the order; nothing.",
    )
    order_ids: OrderIds = Field(
        default=OrderIds.INSTALLATION,
        strict=False,
        description="Scope in which an order id names one order. By default two users who "
        "report one order are paid for it once, and a refund takes back the reward of its order, "
        "whichever user it names. `user` is for merchants whose order ids clash: dead letters with "
        "the reason `order_ids_clash` show that.",
    )
    checkout_tolerance: Duration = Field(
        default=15 * MINUTE,
        description="How long before the signup a purchase may lie that still counts for a code "
        "typed in at that signup.",
    )
    new_customers_only: Flag = Field(
        default=False,
        description="Whether only new customers earn: who bought before the touch, or long before "
        "the signup with a typed code, earns nobody anything.",
    )
    once_per_email: Flag = Field(
        default=True,
        description="Whether of several users with one e-mail address only the first earns: an "
        "account that was deleted and registered again is no new one.",
    )
    reward: Rewards = Field(default=Rewards(), description="The rewards of both sides.")
    caps: Caps = Field(default=Caps(), description="The most that may be granted.")
    adjustments: Adjustments = Field(
        default=Adjustments(), description="Adjustments of the ledger by hand."
    )
    fraud: Fraud = Field(default=Fraud(), description="How evidence adds up to a verdict.")
    milestones: list[Milestone] = Field(
        default=[], description="What referrers reach with the number of their granted rewards."
    )
    links: Links = Field(default=Links(), description="Where the links of its codes lead.")
    experiment: Experiment | None = Field(
        default=None, description="Rewards that are compared with each other."
    )

    @model_validator(mode="before")
    @classmethod
    def _nested(cls, given: Any) -> Any:
        """The settings that stand flat, moved to their tables."""
        if not isinstance(given, dict) or not FLAT.keys() & given.keys():
            return given
        moved = {name: value for name, value in given.items() if name not in FLAT}
        for name in FLAT.keys() & given.keys():
            moved = _with(moved, FLAT[name], given[name], name)
        return moved

    @field_validator("ends_at")
    @classmethod
    def _ends_after_it_starts(cls, ends_at: Moment | None, info: ValidationInfo) -> Moment | None:
        starts_at = info.data.get("starts_at")
        if starts_at and ends_at and ends_at - starts_at <= timedelta():
            raise FaultMessage(f"ends_at {ends_at} is not after starts_at {starts_at}")
        return ends_at

    @field_validator("late_touch_grace")
    @classmethod
    def _is_remembered(cls, grace: int) -> int:
        if grace > LATE:
            raise FaultMessage(
                f"late_touch_grace {duration_text(grace)} is longer than {duration_text(LATE)}, "
                f'for which a visitor is remembered; write at most "{duration_text(LATE)}"'
            )
        return grace

    @field_validator("trigger_count")
    @classmethod
    def _counts_purchases(cls, count: int, info: ValidationInfo) -> int:
        trigger = info.data.get("trigger", Trigger.NTH_PURCHASE)
        if count > 1 and trigger != Trigger.NTH_PURCHASE:
            raise FaultMessage(
                f'trigger_count {count} is for trigger = "nth_purchase", and here it is "{trigger}"'
            )
        return count

    @field_validator("minimum_amount")
    @classmethod
    def _is_an_amount_to_reach(cls, amount: int, info: ValidationInfo) -> int:
        if not amount and info.data.get("trigger") == Trigger.AMOUNT_REACHED:
            raise FaultMessage(
                'trigger = "amount_reached" needs a minimum_amount: the amount to reach'
            )
        return amount

    @model_validator(mode="after")
    def _orders_earn(self) -> Self:
        sides = (("referrer", self.reward.referrer), ("referee", self.reward.referee))
        for name, side in sides if self.trigger != Trigger.FIRST_PURCHASE else ():
            if side.by_order is not None:
                raise FaultMessage(
                    f'{side.by_order[-1]} is about one order, and with trigger = "{self.trigger}" '
                    f'no order earns by itself; write trigger = "first_purchase"',
                    at=("reward", name, *side.by_order),
                )
        if self.earning_months is not None and self.trigger == Trigger.SIGNUP:
            raise FaultMessage(
                'earning_months is for orders, and with trigger = "signup" none earns',
                at=("earning_months",),
            )
        return self

    @model_validator(mode="after")
    def _arms_are_given(self) -> Self:
        if self.experiment is not None:
            self.experiment.check(self.reward, self.trigger)
        return self

    @model_validator(mode="after")
    def _amounts_are_whole(self) -> Self:
        check_amounts(self._amounts())
        return self

    @model_validator(mode="after")
    def _milestones_have_names(self) -> Self:
        names = [milestone.name for milestone in self.milestones]
        for place, name in enumerate(names):
            if name in names[:place]:
                raise FaultMessage(
                    f'there is a milestone "{name}" before; give each a name of its own',
                    at=("milestones", place, "name"),
                )
        return self

    def _amounts(self) -> Iterator[Amount]:
        reward, caps = self.reward, self.caps
        yield ("minimum_amount",), self.minimum_amount, reward.currency
        for name, side in (("referrer", reward.referrer), ("referee", reward.referee)):
            for where, amount in side.amounts:
                yield ("reward", name, *where), amount, reward.currency
        yield ("caps", "budget"), caps.budget, reward.currency
        yield ("caps", "budget_per_day"), caps.budget_per_day, reward.currency
        above = self.adjustments.approval_above
        yield ("adjustments", "approval_above"), above, reward.currency
        for place, milestone in enumerate(self.milestones):
            currency = milestone.currency or reward.currency
            yield ("milestones", place, "value"), milestone.value, currency
        if self.experiment is not None:
            yield from self.experiment.amounts(reward.currency)


def _with(given: dict[str, Any], where: Where, value: Any, name: str) -> dict[str, Any]:
    """The tables with a value put where it belongs. What is no table there is left to its error."""
    first, *rest = where
    inside = given.get(str(first), {} if rest else None)
    if not rest:
        if inside is not None:
            same = ".".join(map(str, FLAT[name]))
            raise FaultMessage(f"{name} and {same} are the same setting; keep one of them")
        return {**given, str(first): value}
    if not isinstance(inside, dict):
        return given
    return {**given, str(first): _with(inside, tuple(rest), value, name)}
