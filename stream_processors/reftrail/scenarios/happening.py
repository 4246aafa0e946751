"""Things that happen in a scenario: events, with every field that a client may send, and others."""

from typing import Annotated, Any, Self, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from reftrail.campaigns.units import Takes, Text, quoted
from reftrail.campaigns.validation import FaultMessage
from reftrail.contracts.decisions import Role
from reftrail.contracts.events import KeyKind, Source
from reftrail.contracts.external_inputs import FulfilmentOutcome
from reftrail.contracts.reference import CodeStatus
from reftrail.lists import Subject
from reftrail.scenarios.happening_types import NEEDS, TAKES, WHO, Decision, HappeningType
from reftrail.scenarios.moments import When

_Amount: TypeAlias = Annotated[
    str,
    BeforeValidator(lambda given: str(given) if type(given) is int else given),
    Takes("amount", 'an amount in quotes, as the client sends it, such as "19.99"', quoted),
]
_Properties: TypeAlias = Annotated[dict[str, Any], Takes("table", "a table", str)]


class Table(BaseModel):
    """A table of the file: nothing that isn't known, nothing of another type."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class Happening(Table):
    """One thing that happens."""

    at: When = Field(description="When it happens, by the clock of the sender.")
    type: HappeningType = Field(strict=False, description="What happens.")
    arrives: When | None = Field(
        default=None, description="When it is received, by the collector's clock, if not then."
    )
    sent_at: When | None = Field(
        default=None, description="When it is sent, by the clock of the sender."
    )
    key: KeyKind = Field(
        default=KeyKind.SECRET,
        strict=False,
        description="The API key it is sent with: a server's, or that of a page or app.",
    )
    event_id: Text | None = Field(
        default=None, description="A UUID; the same one again is the same event."
    )
    who: Text | None = Field(
        default=None, description="The person: visitor and user at once, as it fits."
    )
    visitor: Text | None = Field(default=None, description="The browser or device, by its cookie.")
    user: Text | None = Field(default=None, description="The user, by their account.")
    code: Text | None = Field(
        default=None, description="The code clicked on, seen, typed in at signup, or meant."
    )
    order: Text | None = Field(default=None, description="The order that is paid for or refunded.")
    amount: _Amount | None = Field(
        default=None,
        description="What is paid, or paid back; a refund without it is of all. What an "
        "adjustment gives, or with a minus sign takes.",
    )
    currency: Text | None = Field(
        default=None, description="Of the amount; if it isn't given, that of the campaign."
    )
    net_amount: _Amount | None = Field(
        default=None, description="The part of the amount that rewards in percent are taken of."
    )
    tax: _Amount | None = Field(default=None, description="The tax in the amount.")
    shipping: _Amount | None = Field(default=None, description="The shipping in the amount.")
    refund_id: Text | None = Field(default=None, description="The refund's own id, if it has one.")
    amount_refunded: _Amount | None = Field(
        default=None, description="The amount of the order that has been refunded so far."
    )
    dispute_id: Text | None = Field(
        default=None, description="The dispute's own id; if it isn't given, there is one by order."
    )
    merged_into: Text | None = Field(
        default=None, description="The account that the user is merged into."
    )
    ip: Text | None = Field(default=None, description="The address it comes from.")
    device: Text | None = Field(default=None, description="The device's id.")
    email: Text | None = Field(default=None, description="The user's e-mail address.")
    user_agent: Text | None = Field(default=None, description="The browser, or the robot.")
    country: Text | None = Field(default=None, description="As in ISO 3166-1, such as DE.")
    channel: Text | None = Field(default=None, description="Such as email or poster.")
    category: Text | None = Field(default=None, description="What reports group it under.")
    campaign_id: Text | None = Field(
        default=None, description="The campaign, as the client labels it."
    )
    source: Source | None = Field(default=None, strict=False, description="How it reaches us.")
    properties: _Properties | None = Field(default=None, description="What is the client's own.")
    role: Role | None = Field(
        default=None,
        strict=False,
        description="Of several rewards the one that is meant; the side that an adjustment is "
        "for, if it isn't given the referrer.",
    )
    action: Text | None = Field(
        default=None,
        description="Of several rewards of the role the one for this action; an adjustment is "
        "then about it.",
    )
    decision: Decision | None = Field(
        default=None,
        strict=False,
        description="What the review decides; about an adjustment, approve, decline or retry.",
    )
    adjustment_id: Text | None = Field(
        default=None, description="The adjustment's own id; if it isn't given, one is made up."
    )
    actor: Text | None = Field(
        default=None, description="Who adjusts, or decides about it: ann, or bea, if not given."
    )
    kind: Text | None = Field(default=None, description="How an adjustment is given.")
    reason: Text | None = Field(default=None, description="Why, in a word.")
    note: Text | None = Field(default=None, description="Why, in a sentence.")
    outcome: FulfilmentOutcome | None = Field(
        default=None, strict=False, description="What became of the order to fulfil."
    )
    subject: Subject | None = Field(
        default=None, strict=False, description="What is listed: its kind."
    )
    value: Text | None = Field(default=None, description="What is listed, as people write it.")
    until: When | None = Field(default=None, description="From when on the entry counts no more.")
    status: CodeStatus | None = Field(
        default=None, strict=False, description="What the code becomes."
    )
    owner: Text | None = Field(default=None, description="Whose code it becomes.")

    @model_validator(mode="after")
    def _fits_its_type(self) -> Self:
        takes = TAKES[self.type] | {"at", "type", "arrives", "who"}
        if odd := [name for name in self.model_fields_set if name not in takes]:
            raise FaultMessage(f"a {self.type} has no {odd[0]}; it has {', '.join(sorted(takes))}")
        if missing := [name for name in NEEDS[self.type] if self.said(name) is None]:
            hint = " (or who)" if missing[0] in ("user", "visitor") else ""
            raise FaultMessage(f"a {self.type} needs {missing[0]}{hint}")
        if self.type == HappeningType.REVIEW and self.decision == Decision.RETRY:
            raise FaultMessage("a review doesn't retry; it approves what failed")
        return self

    def said(self, name: str) -> Any:
        """A field; the person where the visitor or user isn't given apart."""
        value = getattr(self, name)
        return self.who if value is None and name in WHO.get(self.type, ()) else value
