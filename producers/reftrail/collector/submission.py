"""Events as clients may send them: one strict type for each kind.

All kinds take the same fields; each says which it can't do without. null is the same as absent.
A field that isn't known is an error: a misspelt `code` would lose somebody a reward.
"""

from collections.abc import Callable
from typing import Annotated, Any, Final, Literal, TypeAlias

import msgspec
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationInfo,
)
from pydantic_core import PydanticCustomError

from reftrail.contracts.code_spelling import CODE_PATTERN, spelled
from reftrail.contracts.money import is_currency, is_whole, whole_amount
from reftrail.contracts.names import usable_source
from reftrail.contracts.record import Micros, Millis
from reftrail.edge.field_formats import (
    EXPECTED,
    MAX_PROPERTIES_BYTES,
    normal_address,
    parse_amount,
    parse_time,
)
from reftrail.edge.model_fields import Name

# The nil and the max UUID (RFC 9562, 5.9 and 5.10): ids that a client forgot to fill in.
_BLANK_UUIDS: Final = frozenset({"0" * 8, "f" * 8})

TOO_MANY_PLACES: Final = "too_many_places"
"""The type of pydantic's error for an amount that is no whole number of minor units; its message is
the reason of the rejection."""

_EXPECTED_OF: Final = {
    ("refund", "amount"): "a decimal in a string, above 0 and with at most 6 places; leave it out "
    "for a refund in full",
    **{
        (kind, "amount"): "a decimal in a string, above 0 and with at most 6 places; leave it out "
        "for a dispute about the whole order"
        for kind in ("dispute_opened", "dispute_won", "dispute_lost")
    },
    ("refund", "amount_refunded"): "a decimal in a string, above 0 and with at most 6 places",
}


HALVED: Final = "has half of a UTF-16 surrogate pair, which is no character"
"""The reason of a rejection."""


def is_halved(given: object) -> bool:
    """Whether there is a text with half of a UTF-16 surrogate pair in a value of JSON."""
    try:
        msgspec.json.encode(given)
    except UnicodeEncodeError:
        return True
    except (msgspec.EncodeError, RecursionError, OverflowError, TypeError):
        return False
    return False


def expected(kind: str, field: str) -> str:
    """A field in words, as an event of a kind takes it."""
    return _EXPECTED_OF.get((kind, field), EXPECTED[field])


def _above_zero(amount: Micros) -> Micros:
    if amount == 0:
        raise ValueError("nothing")
    return amount


def _uuid(text: str) -> str:
    lower = text.lower()
    if lower[:8] in _BLANK_UUIDS and len(set(lower)) == 2:
        raise ValueError("nil or max")
    return lower


MATCH_PROPERTY: Final = "reftrail_match"
"""The property in which the collector says by which click an app was installed."""


def json_object(value: object) -> str:
    """A JSON object as the text that a record has. Raises ValueError."""
    if not isinstance(value, dict):
        raise ValueError("not an object")  # noqa: TRY004  pydantic takes ValueErrors only
    if MATCH_PROPERTY in value:
        raise ValueError("has what the collector alone may say")
    try:
        text = msgspec.json.encode(value)
    except (RecursionError, OverflowError, UnicodeEncodeError, msgspec.EncodeError) as error:
        raise ValueError("not to be written as JSON") from error
    if len(text) > MAX_PROPERTIES_BYTES:
        raise ValueError("too long")
    return text.decode()


def _in_minor_units(amount: Micros, info: ValidationInfo) -> Micros:
    """An amount as its currency has it; without a valid currency it is taken as it is."""
    currency = info.data.get("currency")
    if currency is None or is_whole(amount, currency):
        return amount
    raise PydanticCustomError(
        TOO_MANY_PLACES, "expected {amount}", {"amount": whole_amount(currency)}
    )


def _iso_4217(currency: str) -> str:
    if not is_currency(currency):
        raise ValueError("no such currency")
    return currency


def _text(longest: int, pattern: str) -> Any:
    return Field(min_length=1, max_length=longest, pattern=pattern)


_Source: TypeAlias = Annotated[str, AfterValidator(usable_source)]
_Code: TypeAlias = Annotated[str, AfterValidator(spelled), Field(pattern=CODE_PATTERN)]
_HEX: Final = "[0-9a-fA-F]"
_Uuid: TypeAlias = Annotated[
    str,
    _text(36, rf"^{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}$"),
    AfterValidator(_uuid),
]
_Time: TypeAlias = Annotated[Millis, BeforeValidator(parse_time, json_schema_input_type=str)]
_Amount: TypeAlias = Annotated[
    Micros,
    BeforeValidator(parse_amount, json_schema_input_type=str),
    AfterValidator(_in_minor_units),
]
_Currency: TypeAlias = Annotated[str, _text(3, "^[A-Z]{3}$"), AfterValidator(_iso_4217)]


class Submission(BaseModel):
    """An event as its client tells it, with times and amounts read."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    event_id: _Uuid | None = None
    event_time: _Time | None = None
    visitor_id: Name | None = None
    user_id: Name | None = None
    code: _Code | None = None
    campaign_id: Name | None = None
    category: Name | None = None
    channel: Name | None = None
    source: Literal["electronic", "portal", "direct"] | None = None
    device_id: Name | None = None
    ip: Annotated[str, Field(max_length=64), AfterValidator(normal_address)] | None = None
    user_agent: Annotated[str, Field(max_length=1024)] | None = None
    country: Annotated[str, _text(2, "^[A-Z]{2}$")] | None = None
    email: Annotated[str, _text(254, r"^\s*[^\s@]+@[^\s@]+\s*$")] | None = None
    order_id: Name | None = None
    currency: _Currency | None = None  # before the amount, which is read by it
    amount: _Amount | None = None
    net_amount: _Amount | None = None
    tax: _Amount | None = None
    shipping: _Amount | None = None
    refund_id: Name | None = None
    amount_refunded: _Amount | None = None
    dispute_id: Name | None = None
    merged_into: Name | None = None
    utm_source: _Source | None = None
    properties: (
        Annotated[str, BeforeValidator(json_object, json_schema_input_type=dict[str, Any])] | None
    ) = None


class View(Submission):
    """A visitor saw something that carries a code."""

    type: Literal["view"]
    visitor_id: Name


class Click(Submission):
    """A visitor followed a referral link."""

    type: Literal["click"]
    visitor_id: Name


class FormStarted(Submission):
    """A visitor began to fill in the sign-up form."""

    type: Literal["form_started"]
    visitor_id: Name


class Signup(Submission):
    """A visitor became a user."""

    type: Literal["signup"]
    user_id: Name


class Purchase(Submission):
    """A user paid for an order."""

    type: Literal["purchase"]
    user_id: Name
    order_id: Name
    amount: _Amount
    currency: _Currency


class Refund(Submission):
    """An order was paid back: in part (amount), by then so much in all, or in full (neither)."""

    type: Literal["refund"]
    user_id: Name
    order_id: Name
    amount: Annotated[_Amount, AfterValidator(_above_zero)] | None = None
    amount_refunded: Annotated[_Amount, AfterValidator(_above_zero)] | None = None


class _Disputed(Submission):
    """A dispute about an order: about a part of it (amount), or all of it."""

    user_id: Name
    order_id: Name
    dispute_id: Name
    amount: Annotated[_Amount, AfterValidator(_above_zero)] | None = None


class DisputeOpened(_Disputed):
    """A payer disputes an order: a chargeback is asked for."""

    type: Literal["dispute_opened"]


class DisputeWon(_Disputed):
    """A dispute ended, and the order stays paid."""

    type: Literal["dispute_won"]


class DisputeLost(_Disputed):
    """A dispute ended, and its part of the order was paid back."""

    type: Literal["dispute_lost"]


class UsersMerged(Submission):
    """A user, such as a guest, is merged into an account, which stays."""

    type: Literal["users_merged"]
    user_id: Name
    merged_into: Name


class Identified(Submission):
    """A visitor is known to be a user: somebody logged in on this browser or device."""

    type: Literal["identified"]
    visitor_id: Name
    user_id: Name


AnySubmission: TypeAlias = Annotated[
    View
    | Click
    | FormStarted
    | Signup
    | Purchase
    | Refund
    | DisputeOpened
    | DisputeWon
    | DisputeLost
    | Identified
    | UsersMerged,
    Field(discriminator="type"),
]
validate_all: Final[Callable[[list[Any]], list[AnySubmission]]] = TypeAdapter(
    list[AnySubmission]
).validate_python
"""Reads many at once; a pydantic ValidationError names index, type and field of what is wrong."""
