"""Durations and amounts as people write them: "30 days", "5.00"."""

import re
from datetime import timedelta
from decimal import Decimal
from typing import Final

from reftrail.contracts.record import DAY, HOUR, MICROS_PER_UNIT, MINUTE, SECOND, Micros, Millis

_UNITS: Final = {"second": SECOND, "minute": MINUTE, "hour": HOUR, "day": DAY, "week": 7 * DAY}
_DURATION: Final = re.compile(r"(\d{1,9}) *(second|minute|hour|day|week)s?", re.ASCII)
_AMOUNT: Final = re.compile(r"(\d{1,12})(?:\.(\d{1,6}))?", re.ASCII)


def parse_duration(given: object) -> Millis:
    """Milliseconds of "30 days" or a timedelta. Raises ValueError."""
    match given:
        case timedelta() if given >= timedelta():
            return given // timedelta(milliseconds=1)
        case str() if found := _DURATION.fullmatch(given.strip()):
            return int(found[1]) * _UNITS[found[2]]
        case _:
            raise ValueError('expected a duration such as "30 days", "12 hours" or "0 seconds"')


def parse_money(given: object) -> Micros:
    """Micros of "5.00", a whole number or a Decimal; not of a float. Raises ValueError."""
    match given:
        case bool() | float():
            pass
        case str() | int() | Decimal():
            if found := _AMOUNT.fullmatch(str(given)):
                return int(found[1]) * MICROS_PER_UNIT + int((found[2] or "").ljust(6, "0"))
    raise ValueError(
        'expected an amount of at least 0 in quotes with at most 6 places, such as "5.00"'
    )


def duration_text(millis: Millis) -> str:
    """The duration in the largest unit that divides it."""
    for unit in reversed(_UNITS):
        if millis % _UNITS[unit] == 0 and (millis or unit == "second"):
            count = millis // _UNITS[unit]
            return f"{count} {unit}" + ("" if count == 1 else "s")
    return f"{millis} milliseconds"


def money_text(micros: Micros) -> str:
    """The amount with at least two places."""
    whole, rest = divmod(micros, MICROS_PER_UNIT)
    places = f"{rest:06}".rstrip("0").ljust(2, "0")
    return f"{whole}.{places}"
