"""The tables of a campaign file within `[campaign]`: caps, adjustments, fraud, milestones."""

from typing import Annotated, Final, TypeAlias

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
)

from reftrail.campaigns.evidence import parse_limits
from reftrail.campaigns.units import (
    Count,
    CountCap,
    Currency,
    Duration,
    Money,
    MoneyCap,
    Points,
    Takes,
    Text,
    quoted,
)
from reftrail.campaigns.validation import FaultMessage
from reftrail.contracts.policy import AtHoldsEnd, BudgetCounts, MilestoneKind
from reftrail.contracts.record import DAY, Millis

NEEDS_ITEM: Final = ("code", "shipment")
"""Kinds of reward that don't say by themselves what is given."""

_Word: TypeAlias = Annotated[
    str,
    Field(pattern=r"^[a-z][a-z0-9_]{0,63}$"),
    Takes("reason", "the name of a reason in quotes, such as self_referral", quoted),
]
_Limits: TypeAlias = Annotated[
    dict[_Word, int],
    BeforeValidator(parse_limits),
    Takes("count or duration", "a table of reasons", str),
]


class Table(BaseModel):
    """A table of the file: no setting that isn't known, no value of another type."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class Caps(Table):
    """The most that may be granted. A reward taken back frees no place again."""

    per_code: CountCap = Field(
        default=None, description="Users through whom somebody earns under one code."
    )
    per_code_per_day: CountCap = Field(default=None, description="The same in one day (UTC).")
    per_referrer: CountCap = Field(
        default=None, description="Users through whom one referrer earns, over all their codes."
    )
    per_referrer_per_day: CountCap = Field(default=None, description="The same in one day (UTC).")
    budget: MoneyCap = Field(
        default=None,
        description="What its rewards cost in all, both sides together.",
    )
    budget_per_day: MoneyCap = Field(default=None, description="The same in one day (UTC).")
    budget_counts: BudgetCounts = Field(
        default=BudgetCounts.NET,
        strict=False,
        description="What budgets count: what rewards cost in the end, so that a reversal or an "
        "expiry frees its part again, or all that was ever granted.",
    )


class Adjustments(Table):
    """Adjustments of the ledger by hand."""

    approval_above: MoneyCap = Field(
        default=None,
        description="Above this amount, credit or debit, a second person has to approve one; and "
        "any in another currency than that of the rewards.",
    )
    approval_window: Duration = Field(
        default=30 * DAY,
        description="For how long the credits of one beneficiary that nobody else approved count "
        "together towards that amount, and the debits too, in whole days (UTC). At most 366 days; "
        '`"0 days"`: each counts alone.',
    )

    @field_validator("approval_window")
    @classmethod
    def _is_remembered(cls, window: Millis) -> Millis:
        if window > 366 * DAY:
            raise ValueError("expected at most 366 days")
        return window


class Fraud(Table):
    """The weights and limits by which evidence of fraud adds up to a verdict."""

    grant_up_to: Points = Field(default=55, description="Up to this score a reward is granted.")
    reject_from: Points = Field(
        default=70,
        validate_default=True,
        description="From this score on it is rejected. Between the two it is held for a review.",
    )
    review_for: Duration = Field(
        default=14 * DAY, description="How long a review may take, from the decision on."
    )
    at_review_end: AtHoldsEnd = Field(
        default=AtHoldsEnd.REJECT,
        strict=False,
        description="What becomes of a held reward that nobody has reviewed by then.",
    )
    decisive: list[_Word] = Field(
        default=[], description="Reasons that reject by themselves, whatever the score."
    )
    weights: dict[_Word, Points] = Field(
        default={},
        description="Points of single reasons in place of their own. 0 leaves a reason out.",
    )
    limits: _Limits = Field(
        default={}, description="From where on single reasons hold, in place of their own limits."
    )

    @field_validator("reject_from")
    @classmethod
    def _rejects_above_what_it_grants(cls, reject_from: int, info: ValidationInfo) -> int:
        grant_up_to = info.data.get("grant_up_to", 0)
        if reject_from <= grant_up_to:
            raise FaultMessage(
                f"reject_from is {reject_from} and grant_up_to {grant_up_to}: a score can't do "
                f"both; give reject_from more than {grant_up_to}"
            )
        return reject_from


class Milestone(Table):
    """A mark reached with so many granted rewards, and lost when they are reversed."""

    name: Text = Field(description="What it is called. Each of a campaign has another name.")
    kind: MilestoneKind = Field(
        strict=False,
        description="A tier (of several the highest counts), a badge, or a bonus: a reward more.",
    )
    grants: Count = Field(description="How many granted rewards it takes.")
    value: Money = Field(
        default=0, validate_default=True, description="What a bonus is worth. Only for a bonus."
    )
    currency: Currency | None = Field(
        default=None, description="That of the value; if it isn't given, that of the rewards."
    )
    reward_kind: Text = Field(default="credit", description="How a bonus is given.")
    item: Text | None = Field(
        default=None, validate_default=True, description="What is given, as for a reward."
    )

    @field_validator("value")
    @classmethod
    def _is_that_of_a_bonus(cls, value: int, info: ValidationInfo) -> int:
        kind = info.data.get("kind")
        if kind == MilestoneKind.BONUS and not value:
            raise FaultMessage("a bonus needs a value above 0")
        if kind in (MilestoneKind.TIER, MilestoneKind.BADGE) and value:
            raise FaultMessage(f'a {kind} has no value; make the milestone\'s kind "bonus"')
        return value

    @field_validator("item")
    @classmethod
    def _says_what_is_given(cls, item: str | None, info: ValidationInfo) -> str | None:
        kind = info.data.get("reward_kind")
        if item is None and info.data.get("value") and kind in NEEDS_ITEM:
            raise FaultMessage(
                f'a bonus of reward_kind "{kind}" needs an item: what is to be given'
            )
        return item
