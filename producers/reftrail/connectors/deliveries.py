"""Deliveries, the events that they mean, and how ids and fields of events are made of them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Final, TypeAlias, TypeGuard
from uuid import UUID, uuid5

from reftrail.contracts.code_spelling import is_code, spelled
from reftrail.contracts.names import LONGEST_NAME, NAME_PATTERN, has_half_a_pair

Json: TypeAlias = Mapping[str, Any]
Event: TypeAlias = dict[str, Any]

VISITOR: Final = "reftrail_visitor_id"
CODE: Final = "reftrail_code"
USER: Final = "reftrail_user_id"
"""Names under which a shop hands on who bought: in metadata, note attributes, an order's meta."""

_NAME: Final = re.compile(NAME_PATTERN)
_EMAIL: Final = re.compile(r"[^\s@]+@[^\s@]+")
_COUNTRY: Final = re.compile("[A-Z]{2}")
_LONGEST_ADDRESS: Final = 64  # with the zone of an IPv6 address
_LONGEST_AGENT: Final = 1024
_NAMESPACE: Final = UUID("a3c1a1c6-0b58-5a0b-9d0e-636f6e6e6563")


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery whose signature was right. topic is its kind, as the provider calls it.

    counts_tests: what the provider's test mode says counts, too. shop: its name, where several
    shops share an installation.
    """

    topic: str
    payload: Json
    counts_tests: bool = False
    shop: str = ""

    def named(self, own_id: str) -> str:
        """An id of the shop's own as one of the installation."""
        return f"{self.shop}:{own_id}" if self.shop else own_id


@dataclass(frozen=True, slots=True)
class Mapped:
    """The events that a delivery means; is_known: its topic is one that may mean something.

    codes are those of its signup, which has the first of them: of several coupons one that is
    registered goes before the shop's own.
    """

    events: Sequence[Event] = ()
    is_known: bool = True
    codes: Sequence[str] = ()


UNKNOWN: Final = Mapped(is_known=False)
NOTHING: Final = Mapped()


class Unreadable(Exception):  # noqa: N818  named after what it says
    """A payload lacks what every one of its topic has. str() says what."""


def event(kind: str, identity: Sequence[object], **fields: Any) -> Event:
    """An event whose id follows from what happened; fields that are None are left out.

    Raises `Unreadable` for an id with half of a surrogate pair.
    """
    try:
        event_id = uuid5(_NAMESPACE, "\0".join(map(str, (kind, *identity))))
    except UnicodeEncodeError as error:
        raise Unreadable("an id has half of a UTF-16 surrogate pair") from error
    own: Event = {"type": kind, "event_id": str(event_id)}
    return own | {name: value for name, value in fields.items() if value is not None}


def text(value: object) -> str | None:
    """An id as text: providers give numbers and texts, and nought for nobody; else None."""
    is_id = isinstance(value, str | int) and not isinstance(value, bool)
    return str(value) if is_id and value not in ("", "0", 0) else None


def name_of(value: object) -> str | None:
    """An id that a buyer's browser may have made up; None for what no event takes."""
    found = text(value)
    return found if _fits(found, _NAME, LONGEST_NAME) else None


def context_of(
    *, email: object = None, ip: object = None, user_agent: object = None, country: object = None
) -> dict[str, Any]:
    """Fields of an event about its buyer, without values that no event takes: the money counts."""
    found = {
        "email": email if _fits(email, _EMAIL, 254) else None,
        "ip": ip if _is_address(ip) else None,
        "user_agent": user_agent[:_LONGEST_AGENT] if _is_text(user_agent) else None,
        "country": country if _fits(country, _COUNTRY, 2) else None,
    }
    return {name: value for name, value in found.items() if value}


def _fits(value: object, pattern: re.Pattern[str], longest: int) -> bool:
    return _is_text(value) and len(value) <= longest and bool(pattern.fullmatch(value))


def _is_text(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and not has_half_a_pair(value)


def _is_address(value: object) -> bool:
    try:
        return _is_text(value) and len(value) <= _LONGEST_ADDRESS and bool(ip_address(value))
    except ValueError:
        return False


def codes_of(*candidates: object) -> tuple[str, ...]:
    """Those of some texts that can be a code."""
    spelt = (spelled(given) for given in candidates if isinstance(given, str))
    return tuple(found for found in spelt if is_code(found))


def code_of(*candidates: object) -> str | None:
    """The first of some texts that can be a code."""
    return next(iter(codes_of(*candidates)), None)


def needed(found: Json, name: str) -> Any:
    """A field that can't be absent. Raises `Unreadable`."""
    value = found.get(name)
    if value is None:
        raise Unreadable(f"{name} is missing")
    return value


def part(found: Json, name: str) -> Json:
    """An object within another one; empty where there is none."""
    value = found.get(name)
    return value if isinstance(value, Mapping) else {}


def parts(found: Json, name: str) -> list[Json]:
    """The objects of a list within another one."""
    value = found.get(name)
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def named_values(pairs: Sequence[Json], name: str) -> dict[str, Any]:
    """Pairs such as `{"name": ..., "value": ...}` as a mapping."""
    return {str(pair.get(name)): pair.get("value") for pair in pairs}
