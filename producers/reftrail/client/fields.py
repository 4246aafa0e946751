"""Fields of the events that a server reports.

What the collector would reject is an error at the call, as far as one can tell there. A rejection
comes later, in the background, when nobody can put the call right any more.
"""

import logging
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from typing import Any, Final, TypeAlias

from reftrail.contracts.code_spelling import is_code, spelled

logger = logging.getLogger("reftrail.client")

Amount: TypeAlias = Decimal | str | int

AMOUNTS: Final = frozenset({"amount", "net_amount", "tax", "shipping", "amount_refunded"})
_IDS: Final = frozenset(
    {"event_id", "user_id", "order_id", "refund_id", "dispute_id", "merged_into"}
)
_OPTIONAL: Final = frozenset(
    {
        *("visitor_id", "campaign_id", "category", "channel", "source", "utm_source"),
        *("device_id", "ip", "user_agent", "email", "country"),
    }
)
"""Texts that an event may lack. A form sends an empty one for what nobody filled in."""
_LONGEST_ID: Final = 128
_MOST_PLACES: Final = 6
_CURRENCY: Final = re.compile("[A-Z]{3}")
_DECIMAL: Final = re.compile(r"\d{1,13}(\.\d{1,6})?", re.ASCII)
_AMOUNT_SAYS: Final = (
    "expected an amount that isn't negative, as a Decimal or a string such as '19.99', with at "
    "most 6 decimal places"
)


def checked(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that aren't left out, with amounts as text. Raises TypeError, ValueError."""
    found = {name: _checked(name, value) for name, value in fields.items() if value is not None}
    return {name: value for name, value in found.items() if value is not None}


def written(name: str, amount: Amount) -> str:
    """An amount as the collector reads it: 100 for `Decimal("1E+2")`.

    Raises TypeError, ValueError.
    """
    if isinstance(amount, float):
        raise TypeError(
            f"{name} is the float {amount!r}, which isn't exact; give a Decimal or a string such "
            f"as '19.99'"
        )
    if isinstance(amount, bool) or not isinstance(amount, Decimal | str | int):
        raise TypeError(f"{name} is {amount!r}; {_AMOUNT_SAYS}")
    text = amount if isinstance(amount, str) else _plain(amount)
    if _DECIMAL.fullmatch(text) is None:
        raise ValueError(f"{name} is {str(amount)[:40]!r}; {_AMOUNT_SAYS}")
    return text


def _plain(amount: Decimal | int) -> str:
    """A number without an exponent, and without zeros beyond the places that an amount has."""
    exact = Decimal(amount)
    try:
        shorter = exact.quantize(Decimal(1).scaleb(-_MOST_PLACES))
    except InvalidOperation:
        return str(exact)
    is_longer = len(f"{exact:f}".partition(".")[2]) > _MOST_PLACES
    return f"{shorter if is_longer and shorter == exact else exact:f}"


def _checked(name: str, value: Any) -> Any:
    read = _READ.get(name)
    if read is not None:
        return read(name, value)
    close = next(iter(get_close_matches(name, FIELDS, n=1)), None)
    advice = f"did you mean {close}?" if close else "put what is your own under properties"
    raise TypeError(f"{name} is not a field of an event; {advice}")


def _id(name: str, value: Any) -> str:
    if not (isinstance(value, str) and value.strip()):
        raise TypeError(f"{name} is {value!r}; expected a string that isn't empty")
    if len(value.strip()) > _LONGEST_ID:
        raise ValueError(f"{name} has {len(value)} characters; expected at most {_LONGEST_ID}")
    return value


def _optional(name: str, value: Any) -> str | None:
    if not isinstance(value, str):
        raise TypeError(f"{name} is {value!r}; expected a string")
    return value if value.strip() else None


def _code(name: str, value: Any) -> str | None:
    """The code that a person typed in; None, with a warning, for a text that can't be one."""
    code = _optional(name, value)
    if code is None or is_code(spelled(code)):
        return code
    logger.warning("a text of %d characters can't be a code, and is left out", len(code))
    return None


def _currency(name: str, value: Any) -> str:
    if not isinstance(value, str) or _CURRENCY.fullmatch(value) is None:
        raise ValueError(f"{name} is {value!r}; expected three capital letters such as 'EUR'")
    return value


def _properties(name: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise TypeError(f"{name} is {type(value).__name__}; expected a mapping")
    return value


def _time(name: str, value: Any) -> datetime | str:
    """A time with its offset; a text is the caller's own RFC 3339."""
    if not isinstance(value, datetime | str):
        raise TypeError(f"{name} is {value!r}; expected a datetime with an offset")
    try:
        read = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError as error:
        raise ValueError(f"{name} {value!r:.60} is no time as in RFC 3339") from error
    if read.utcoffset() is None:
        raise ValueError(
            f"{name} {value} has no offset; give an aware time such as datetime.now(UTC)"
        )
    return value


_READ: Final[Mapping[str, Callable[[str, Any], Any]]] = {
    **dict.fromkeys(AMOUNTS, written),
    **dict.fromkeys(_IDS, _id),
    **dict.fromkeys(_OPTIONAL, _optional),
    "code": _code,
    "currency": _currency,
    "event_time": _time,
    "properties": _properties,
}
FIELDS: Final = _READ.keys()
