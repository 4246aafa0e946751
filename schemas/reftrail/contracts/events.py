"""The input events: what clients report. One type for each kind, one flat Avro record for all.

A type says which fields its kind can't do without; the wire has them all, nullable.
"""

from enum import StrEnum
from typing import Final, TypeAlias

from reftrail.contracts.record import Micros, Millis, Record


class Source(StrEnum):
    """The way in which an event reached us."""

    ELECTRONIC = "electronic"
    PORTAL = "portal"
    DIRECT = "direct"


class CodeEvidence(StrEnum):
    """The collector's finding about a code that isn't registered, from its symbols alone.

    derived: a campaign's secret makes this code, so it is as good as registered. forged: written as
    one of a campaign's derived codes, which it isn't. mistyped: its check symbol says that a
    symbol is wrong. malformed: it begins like a code and goes on otherwise. retired: of a format
    whose codes count no longer.
    """

    DERIVED = "derived"
    FORGED = "forged"
    MISTYPED = "mistyped"
    MALFORMED = "malformed"
    RETIRED = "retired"


class KeyKind(StrEnum):
    """The kind of API key that an event came under.

    A publishable one is in pages and apps, for all to read.
    """

    SECRET = "secret"  # noqa: S105  the name of a kind, no password
    PUBLISHABLE = "publishable"


class Event(Record, frozen=True, kw_only=True, tag_field="type", tag="event"):
    """The fields that any client event may have about its context.

    code_known is the collector's finding: False means that no such code was registered when the
    event came in, None that nobody looked. code_evidence is a value of `CodeEvidence`; where it is
    derived, code_known is True. campaign_id is the code's own, by its record or by the secret that
    makes it; of an event without a code, the client's word. client_campaign_id is the client's word
    in any case, for reports only. email_disposable: the address is of a domain that gives out
    addresses for minutes; None where there was none. *_hash are keyed hashes made by the collector
    under the key hash_key_id; ip_hash covers the /64 of an IPv6 address, network_hash the /24 or
    /48 around an address. properties is a JSON object as text. source is a value of `Source`,
    key_kind of `KeyKind`. clock_skew_ms is how far ahead the sender's time was: event_time is that
    less this; None where the two are equal.

    net_amount_micros is what rewards in percent are computed of; without it, the amount less
    tax_micros and shipping_micros. refund_id names one refund of an order, and
    amount_refunded_micros says how much of the order has been refunded in all by then. dispute_id
    names a dispute about an order. merged_into is the account that a user's events belong to.
    utm_source is where the visit came from, as its address or the client says; for reports only.

    user_agent_family, user_agent_os and device_class are what the collector keeps of a user agent:
    names of browsers, systems and classes of devices that many share, `other` for any else, None
    where there was no user agent. user_agent is read in records of schema versions before 5, which
    kept it as it came; it is never written, and nothing uses it.
    """

    visitor_id: str | None = None
    user_id: str | None = None
    code: str | None = None
    code_known: bool | None = None
    code_evidence: str | None = None
    campaign_id: str | None = None
    category: str | None = None
    channel: str | None = None
    source: str | None = None
    device_hash: str | None = None
    ip_hash: str | None = None
    network_hash: str | None = None
    email_hash: str | None = None
    email_disposable: bool | None = None
    hash_key_id: str | None = None
    user_agent: str | None = None
    is_bot: bool = False
    country: str | None = None
    order_id: str | None = None
    amount_micros: Micros | None = None
    currency: str | None = None
    properties: str | None = None
    client_campaign_id: str | None = None
    key_kind: str | None = None
    clock_skew_ms: Millis | None = None
    refund_id: str | None = None
    amount_refunded_micros: Micros | None = None
    net_amount_micros: Micros | None = None
    tax_micros: Micros | None = None
    shipping_micros: Micros | None = None
    dispute_id: str | None = None
    merged_into: str | None = None
    utm_source: str | None = None
    user_agent_family: str | None = None
    user_agent_os: str | None = None
    device_class: str | None = None


class View(Event, frozen=True, kw_only=True, tag="view"):
    """A visitor saw something that carries a code: a banner, a shared page."""

    visitor_id: str


class Click(Event, frozen=True, kw_only=True, tag="click"):
    """A visitor followed a referral link."""

    visitor_id: str


class FormStarted(Event, frozen=True, kw_only=True, tag="form_started"):
    """A visitor began to fill in the sign-up form."""

    visitor_id: str


class Signup(Event, frozen=True, kw_only=True, tag="signup"):
    """A visitor became a user. code, where given, was typed in by hand."""

    user_id: str


class Purchase(Event, frozen=True, kw_only=True, tag="purchase"):
    """A user paid for an order."""

    user_id: str
    order_id: str
    amount_micros: Micros
    currency: str


class Refund(Event, frozen=True, kw_only=True, tag="refund"):
    """An order was paid back: in part (amount_micros), so much in all by then, or in full.

    It is in full where it has neither amount_micros nor amount_refunded_micros.
    """

    user_id: str
    order_id: str


class _Disputed(Event, frozen=True, kw_only=True, tag="disputed"):
    """A bank's message about an order, under dispute_id; amount_micros is the part, else all."""

    user_id: str
    order_id: str
    dispute_id: str


class DisputeOpened(_Disputed, frozen=True, kw_only=True, tag="dispute_opened"):
    """A payer disputes an order: a chargeback is asked for."""


class DisputeWon(_Disputed, frozen=True, kw_only=True, tag="dispute_won"):
    """A dispute ended, and the order stays paid."""


class DisputeLost(_Disputed, frozen=True, kw_only=True, tag="dispute_lost"):
    """A dispute ended, and its part of the order was paid back."""


class Identified(Event, frozen=True, kw_only=True, tag="identified"):
    """A visitor is known to be a user: somebody logged in on this browser or device."""

    visitor_id: str
    user_id: str


class UsersMerged(Event, frozen=True, kw_only=True, tag="users_merged"):
    """A user, such as a guest, is merged into an account, which stays."""

    user_id: str
    merged_into: str


Interaction: TypeAlias = View | Click | FormStarted
Dispute: TypeAlias = DisputeOpened | DisputeWon | DisputeLost
Conversion: TypeAlias = Signup | Purchase | Refund | Dispute
AnyEvent: TypeAlias = Interaction | Conversion | Identified | UsersMerged


_DISPUTES: Final[tuple[type[Event], ...]] = (DisputeOpened, DisputeWon, DisputeLost)
_KEYED_BY_USER: Final = frozenset[type[Event]]((Purchase, Refund, UsersMerged, *_DISPUTES))
_OF_A_USER: Final = frozenset[type[Event]]((Signup, *_KEYED_BY_USER, Identified))


def event_key(event: Event) -> str:
    """The message key: the visitor, whose order of touches matters; else the user.

    Raises ValueError where neither is given, or the user is nobody: what was decided for the empty
    name would be everybody's who left it out.
    """
    if type(event) in _OF_A_USER and not event.user_id:
        raise ValueError(f"event {event.event_id} has an empty user_id")
    key = event.user_id if type(event) in _KEYED_BY_USER else event.visitor_id or event.user_id
    if not key:
        raise ValueError(f"event {event.event_id} names neither visitor_id nor user_id")
    return key
