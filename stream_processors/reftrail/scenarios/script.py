"""What a file of scenarios says: what is given, what happens, what is expected.

`README.md` beside this file shows all of it.
"""

from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Final, Self, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from reftrail.campaigns.units import Count, Flag, Money, Points, Takes, Text, quoted
from reftrail.campaigns.validation import Told
from reftrail.contracts.decisions import Basis, RewardStatus, Role
from reftrail.contracts.events import Source
from reftrail.contracts.life import FulfilmentOutcome, ReviewDecision
from reftrail.contracts.reference import CodeStatus
from reftrail.lists import Subject
from reftrail.scenarios.moments import FIRST_DAY, When

_Names: TypeAlias = Annotated[
    tuple[Text, ...],
    BeforeValidator(lambda given: (given,) if isinstance(given, str) else given),
    Field(strict=False),
    Takes("names", "text in quotes, or several in [ and ]", quoted),
]
_Day: TypeAlias = Annotated[date, Takes("date", "a date such as 2026-03-01", str)]


class What(StrEnum):
    """What can happen."""

    VIEW = "view"
    CLICK = "click"
    FORM_STARTED = "form_started"
    SIGNUP = "signup"
    PURCHASE = "purchase"
    REFUND = "refund"
    REVIEW = "review"
    FULFILMENT = "fulfilment"
    BLOCK = "block"
    ALLOW = "allow"
    UNLIST = "unlist"
    CODE = "code"
    TIME = "time"


_CONTEXT: Final = frozenset(
    {"code", "channel", "category", "country", "source", "ip", "device", "email", "user_agent"}
)
TAKES: Final[dict[What, frozenset[str]]] = {
    What.VIEW: _CONTEXT | {"visitor"},
    What.CLICK: _CONTEXT | {"visitor"},
    What.FORM_STARTED: _CONTEXT | {"visitor"},
    What.SIGNUP: _CONTEXT | {"visitor", "user"},
    What.PURCHASE: _CONTEXT | {"user", "order", "amount", "currency"},
    What.REFUND: _CONTEXT | {"user", "order", "amount", "currency"},
    What.REVIEW: frozenset({"user", "code", "role", "decision", "reason", "note"}),
    What.FULFILMENT: frozenset({"user", "code", "role", "outcome"}),
    What.BLOCK: frozenset({"subject", "value", "until", "reason"}),
    What.ALLOW: frozenset({"subject", "value", "until", "reason"}),
    What.UNLIST: frozenset({"subject", "value"}),
    What.CODE: frozenset({"code", "status", "owner"}),
    What.TIME: frozenset(),
}
"""Which fields each has besides at, type, arrives and who."""

NEEDS: Final[dict[What, tuple[str, ...]]] = {
    What.VIEW: ("visitor",),
    What.CLICK: ("visitor",),
    What.FORM_STARTED: ("visitor",),
    What.SIGNUP: ("user",),
    What.PURCHASE: ("user", "amount"),
    What.REFUND: ("user", "order"),
    What.REVIEW: ("user", "code", "decision"),
    What.FULFILMENT: ("user", "code", "role", "outcome"),
    What.BLOCK: ("subject", "value"),
    What.ALLOW: ("subject", "value"),
    What.UNLIST: ("subject", "value"),
    What.CODE: ("code",),
    What.TIME: (),
}


class Table(BaseModel):
    """A table of the file: nothing that isn't known, nothing of another type."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class Happening(Table):
    """One thing that happens."""

    at: When = Field(description="When it happens.")
    type: What = Field(strict=False, description="What happens.")
    arrives: When | None = Field(
        default=None, description="When it reaches us, if that is later than it happens."
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
    amount: Money | None = Field(
        default=None, description="What is paid, or paid back; a refund without it is of all."
    )
    currency: Text | None = Field(
        default=None, description="Of the amount; if it isn't given, that of the campaign."
    )
    ip: Text | None = Field(default=None, description="The address it comes from.")
    device: Text | None = Field(default=None, description="The device's id.")
    email: Text | None = Field(default=None, description="The user's e-mail address.")
    user_agent: Text | None = Field(default=None, description="The browser, or the robot.")
    country: Text | None = Field(default=None, description="As in ISO 3166-1, such as DE.")
    channel: Text | None = Field(default=None, description="Such as email or poster.")
    category: Text | None = Field(default=None, description="What reports group it under.")
    source: Source | None = Field(default=None, strict=False, description="How it reaches us.")
    role: Role | None = Field(
        default=None, strict=False, description="Of several rewards the one that is meant."
    )
    decision: ReviewDecision | None = Field(
        default=None, strict=False, description="What the review decides."
    )
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
            raise Told(f"a {self.type} has no {odd[0]}; it has {', '.join(sorted(takes))}")
        if missing := [name for name in NEEDS[self.type] if self.said(name) is None]:
            hint = " (or who)" if missing[0] in ("user", "visitor") else ""
            raise Told(f"a {self.type} needs {missing[0]}{hint}")
        return self

    def said(self, name: str) -> Any:
        """A field; the person where the visitor or user isn't told apart."""
        value = getattr(self, name)
        return self.who if value is None and name in ("visitor", "user") else value


class GivenFormat(Table):
    """A format of derived codes, which prove themselves and need not be there."""

    name: Annotated[str, Field(pattern="^[a-z0-9-]{1,32}$"), Takes("text", "a word", quoted)] = (
        Field(description="Its name: `name:1` is its first code, `name:forged` a forged one.")
    )
    pattern: Text = Field(description="How its codes look, such as `MKT{body:8}{check}`.")
    count: Count = Field(default=1_000, description="How many codes of it there are.")
    campaign: Text | None = Field(
        default=None, description="Its campaign; if it isn't given, the only one there is."
    )
    category: Text | None = Field(default=None, description="What reports group its codes under.")
    channel: Text | None = Field(default=None, description="Through which channel they are given.")
    retired: Flag = Field(default=False, description="True: its codes count no longer.")


class GivenCode(Table):
    """A code that there is."""

    code: Text = Field(description="The code; of a derived one its name, such as `market:1`.")
    owner: Text | None = Field(default=None, description="Who earns as referrer.")
    campaign: Text | None = Field(
        default=None, description="Its campaign; if it isn't given, the only one there is."
    )
    expires: When | None = Field(default=None, description="From when on it is no longer good.")
    max_uses: Count | None = Field(default=None, description="How many users may earn through it.")
    channels: list[Text] = Field(default=[], description="Where it is good; else everywhere.")
    regions: list[Text] = Field(default=[], description="In which countries it is good.")
    status: CodeStatus = Field(
        default=CodeStatus.ACTIVE, strict=False, description="Whether it may earn."
    )
    owner_ip: Text | None = Field(default=None, description="The owner's address at registration.")
    owner_device: Text | None = Field(default=None, description="The owner's device then.")
    owner_email: Text | None = Field(default=None, description="The owner's e-mail address.")


class Given(Table):
    """What is the case in all scenarios."""

    campaigns: _Names = Field(
        min_length=1, description="Campaign files, as seen from this one, the oldest version first."
    )
    first_day: _Day = Field(default=FIRST_DAY, description="The date of day 1.")
    formats: list[GivenFormat] = Field(
        default=[], description="The formats of derived codes that there are."
    )
    codes: list[GivenCode] = Field(default=[], description="The codes that there are.")
    events: list[Happening] = Field(
        default=[], description="What has happened before; its outcome isn't looked at."
    )


class Before(Table):
    """What is the case in one scenario, besides what is given in all."""

    codes: list[GivenCode] = Field(default=[], description="More codes.")
    events: list[Happening] = Field(
        default=[], description="What has happened before; its outcome isn't looked at."
    )


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
    """An attribution that is expected; what isn't told isn't looked at."""

    who: Text = Field(description="The user.")
    code: Text | None = Field(default=None, description="The code they came through.")
    basis: Basis | None = Field(default=None, strict=False, description="Why this code.")
    decisive: Flag | None = Field(
        default=None, description="False: a touch that came in too late to change anything."
    )


class Order(Table):
    """An order to fulfil that is expected; what isn't told isn't looked at."""

    role: Role | None = Field(default=None, strict=False, description="Which side's reward.")
    to: Text | None = Field(default=None, description="Who earns, or would have.")
    who: Text | None = Field(default=None, description="Whose action earned: the user referred.")
    code: Text | None = Field(default=None, description="The code.")
    action: Text | None = Field(default=None, description="What earned, such as first_purchase.")
    value: Money | None = Field(default=None, description="What it is worth.")
    currency: Text | None = Field(default=None, description="In which currency or unit.")
    kind: Text | None = Field(default=None, description="How it is given.")
    item: Text | None = Field(default=None, description="What is given.")


class Entry(Order):
    """An entry of the ledger that is expected; what isn't told isn't looked at."""

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


class Then(Table):
    """What is expected to follow from `when`. What isn't there isn't looked at; [] is nothing."""

    attributions: list[Attribution] | None = Field(
        default=None, description="Who was referred by whom, in this order."
    )
    ledger: list[Entry] | None = Field(
        default=None, description="Every entry of the ledger, in this order."
    )
    rewards: list[Entry] | None = Field(
        default=None,
        description="Every reward there is, as it stands in the end; in any order.",
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

    @model_validator(mode="after")
    def _expects_something(self) -> Self:
        if not self.model_fields_set:
            raise Told(f"nothing is expected; give one of {', '.join(type(self).model_fields)}")
        return self


class Scenario(Table):
    """One story."""

    name: Annotated[str, Field(min_length=1, max_length=200), Takes("text", "a sentence", quoted)]
    given: Before = Before()
    when: list[Happening] = Field(min_length=1)
    then: Then


class Script(Table):
    """A file of scenarios."""

    given: Given
    scenario: list[Scenario] = Field(min_length=1)

    @field_validator("scenario")
    @classmethod
    def _names_differ(cls, scenarios: list[Scenario]) -> list[Scenario]:
        names = [scenario.name for scenario in scenarios]
        for place, name in enumerate(names):
            if name in names[:place]:
                raise Told(
                    f'there is a scenario "{name}" before; give each a name of its own',
                    at=(place, "name"),
                )
        return scenarios
