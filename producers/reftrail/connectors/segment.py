"""Messages of Segment's HTTP API as events, by a mapping in TOML.

The envelope: https://segment.com/docs/connections/spec/common/ RudderStack and Jitsu have it, too.
"""

import tomllib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NamedTuple, TypeAlias
from uuid import UUID, uuid5

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from reftrail.connectors.amounts import cost, rounded, written
from reftrail.connectors.deliveries import Event, Json, code_of, context_of, name_of
from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.money import is_currency

_MESSAGE: Final = UUID("6f0c0f0d-4a5e-5b8f-8d5e-7365676d656e")
_AMOUNTS: Final = frozenset({"amount", "net_amount", "tax", "shipping", "amount_refunded"})
_IDS: Final = frozenset({"order_id", "user_id", "visitor_id", "refund_id"})
_NAMES: Final = ("category", "channel", "device_id", "campaign_id", "refund_id")
_CONTEXT: Final = ("email", "ip", "user_agent", "country")
_Places: TypeAlias = Annotated[list[str], Field(min_length=1)]
_Kind: TypeAlias = Literal[
    "view", "click", "form_started", "identified", "signup", "purchase", "refund"
]
_NEEDED: Final[Mapping[str, tuple[str, ...]]] = {
    "view": ("visitor_id",),
    "click": ("visitor_id",),
    "form_started": ("visitor_id",),
    "identified": ("visitor_id", "user_id"),
}
"""Without these a message says nothing here: an identify on a server, of a user alone."""


class _Fields(BaseModel):
    """Places of the fields in a message: keys with dots between."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    visitor_id: _Places | None = None
    user_id: _Places | None = None
    code: _Places | None = None
    campaign_id: _Places | None = None
    category: _Places | None = None
    channel: _Places | None = None
    utm_source: _Places | None = None
    email: _Places | None = None
    ip: _Places | None = None
    user_agent: _Places | None = None
    device_id: _Places | None = None
    country: _Places | None = None
    order_id: _Places | None = None
    currency: _Places | None = None
    amount: _Places | None = None
    net_amount: _Places | None = None
    tax: _Places | None = None
    shipping: _Places | None = None
    refund_id: _Places | None = None
    amount_refunded: _Places | None = None


class _Rule(_Fields):
    """The event that a message is, and places of its fields, besides those of all.

    revenue is an amount without tax and shipping, for messages without another one. partial is
    what only a refund in part has: without an amount it is rejected.
    """

    event: _Kind
    revenue: _Places | None = None
    partial: _Places | None = None


class SegmentMapping(BaseModel):
    """The event that a message is: by its type, and for a track by its name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    fields: _Fields = _Fields()
    page: _Rule | None = None
    screen: _Rule | None = None
    identify: _Rule | None = None
    track: dict[str, _Rule] = {}

    def event(self, message: Json) -> Event | None:
        """The event that a message means; None where it means none.

        What is needed and can't be read is in it as it came, so that it is rejected with its
        reason; what isn't needed is left out then.
        """
        rule = self._rule(message)
        if rule is None:
            return None
        places = self.fields.model_dump(exclude_none=True) | rule.model_dump(
            exclude_none=True, exclude={"event"}
        )
        found = {name: _first(message, at) for name, at in places.items()}
        given = {name: value for name, value in found.items() if value is not None}
        if any(name not in given for name in _NEEDED.get(rule.event, ())):
            return None
        given["code"] = code_of(*_all(message, places.get("code", ())))
        given = _fitting(_with_amounts(given, rule.event), _NEEDED.get(rule.event, ()))
        own = {"type": rule.event, "event_id": _event_id(message.get("messageId"))}
        time = message.get("timestamp") or message.get("originalTimestamp")
        return {name: value for name, value in {**own, "event_time": time}.items() if value} | given

    def _rule(self, message: Json) -> _Rule | None:
        kind, name = message.get("type"), message.get("event")
        if kind == "track":
            return self.track.get(name) if isinstance(name, str) else None
        rules = {"page": self.page, "screen": self.screen, "identify": self.identify}
        return rules.get(kind) if isinstance(kind, str) else None


class MappedMessages(NamedTuple):
    """The events of a batch; places has the index of each one's message."""

    events: list[Event]
    places: list[int]


def mapped_messages(mapping: SegmentMapping, messages: Sequence[Any]) -> MappedMessages:
    """The events of messages of any JSON type; what is none is an event without fields."""
    found = [
        (place, mapping.event(message) if isinstance(message, Mapping) else message)
        for place, message in enumerate(messages)
    ]
    meant = [(place, event) for place, event in found if event is not None]
    return MappedMessages([event for _, event in meant], [place for place, _ in meant])


def read_mapping(path: Path | None) -> SegmentMapping:
    """The mapping in a file, by default the one beside this module. Raises `ExpectedError`."""
    try:
        source = files(__package__) / "segment.toml" if path is None else path
        return SegmentMapping.model_validate(tomllib.loads(source.read_text("utf-8")))
    except OSError as error:
        raise ExpectedError(f"cannot read the mapping {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ExpectedError(f"{path} is not TOML: {error}") from error
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        where = ".".join(map(str, fault["loc"]))
        raise ExpectedError(f"{path}: {where}: {fault['msg']}") from error


def _first(message: Json, places: Sequence[str]) -> Any:
    return next(iter(_all(message, places)), None)


def _all(message: Json, places: Sequence[str]) -> list[Any]:
    values = (_at(message, place) for place in places)
    return [value for value in values if value not in (None, "")]


def _with_amounts(given: Event, kind: _Kind) -> Event:
    """A message's fields with its amounts as an event has them.

    A revenue is the amount where there is no other; tax and shipping aren't in it. A refund of
    products without an amount isn't one in full: its amount is one that is rejected.
    """
    fields = dict(given)
    revenue, is_partial = fields.pop("revenue", None), fields.pop("partial", None)
    if "amount" not in fields and revenue is not None:
        fields = {k: v for k, v in fields.items() if k not in ("tax", "shipping")}
        fields["amount"] = revenue
    elif is_partial and kind == "refund" and not {"amount", "amount_refunded"} & fields.keys():
        fields["amount"] = ""
    if isinstance(fields.get("currency"), str):
        fields["currency"] = fields["currency"].upper()
    amounts = {name: _amount(fields[name], fields.get("currency")) for name in _AMOUNTS & {*fields}}
    return fields | amounts


def _fitting(given: Event, needed: Sequence[str]) -> Event:
    """Fields without those that no event takes and none needs: an order counts without them."""
    fields = dict(given)
    for name in _IDS & fields.keys():
        if isinstance(fields[name], int) and not isinstance(fields[name], bool):
            fields[name] = str(fields[name])
    for name in _NAMES:
        fields[name] = name_of(fields.get(name))
    if not isinstance(fields.get("utm_source"), str):
        fields["utm_source"] = None
    if "visitor_id" not in needed:
        fields["visitor_id"] = name_of(fields.get("visitor_id"))
    fields |= dict.fromkeys(_CONTEXT) | context_of(**{name: fields.get(name) for name in _CONTEXT})
    for name in ("tax", "shipping"):
        fields[name] = None if cost(fields.get(name)) is None else fields[name]
    return {name: value for name, value in fields.items() if value is not None}


def _at(message: Any, place: str) -> Any:
    for key in place.split("."):
        message = message.get(key) if isinstance(message, Mapping) else None
    return message


def _amount(value: Any, currency: Any) -> Any:
    """An amount in decimals, rounded to minor units: a number of JSON isn't exact."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return value
    try:
        found = Decimal(value if isinstance(value, str) else repr(value))
        places = Decimal("1e-6")
        is_known = isinstance(currency, str) and is_currency(currency)
        return written(rounded(found, currency) if is_known else found.quantize(places))
    except InvalidOperation:
        return value


def _event_id(message_id: Any) -> str | None:
    """An id of a message is often no UUID: then it makes one.

    Half of a surrogate pair makes none: the id is rejected as it came.
    """
    if not isinstance(message_id, str) or not message_id:
        return None
    if len(message_id) == len(str(_MESSAGE)):
        with suppress(ValueError):
            return str(UUID(message_id))
    try:
        return str(uuid5(_MESSAGE, message_id))
    except UnicodeEncodeError:
        return message_id
