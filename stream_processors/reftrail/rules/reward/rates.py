"""Rewards in percent of an order, and the months in which orders earn."""

from typing import Final

from reftrail.contracts.money import MILLIONTHS, Money, is_currency
from reftrail.contracts.record import DAY, Micros, Millis
from reftrail.rules.policy import NO_CURRENCY
from reftrail.rules.reward.case import SideReward


def value_at_rate(side: SideReward, left: Micros = 1, amount: Micros = 1) -> Micros:
    """The value of a side's share of its order of which so much of an amount is left.

    Rounded once, half to even, to minor units; at most the side's maximum.
    """
    base = in_minor_units(side.base_micros, side.currency)
    value = base.share(side.rate * left, MILLIONTHS * amount).micros
    return value if side.maximum is None else min(value, side.maximum)


def in_minor_units(value: Micros, currency: str) -> Money:
    """A value as money. Policies from before currencies were checked have micros."""
    is_unit = currency.islower() and not is_currency(currency.upper())
    return Money.nearest(value, currency if is_unit or is_currency(currency) else NO_CURRENCY)


def months_after(at: Millis, months: int) -> Millis:
    """The same time of day so many months later in UTC, at the latest on that month's last day."""
    days, time_of_day = divmod(at, DAY)
    year, month, day = _date_of(days)
    later = year * 12 + month - 1 + months
    first = _days_until(later // 12, later % 12 + 1)
    next_first = _days_until((later + 1) // 12, (later + 1) % 12 + 1)
    return min(first + day, next_first) * DAY - DAY + time_of_day


# The Gregorian calendar in whole numbers, since rules may not import a module that has a clock:
# https://howardhinnant.github.io/date_algorithms.html
_DAYS_IN_400_YEARS: Final = 146_097
_DAYS_FROM_MARCH_0_TO_1970: Final = 719_468


def _days_until(year: int, month: int) -> int:
    """Days from 1970-01-01 to the first of a month."""
    year -= month <= 2
    era, year_of_era = divmod(year, 400)
    day_of_year = (153 * ((month + 9) % 12) + 2) // 5
    day_of_era = year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year
    return era * _DAYS_IN_400_YEARS + day_of_era - _DAYS_FROM_MARCH_0_TO_1970


def _date_of(days: int) -> tuple[int, int, int]:
    """Year, month and day of a number of days since 1970-01-01."""
    era, day_of_era = divmod(days + _DAYS_FROM_MARCH_0_TO_1970, _DAYS_IN_400_YEARS)
    leaps = day_of_era // 1_460 - day_of_era // 36_524 + day_of_era // 146_096
    year_of_era = (day_of_era - leaps) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    month = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * month + 2) // 5 + 1
    month = month + 3 if month < 10 else month - 9
    return era * 400 + year_of_era + (month <= 2), month, day
