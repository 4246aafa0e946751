"""Expectations of a scenario: attributions, ledger entries, and the other parts of `then`."""

from typing import Annotated, Self, TypeAlias

from pydantic import BeforeValidator, Field, model_validator

from reftrail.campaigns.units import Count, Flag, Money, Points, SignedMoney, Takes, Text
from reftrail.campaigns.validation import FaultMessage
from reftrail.contracts.decisions import Basis, RewardStatus, Role
from reftrail.scenarios.happening import Table
from reftrail.scenarios.happening_types import HappeningType
from reftrail.scenarios.moments import When


class Bounds(Table):
    """Between which values, both included."""

    at_least: Points = Field(default=0, description="The least.")
    at_most: Points | None = Field(default=None, description="The most.")


def _bounds(given: object) -> object:
    """A number is both bounds at once."""
    if isinstance(given, int) and not isinstance(given, bool):
        return Bounds(at_least=given, at_most=given)
    return given


Score: TypeAlias = Annotated[
    Bounds,
    BeforeValidator(_bounds),
    Takes("points or bounds", "a number, or bounds such as { at_least = 56, at_most = 69 }", str),
]


class Attribution(Table):
    """An attribution that is expected; fields that aren't given aren't compared."""

    who: Text = Field(description="The user.")
    code: Text | None = Field(default=None, description="The code they came through.")
    basis: Basis | None = Field(default=None, strict=False, description="Why this code.")
    decisive: Flag | None = Field(
        default=None, description="False: a touch that came in too late to change anything."
    )
    arm: Text | None = Field(default=None, description="The arm of the campaign's experiment.")


class Order(Table):
    """An order to fulfil that is expected; fields that aren't given aren't compared."""

    role: Role | None = Field(default=None, strict=False, description="Which side's reward.")
    to: Text | None = Field(default=None, description="Who earns, or would have.")
    who: Text | None = Field(default=None, description="Whose action earned: the user referred.")
    code: Text | None = Field(default=None, description="The code.")
    action: Text | None = Field(
        default=None, description="What earned, such as signup or purchase:O-1."
    )
    value: Money | None = Field(default=None, description="What it is worth.")
    currency: Text | None = Field(default=None, description="In which currency or unit.")
    kind: Text | None = Field(default=None, description="How it is given.")
    item: Text | None = Field(default=None, description="What is given.")


class Entry(Order):
    """An entry of the ledger that is expected; fields that aren't given aren't compared."""

    value: SignedMoney | None = Field(
        default=None, description="What it is worth; of an adjustment below 0 for a debit."
    )
    status: RewardStatus = Field(strict=False, description="What the entry says.")
    reasons: list[Text] | None = Field(
        default=None, description="All its reasons, in any order; [] for none."
    )
    reason: Text | None = Field(default=None, description="One that is among its reasons.")
    score: Score | None = Field(
        default=None,
        description="What the evidence adds up to: a number, or `{ at_least = 56, at_most = 69 }`.",
    )
    version: Count | None = Field(default=None, description="The campaign's version that decided.")
    arm: Text | None = Field(default=None, description="The arm of the campaign's experiment.")
    at: When | None = Field(default=None, description="When what it reports happened.")
    due: When | None = Field(
        default=None, description="When the hold ends, or the granted reward expires."
    )


class Reached(Table):
    """A milestone that is expected to be reached, or lost."""

    who: Text = Field(description="The referrer.")
    name: Text = Field(description="The milestone.")
    reached: Flag = Field(default=True, description="False: lost again.")


class Refusal(Table):
    """A command that is expected to be refused."""

    reason: Text | None = Field(default=None, description="Why, in a word.")
    detail: Text | None = Field(default=None, description="What its explanation has in it.")


class Rejected(Table):
    """A rejection that is expected; fields that aren't given aren't compared."""

    type: HappeningType | None = Field(default=None, strict=False, description="The event.")
    field: Text | None = Field(default=None, description="The field at fault.")
    reason: Text | None = Field(default=None, description="What the reason has in it.")


class Then(Table):
    """Records expected to follow from `when`. What isn't there isn't looked at; [] is nothing."""

    attributions: list[Attribution] | None = Field(
        default=None, description="Who was referred by whom, in this order."
    )
    ledger: list[Entry] | None = Field(
        default=None, description="Every entry of the ledger, in this order."
    )
    rewards: list[Entry] | None = Field(
        default=None,
        description="Every reward there is, as it is in the end; in any order.",
    )
    fulfil: list[Order] | None = Field(
        default=None, description="The orders to fulfil, in this order."
    )
    milestones: list[Reached] | None = Field(
        default=None, description="The milestones reached or lost, in this order."
    )
    refused: list[Refusal] | None = Field(
        default=None, description="The commands refused, in this order."
    )
    rejected: list[Rejected] | None = Field(
        default=None,
        description="The events that the collector rejects, in this order. Without it: none.",
    )

    @model_validator(mode="after")
    def _expects_something(self) -> Self:
        if not self.model_fields_set:
            raise FaultMessage(
                f"nothing is expected; give one of {', '.join(type(self).model_fields)}"
            )
        return self
