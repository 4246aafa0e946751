"""Times as people tell them in scenarios: "day 3 10:00", or "+2 days" after what came before."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from enum import Enum
from typing import Annotated, Final, TypeAlias, assert_never

from pydantic import BeforeValidator

from reftrail.campaigns.units import Takes, duration_text, parse_duration, quoted
from reftrail.contracts.record import DAY, HOUR, MINUTE, SECOND, Millis

FIRST_DAY: Final = date(2026, 1, 1)
"""Day 1, unless a file says otherwise."""

_ON_DAY: Final = re.compile(
    r"day (-?\d{1,5})(?: (\d{1,2}):(\d{2})(?::(\d{2}))?)?",
    re.ASCII,
)


class Since(Enum):
    """The moment from which a time is counted."""

    DAY_1 = "day 1"
    BEFORE = "what came before"
    EPOCH = "1970"


@dataclass(frozen=True, slots=True)
class Moment:
    """A time as it is written in the file."""

    since: Since
    millis: Millis

    def at(self, first_day: Millis, before: Millis) -> Millis:
        """The time, if day 1 begins then and what came before was then."""
        match self.since:
            case Since.DAY_1:
                return first_day + self.millis
            case Since.BEFORE:
                return before + self.millis
            case Since.EPOCH:
                return self.millis
            case since:
                assert_never(since)


def parse_moment(given: object) -> Moment:
    """A time in one of its three forms. Raises ValueError."""
    match given:
        case Moment():
            return given
        case datetime() if given.tzinfo is not None:
            return Moment(Since.EPOCH, round(given.timestamp() * 1000))
        case str() if given.startswith("+"):
            return Moment(Since.BEFORE, parse_duration(given[1:]))
        case str() if found := _ON_DAY.fullmatch(given.strip()):
            day, hour, minute, second = (int(part or 0) for part in found.groups())
            if hour < 24 and minute < 60 and second < 60:
                clock = hour * HOUR + minute * MINUTE + second * SECOND
                return Moment(Since.DAY_1, (day - 1) * DAY + clock)
    raise ValueError("no time")


def moment_text(moment: Moment) -> str:
    """A time as it may stand in a file."""
    match moment.since:
        case Since.DAY_1:
            return quoted(day_text(moment.millis))
        case Since.BEFORE:
            return quoted(f"+{duration_text(moment.millis)}")
        case Since.EPOCH:
            return datetime.fromtimestamp(moment.millis / 1000, UTC).isoformat()
        case since:
            assert_never(since)


def day_text(since_day_1: Millis) -> str:
    """A time as day and clock; seconds only where there are any."""
    days, rest = divmod(since_day_1, DAY)
    hour, rest = divmod(rest, HOUR)
    minute, rest = divmod(rest, MINUTE)
    seconds = f":{rest // SECOND:02}" if rest else ""
    millis = f".{rest % SECOND:03}" if rest % SECOND else ""
    return f"day {days + 1} {hour:02}:{minute:02}{seconds}{millis}"


def beginning(day: date) -> Millis:
    """The begin of a day, in UTC."""
    return int(datetime.combine(day, time(), UTC).timestamp()) * SECOND


When: TypeAlias = Annotated[
    Moment,
    BeforeValidator(parse_moment),
    Takes(
        "time",
        'a time such as "day 3 10:00", or "+2 days" after what came before, or one with its offset '
        "such as 2026-01-03T10:00:00Z without quotes",
        moment_text,
    ),
]
