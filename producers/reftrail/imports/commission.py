"""A commission of another programme, and the checks of its parts."""

import re
from enum import StrEnum
from typing import Any, Final, NamedTuple

from reftrail.contracts.money import minor_places
from reftrail.contracts.names import LONGEST_NAME, NAME_PATTERN, NAME_SAYS
from reftrail.contracts.record import MICROS_PER_UNIT, Micros


class Programme(StrEnum):
    """A programme whose commissions can be read."""

    DUB = "dub"
    REWARDFUL = "rewardful"
    FIRSTPROMOTER = "firstpromoter"


class Commission(NamedTuple):
    """A commission that somebody earned: open_micros is still owed, 0 once it is paid or void.

    earner is the programme's id of who earned it, token the name of their link there. customer is
    who bought; without one it is the earner.
    """

    commission_id: str
    earner: str
    email: str | None
    token: str | None
    customer: str
    open_micros: Micros
    currency: str
    state: str


class Unreadable(ValueError):  # noqa: N818  (says what it is)
    """An element that is no commission; str() says why."""


class NotCash(Exception):  # noqa: N818
    """A commission in another unit than money; str() is the unit."""


_MOST: Final[Micros] = 2**62
"""Differences of two such amounts are within the range of a record's amount."""
_LONGEST_ID: Final = 96
_NAME: Final = re.compile(NAME_PATTERN)


def places_of(currency: str) -> int:
    """Decimal places of a currency's minor unit. Raises `Unreadable` where there is none such."""
    try:
        return int(minor_places(currency.upper()))
    except ValueError as error:
        raise Unreadable(f"{currency!r} is no currency of ISO 4217") from error


def micros_of(minor: int, places: int, name: str) -> Micros:
    """An amount in minor units as micros; name is how the file calls it. Raises `Unreadable`."""
    micros = minor * (MICROS_PER_UNIT // int(10**places))
    if abs(micros) > _MOST:
        raise Unreadable(f"{name} is {minor}, and out of range")
    return micros


def usable_id(its_id: str) -> str:
    """The id of a commission, of which those of adjustments are made, with a colon and a number."""
    if ":" in its_id or len(its_id) > _LONGEST_ID or not _NAME.fullmatch(its_id):
        raise Unreadable(
            f"its id {its_id[:_LONGEST_ID]!r} can't be part of an adjustment's: expected at most "
            f"{_LONGEST_ID} characters, none a colon or a control or zero-width character"
        )
    return its_id


def first_customer(*ids: Any) -> str:
    """The first id that there is of a customer. Raises `Unreadable`."""
    found = next((given for given in ids if given), "")
    if isinstance(found, bool) or not isinstance(found, str | int):
        raise Unreadable(f"the id of its customer is {found!r}, and no text")
    if len(text := str(found)) > LONGEST_NAME or not _NAME.fullmatch(text):
        raise Unreadable(f"the id of its customer {text[:LONGEST_NAME]!r} can't be: {NAME_SAYS}")
    return text


def name_or_none(given: Any) -> str | None:
    """A name without the blanks around it; None where there is none."""
    return given.strip() or None if isinstance(given, str) else None
