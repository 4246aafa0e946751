"""Quick reading of usual events; pydantic's models say what an event is (`submission`).

An event is usual where all its texts are printable ASCII in the form in which they are kept, and
its fields known and none of them null. Whatever isn't usual, right or wrong, is left to pydantic,
which alone gives reasons.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from socket import AF_INET, inet_pton
from typing import Any, Final

import msgspec

from reftrail.collector.submission import (
    Click,
    FormStarted,
    Identified,
    Purchase,
    Signup,
    Submission,
    View,
    json_object,
)
from reftrail.contracts.code_spelling import is_code
from reftrail.contracts.money import is_currency, is_whole
from reftrail.contracts.names import LONGEST_NAME, usable_source
from reftrail.contracts.record import SECOND, Micros, Millis
from reftrail.edge.field_formats import parse_amount, parse_time

_FREQUENT: Final[Mapping[str, type[Submission]]] = {
    "view": View,
    "click": Click,
    "form_started": FormStarted,
    "identified": Identified,
    "signup": Signup,
    "purchase": Purchase,
}
_NEEDED: Final = {
    kind: [name for name, field in model.model_fields.items() if field.is_required()]
    for kind, model in _FREQUENT.items()
}
_MOST_MINUTES: Final = 4096
_MOST_CODES: Final = 16_384
_WITH_MILLISECONDS: Final = len("2025-03-01T12:00:00.000Z")
_SECONDS: Final = {f"{second:02}.": second * SECOND for second in range(60)}
_MILLISECONDS: Final = {f"{millisecond:03}Z": millisecond for millisecond in range(1000)}
_SOURCES: Final = frozenset({"electronic", "portal", "direct"})
_LONGEST_AGENT: Final = 1024
_AMOUNTS: Final = ("amount", "net_amount", "tax", "shipping")
_OF_VISITS: Final = frozenset(
    {
        *("type", "event_time", "visitor_id", "user_id", "device_id", "ip", "user_agent"),
        *("code", "campaign_id", "category", "channel", "source", "country"),
    }
)
_OF_ORDERS: Final = frozenset(
    {
        *_AMOUNTS,
        *("order_id", "refund_id", "dispute_id", "merged_into", "currency", "amount_refunded"),
    }
)


class UsualEvent(msgspec.Struct, gc=False):
    """An event with the fields of `submission.Submission`, as pydantic would have read it."""

    type: str
    event_id: str | None = None
    event_time: Millis | None = None
    visitor_id: str | None = None
    user_id: str | None = None
    code: str | None = None
    campaign_id: str | None = None
    category: str | None = None
    channel: str | None = None
    source: str | None = None
    device_id: str | None = None
    ip: str | None = None
    user_agent: str | None = None
    country: str | None = None
    email: str | None = None
    order_id: str | None = None
    currency: str | None = None
    amount: Micros | None = None
    net_amount: Micros | None = None
    tax: Micros | None = None
    shipping: Micros | None = None
    refund_id: str | None = None
    amount_refunded: Micros | None = None
    dispute_id: str | None = None
    merged_into: str | None = None
    utm_source: str | None = None
    properties: str | None = None


_is_code: Final = lru_cache(maxsize=_MOST_CODES)(is_code)
_HEX: Final = "[0-9a-fA-F]"
_is_uuid: Final = re.compile(
    # Neither nil nor max: eight such digits begin those.
    rf"(?!0{{8}}|[fF]{{8}}){_HEX}{{8}}(?:-{_HEX}{{4}}){{3}}-{_HEX}{{12}}"
).fullmatch
_is_country: Final = re.compile("[A-Z]{2}").fullmatch
_is_email: Final = re.compile("[!-?A-~]{1,64}@[!-?A-~]{1,189}").fullmatch
_NOT_USUAL: Final = (AttributeError, KeyError, OSError, TypeError, ValueError)


def usual(item: Any) -> UsualEvent | None:
    """An event, as the JSON parser made it, if it is usual; None of anything else."""
    try:
        event = UsualEvent(**item)
        needed = _NEEDED[event.type]
        if not (_is_text(event, item) and _is_visit(event)):
            return None
        if event.event_time is not None:
            event.event_time = _millis(item["event_time"])
        if not (_OF_VISITS.issuperset(item) or _read_more(event, item)):
            return None
        for name in needed:
            if getattr(event, name) is None:
                return None
    except _NOT_USUAL:
        return None
    return event


def _is_text(event: UsualEvent, item: dict[str, Any]) -> bool:
    """Whether all fields but the properties are printable ASCII. Raises TypeError for no texts."""
    if event.properties is None:
        text = "".join(item.values())
    else:
        text = "".join(item[name] for name in item if name != "properties")
    return text.isascii() and text.isprintable()


def _is_visit(event: UsualEvent) -> bool:
    """Whether texts of ASCII are usual in fields that any event may have.

    Raises OSError for an address that isn't one of IPv4.
    """
    for name in (
        event.visitor_id,
        event.user_id,
        event.device_id,
        event.campaign_id,
        event.category,
        event.channel,
    ):
        if name is not None and not _is_name(name):
            return False
    if event.ip is not None:
        inet_pton(AF_INET, event.ip)
    return (
        (event.code is None or _is_code(event.code))
        and (event.source is None or event.source in _SOURCES)
        and (event.user_agent is None or len(event.user_agent) <= _LONGEST_AGENT)
        and (event.country is None or _is_country(event.country) is not None)
    )


def _is_name(text: str) -> bool:
    return 0 < len(text) <= LONGEST_NAME and text[0] != " " != text[-1]


def _read_more(event: UsualEvent, item: dict[str, Any]) -> bool:
    """Read fields that fewer events have; whether they are usual. Raises as they say."""
    if event.event_id is not None:
        if _is_uuid(event.event_id) is None:
            return False
        event.event_id = event.event_id.lower()
    if event.properties is not None:
        event.properties = json_object(item["properties"])
    if event.utm_source is not None:
        event.utm_source = usable_source(item["utm_source"])
    if event.email is not None and _is_email(event.email) is None:
        return False
    return item.keys().isdisjoint(_OF_ORDERS) or _read_order(event, item)


def _read_order(event: UsualEvent, item: dict[str, Any]) -> bool:
    """Read what is of an order; whether it is usual. Raises ValueError for what isn't."""
    if event.amount_refunded is not None:
        return False
    for name in (event.order_id, event.refund_id, event.dispute_id, event.merged_into):
        if name is not None and not _is_name(name):
            return False
    if event.currency is not None and not is_currency(event.currency):
        return False
    for name in _AMOUNTS:
        given = item.get(name)
        if given is not None:
            amount = parse_amount(given)
            if event.currency is not None and not is_whole(amount, event.currency):
                return False
            setattr(event, name, amount)
    return True


def _millis(text: str) -> Millis:
    if len(text) == _WITH_MILLISECONDS:
        return _minute(text[:17]) + _SECONDS[text[17:20]] + _MILLISECONDS[text[20:]]
    return parse_time(text)


@lru_cache(maxsize=_MOST_MINUTES)
def _minute(begin: str) -> Millis:
    if begin[11:13] == "24":  # of which some versions of Python read the first moment alone
        raise ValueError("no hour")
    return parse_time(f"{begin}00Z")
