"""Hours, days, weeks and months of a time zone: their names, and the period before a period."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

_QUARTER: Final = timedelta(minutes=15)
_NOON: Final = time(12)


class Granularity(StrEnum):
    """Length of the periods that a report has a row for."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"

    @property
    def length(self) -> timedelta:
        """About how long such a period is at least."""
        return _LENGTHS[self]


_LENGTHS: Final = {
    Granularity.HOUR: timedelta(hours=1),
    Granularity.DAY: timedelta(days=1),
    Granularity.WEEK: timedelta(days=7),
    Granularity.MONTH: timedelta(days=28),
}


def names_between(unit: Granularity, first: datetime, last: datetime, zone: ZoneInfo) -> list[str]:
    """The names of all periods from that of the first time to that of the last, in order.

    A day that a time zone skipped is none of them.
    """
    if unit is Granularity.HOUR:
        return list(dict.fromkeys(_hours(first, last, zone)))
    days = _days(first.astimezone(zone).date(), last.astimezone(zone).date(), zone)
    return list(dict.fromkeys(str(_begin(unit, day)) for day in days))


def name_of(unit: Granularity, found: str, zone: ZoneInfo) -> str:
    """The name of a period of which SQL gives the first day, or the first second of an hour."""
    if unit is Granularity.HOUR:
        return datetime.fromtimestamp(int(found), zone).isoformat()
    return found


def begin_of(name: str, zone: ZoneInfo) -> datetime:
    """The time at which a period begins, by its name."""
    at = datetime.fromisoformat(name)
    return at.replace(tzinfo=at.tzinfo or zone).astimezone(UTC)


def before(since: datetime, until: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The period that ends where this one begins: as many months, if these are whole, else as long.

    Lengths are those that a clock on the wall shows: the day before a day has 23 hours at times.
    """
    first, last = (at.astimezone(zone).replace(tzinfo=None) for at in (since, until))
    if _begins_month(first) and _begins_month(last):
        months = (last.year - first.year) * 12 + last.month - first.month
        begin = _months_before(first, months)
    else:
        begin = first - (last - first)
    return begin.replace(tzinfo=zone).astimezone(UTC), since


def _hours(first: datetime, last: datetime, zone: ZoneInfo) -> Iterator[str]:
    """By quarters, since zones differ from UTC, and clocks are set, by these."""
    at = first.astimezone(UTC)
    while at < last:
        yield _hour(at, zone)
        at += _QUARTER
    yield _hour(last, zone)


def _hour(at: datetime, zone: ZoneInfo) -> str:
    local = at.astimezone(zone)
    into = timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
    return (at.astimezone(UTC) - into).astimezone(zone).isoformat()


def _days(first: date, last: date, zone: ZoneInfo) -> Iterator[date]:
    for nth in range((last - first).days + 1):
        day = first + timedelta(days=nth)
        noon = datetime.combine(day, _NOON, zone)
        if noon.astimezone(UTC).astimezone(zone).date() == day:
            yield day


def _begin(unit: Granularity, day: date) -> date:
    if unit is Granularity.WEEK:
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if unit is Granularity.MONTH else day


def _begins_month(at: datetime) -> bool:
    return at.day == 1 and at.time() == time()


def _months_before(at: datetime, months: int) -> datetime:
    year, month = divmod(at.year * 12 + at.month - 1 - months, 12)
    return at.replace(year=year, month=month + 1)
