"""Events that a server reports, with the ids that make a repetition count once."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, Literal, TypeAlias, TypedDict, Unpack
from uuid import UUID, uuid5

import msgspec

from reftrail.client.fields import Amount, checked, written

Event: TypeAlias = Mapping[str, Any]

_NAMESPACE: Final = UUID("7b1f8a52-6a0e-5d7c-9e43-2f4c1b8d9a60")
_NEEDED: Final[Mapping[str, tuple[str, ...]]] = {
    "signup": ("user_id",),
    "purchase": ("user_id", "order_id", "amount", "currency"),
    "refund": ("user_id", "order_id"),
    "identified": ("user_id", "visitor_id"),
}


class Details(TypedDict, total=False):
    """Fields that any event may have; the collector's reference explains each.

    event_time is the time of the call unless given, and must have an offset. code is what a person
    typed in. ip, device_id and email leave the collector as keyed hashes only. An empty text is
    left out: forms send one for what nobody filled in.
    """

    event_time: datetime
    code: str | None
    campaign_id: str | None
    category: str | None
    channel: str | None
    source: Literal["electronic", "portal", "direct"] | None
    utm_source: str | None
    device_id: str | None
    ip: str | None
    user_agent: str | None
    email: str | None
    country: str | None
    properties: Mapping[str, Any] | None


class Context(Details, total=False):
    """The details, and the visitor whose visits the event belongs to."""

    visitor_id: str | None


class RefundContext(Context, total=False):
    """The amount that was paid back. Without any of these the order is paid back in full.

    refund_id names one refund of the order, amount is its amount. amount_refunded is what has been
    refunded of the order in all.
    """

    refund_id: str | None
    amount: Amount | None
    amount_refunded: Amount | None
    currency: str | None


class OrderContext(Context, total=False):
    """Parts of a purchase's amount, in the same currency."""

    net_amount: Amount | None
    tax: Amount | None
    shipping: Amount | None


def signup(user_id: str, **context: Unpack[Context]) -> Event:
    """The signup of a user, who has one."""
    return _event("signup", (user_id,), {"user_id": user_id, **context})


def purchase(
    user_id: str, order_id: str, amount: Amount, currency: str, **context: Unpack[OrderContext]
) -> Event:
    """The purchase of an order, which has one."""
    named = {"user_id": user_id, "order_id": order_id, "amount": amount, "currency": currency}
    return _event("purchase", (user_id, order_id), {**named, **context})


def refund(user_id: str, order_id: str, **context: Unpack[RefundContext]) -> Event:
    """The refund of an order: of an amount, up to a total, or in full where there is neither.

    Raises ValueError for an amount without a refund_id: a second refund of the same amount would
    count as the first one's repetition.
    """
    refund_id, amount = context.get("refund_id"), context.get("amount")
    total = context.get("amount_refunded")
    if amount is not None and refund_id is None:
        raise ValueError(
            f"the refund of {amount} of order {order_id!r} needs a refund_id, since an order may "
            f"have several; or give amount_refunded, what has been refunded of the order in all"
        )
    gone = None if total is None else written("amount_refunded", total)
    identity = (user_id, order_id, refund_id, gone)
    return _event("refund", identity, {"user_id": user_id, "order_id": order_id, **context})


def identify(user_id: str, visitor_id: str, **details: Unpack[Details]) -> Event:
    """The statement that a visitor is a user: somebody logged in on this browser or device."""
    fields = {**details, "user_id": user_id, "visitor_id": visitor_id}
    return _event("identified", (user_id, visitor_id), fields)


def _event(kind: str, identity: tuple[str | None, ...], fields: Mapping[str, Any]) -> Event:
    """An event whose id follows from what happened. Raises TypeError, ValueError for its fields."""
    given = checked(fields)
    for name in _NEEDED[kind]:
        if name not in given:
            raise TypeError(f"{name} is {fields.get(name)!r}; an event {kind} can't be without")
    event_id = uuid5(_NAMESPACE, json.dumps([kind, *identity]))
    own = {"type": kind, "event_id": str(event_id), "event_time": datetime.now(UTC)}
    event = own | given
    try:
        msgspec.json.encode(event)
    except (TypeError, ValueError, RecursionError, OverflowError) as error:
        raise TypeError(f"the event can't be written as JSON: {error}") from error
    return event
