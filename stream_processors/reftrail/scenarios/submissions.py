"""Events of a scenario as their clients send them to the collector."""

from datetime import UTC, datetime
from typing import Any, Final

from reftrail.collector.accept import Sender
from reftrail.contracts.events import KeyKind
from reftrail.contracts.record import Millis
from reftrail.edge.field_formats import parse_address
from reftrail.scenarios.happening import Happening
from reftrail.scenarios.happening_types import SUBMITTED, HappeningType

_NAMES: Final = {
    "visitor": "visitor_id",
    "user": "user_id",
    "order": "order_id",
    "device": "device_id",
    "at": "event_time",
}
"""Fields that the collector knows under another name."""
_FIELDS: Final = {theirs: ours for ours, theirs in _NAMES.items()}

_DISPUTES: Final = frozenset(
    {HappeningType.DISPUTE_OPENED, HappeningType.DISPUTE_WON, HappeningType.DISPUTE_LOST}
)


def submission_of(
    happening: Happening, at: Millis, event_id: str, *, currency: str, order: str
) -> dict[str, Any]:
    """The event as its client sends it. Its id, currency and order are those given where absent."""
    given = {name: happening.said(name) for name in SUBMITTED} | {"at": _rfc3339(at)}
    given.pop("sent_at", None)  # the request's, not the event's
    given["source"] = None if happening.source is None else happening.source.value
    given["event_id"] = happening.event_id or event_id
    if happening.amount is not None or happening.amount_refunded is not None:
        given["currency"] = happening.currency or currency
    if happening.type == HappeningType.PURCHASE and happening.order is None:
        given["order"] = order
    if happening.type in _DISPUTES:
        given["dispute_id"] = happening.dispute_id or f"dispute about {happening.order}"
    return {"type": happening.type.value} | {
        _NAMES.get(name, name): value for name, value in given.items() if value is not None
    }


def field_at(pointer: str) -> str:
    """The field of a happening that the collector points at."""
    theirs = pointer.removeprefix("/")
    return _FIELDS.get(theirs, theirs)


def sender_of(happening: Happening) -> Sender:
    """The connection that an event comes through. A page's or app's is the visitor's own."""
    if happening.key is KeyKind.SECRET:
        return Sender(happening.key)
    try:
        ip = None if happening.ip is None else str(parse_address(happening.ip))
    except ValueError:
        ip = None  # the event says it too, and is rejected for it
    return Sender(happening.key, ip, happening.user_agent)


def _rfc3339(at: Millis) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).isoformat()
