"""Things that happen in a scenario: events, with every field that a client may send, and others."""

from enum import StrEnum
from typing import Annotated, Any, Final, Self, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from reftrail.campaigns.units import Takes, Text, quoted
from reftrail.campaigns.validation import Told
from reftrail.contracts.decisions import Role
from reftrail.contracts.events import KeyKind, Source
from reftrail.contracts.external_inputs import FulfilmentOutcome, ReviewDecision
from reftrail.contracts.reference import CodeStatus
from reftrail.lists import Subject
from reftrail.scenarios.moments import When

_Amount: TypeAlias = Annotated[
    str,
    BeforeValidator(lambda given: str(given) if type(given) is int else given),
    Takes("amount", 'an amount in quotes, as the client sends it, such as "19.99"', quoted),
]
_Properties: TypeAlias = Annotated[dict[str, Any], Takes("table", "a table", str)]


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


WHO: Final[dict[What, tuple[str, ...]]] = {
    What.VIEW: ("visitor",),
    What.CLICK: ("visitor",),
    What.FORM_STARTED: ("visitor",),
    What.SIGNUP: ("visitor", "user"),
    What.PURCHASE: ("user",),
    What.REFUND: ("user",),
    What.REVIEW: ("user",),
    What.FULFILMENT: ("user",),
}
"""The fields that the person fills, where they aren't given."""

CLIENT_EVENTS: Final = (
    What.VIEW,
    What.CLICK,
    What.FORM_STARTED,
    What.SIGNUP,
    What.PURCHASE,
    What.REFUND,
)
"""What clients send to the collector."""

SUBMITTED: Final = frozenset(
    {
        "event_id",
        "sent_at",
        "visitor",
        "user",
        "code",
        "campaign_id",
        "category",
        "channel",
        "source",
        "device",
        "ip",
        "user_agent",
        "country",
        "email",
        "order",
        "amount",
        "currency",
        "properties",
    }
)
"""The fields of an event besides its type and time: the collector's, which all events share."""

TAKES: Final[dict[What, frozenset[str]]] = dict.fromkeys(CLIENT_EVENTS, SUBMITTED | {"key"}) | {
    What.REVIEW: frozenset({"user", "code", "role", "action", "decision", "reason", "note"}),
    What.FULFILMENT: frozenset({"user", "code", "role", "action", "outcome"}),
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

    at: When = Field(description="When it happens, by the clock of the sender.")
    type: What = Field(strict=False, description="What happens.")
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
    campaign_id: Text | None = Field(
        default=None, description="The campaign, as the client labels it."
    )
    source: Source | None = Field(default=None, strict=False, description="How it reaches us.")
    properties: _Properties | None = Field(default=None, description="What is the client's own.")
    role: Role | None = Field(
        default=None, strict=False, description="Of several rewards the one that is meant."
    )
    action: Text | None = Field(
        default=None, description="Of several rewards of the role the one for this action."
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
        """A field; the person where the visitor or user isn't given apart."""
        value = getattr(self, name)
        return self.who if value is None and name in WHO.get(self.type, ()) else value
