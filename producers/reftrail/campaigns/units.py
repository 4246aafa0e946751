"""Units of policy files: durations, amounts, counts and times as people write them.

Each type says in one place how it is read, what an error asks for, and how a value of it is written
again (`Takes`): files, error messages, `show`, `diff` and the reference page all use that.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Final, TypeAlias

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field

from reftrail.contracts.money import MILLIONTHS, amount_text, is_currency, percent_text
from reftrail.contracts.names import LONGEST_NAME, NAME_PATTERN
from reftrail.contracts.record import DAY, HOUR, MICROS_PER_UNIT, MINUTE, SECOND, Micros, Millis
from reftrail.contracts.times import TIMES_SAY, bounded

LONGEST: Final[Millis] = 36_500 * DAY
"""The longest duration, a hundred years: a time plus it is one that ClickHouse can hold."""

MOST_MONTHS: Final = 1_200
"""The most months for which orders earn, a hundred years."""

NO_LIMIT: Final = "no limit"
NEVER: Final = "never"
ABSENT: Final = "-"
"""Text for a value that isn't there and has no word."""

_UNITS: Final = {
    "millisecond": 1,
    "second": SECOND,
    "minute": MINUTE,
    "hour": HOUR,
    "day": DAY,
    "week": 7 * DAY,
}
_DURATION: Final = re.compile(rf"(\d{{1,13}}) *({'|'.join(_UNITS)})s?", re.ASCII)
_AMOUNT: Final = re.compile(r"(\d{1,12})(?:\.(\d{1,6}))?", re.ASCII)
_PERCENT: Final = re.compile(r"(\d{1,3})(?:\.(\d{1,4}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Takes:
    """The values of a setting: kind in a table, expected in an error; written makes TOML.

    says is what None means where it has a word of its own. An amount of money is written with the
    places of its currency.
    """

    kind: str
    expected: str
    written: Callable[[Any], str]
    says: str | None = None
    is_money: bool = False

    def text(self, value: object, currency: str | None = None) -> str:
        """A value as it is written in a file; ABSENT for None where it has no word."""
        if value is None:
            return ABSENT if self.says is None else quoted(self.says)
        if self.is_money and isinstance(value, int):
            return quoted(amount_text(value, currency))
        return self.written(value)


def parse_duration(given: object) -> Millis:
    """Milliseconds of "30 days" or a timedelta. Raises ValueError."""
    match given:
        case timedelta() if timedelta() <= given <= timedelta(milliseconds=LONGEST):
            return given // timedelta(milliseconds=1)
        case str() if found := _DURATION.fullmatch(given.strip()):
            if (millis := int(found[1]) * _UNITS[found[2]]) <= LONGEST:
                return millis
    raise ValueError("no duration")


def parse_money(given: object) -> Micros:
    """Micros of "5.00", a whole number or a Decimal; not of a float. Raises ValueError."""
    match given:
        case bool() | float():
            pass
        case str() | int() | Decimal():
            if found := _AMOUNT.fullmatch(str(given)):
                return int(found[1]) * MICROS_PER_UNIT + int((found[2] or "").ljust(6, "0"))
    raise ValueError("no amount")


def parse_signed_money(given: object) -> Micros:
    """Micros as `parse_money` reads them, of an amount below 0 as well. Raises ValueError."""
    text = str(given)
    if not isinstance(given, bool | float) and text.startswith("-"):
        return -parse_money(text.removeprefix("-"))
    return parse_money(given)


def parse_percent(given: object) -> int:
    """Millionths of a share such as "12.5", above 0 and at most "100". Raises ValueError."""
    found = _PERCENT.fullmatch(given) if isinstance(given, str) else None
    if found is not None:
        millionths = int(found[1]) * (MILLIONTHS // 100) + int((found[2] or "").ljust(4, "0"))
        if 0 < millionths <= MILLIONTHS:
            return millionths
    raise ValueError("no percentage")


def duration_text(millis: Millis) -> str:
    """The duration in the largest unit that divides it, weeks as days."""
    unit = next(
        unit
        for unit in ("day", "hour", "minute", "second", "millisecond")
        if millis % _UNITS[unit] == 0 and (millis or unit == "second")
    )
    count = millis // _UNITS[unit]
    return f"{count} {unit}" + ("" if count == 1 else "s")


def time_text(at: datetime) -> str:
    """A time in UTC as TOML has it."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def quoted(text: object) -> str:
    """A basic string of TOML."""
    return json.dumps(str(text), ensure_ascii=False).replace("\x7f", "\\u007f")


def written_flag(value: object) -> str:
    """A boolean of TOML."""
    return "true" if value else "false"


def _or(word: str, parse: Callable[[object], Any]) -> BeforeValidator:
    """None for the word, else what parse says."""
    return BeforeValidator(lambda given: None if given in (word, None) else parse(given))


def _whole(given: object) -> object:
    if isinstance(given, bool) or not isinstance(given, int) or not 1 <= given < 2**31:
        raise ValueError("no count")
    return given


def _months(given: object) -> object:
    if not isinstance(given, int) or isinstance(given, bool) or not 1 <= given <= MOST_MONTHS:
        raise ValueError("no number of months")
    return given


def _count_or_zero(given: object) -> object:
    """A count; 0, which is how policies write it, for no limit."""
    return 0 if given == NO_LIMIT else _whole(given)


def _repeats_text(value: int) -> str:
    return str(value) if value else quoted(NO_LIMIT)


def _unit_or_currency(given: object) -> object:
    if not isinstance(given, str) or re.fullmatch(r"[A-Z]{3}|[a-z][a-z0-9_-]{1,31}", given) is None:
        raise ValueError("no currency")
    if len(given) == 3 and given.islower():
        raise ValueError("looks like a currency in lower case")
    if given.isupper() and not is_currency(given):
        raise ValueError("not in ISO 4217")
    return given


_DURATION_SAYS: Final = 'a duration in quotes such as "30 days", "12 hours" or "0 seconds"'
_MONEY_SAYS: Final = (
    'an amount of at least 0 in quotes with at most 6 places after the dot, such as "5.00"'
)
_COUNT_SAYS: Final = "a whole number of at least 1, without quotes"


def _duration_written(value: Millis) -> str:
    return quoted(duration_text(value))


def _percent_written(value: int) -> str:
    return quoted(percent_text(value))


def _money_written(value: Micros) -> str:
    return quoted(amount_text(value, None))


Duration: TypeAlias = Annotated[
    Millis,
    BeforeValidator(parse_duration),
    Takes("duration", _DURATION_SAYS, _duration_written),
]
DurationOrNever: TypeAlias = Annotated[
    Millis | None,
    _or(NEVER, parse_duration),
    Takes('duration, `"never"`', f'{_DURATION_SAYS}, or "never"', _duration_written, NEVER),
]
Money: TypeAlias = Annotated[
    Micros,
    BeforeValidator(parse_money),
    Takes("amount", _MONEY_SAYS, _money_written, is_money=True),
]
SignedMoney: TypeAlias = Annotated[
    Micros,
    BeforeValidator(parse_signed_money),
    Takes(
        "amount",
        'an amount in quotes with at most 6 places after the dot, such as "-5.00"',
        _money_written,
        is_money=True,
    ),
]
MoneyCap: TypeAlias = Annotated[
    Micros | None,
    _or(NO_LIMIT, parse_money),
    Takes(
        'amount, `"no limit"`',
        f'{_MONEY_SAYS}, or "no limit"',
        _money_written,
        NO_LIMIT,
        is_money=True,
    ),
]
PercentOrNone: TypeAlias = Annotated[
    int | None,
    BeforeValidator(lambda given: None if given is None else parse_percent(given)),
    Takes(
        "percentage",
        'a percentage in quotes above 0 and up to 100, with at most 4 places, such as "12.5"',
        _percent_written,
    ),
]
Count: TypeAlias = Annotated[int, BeforeValidator(_whole), Takes("count", _COUNT_SAYS, str)]
CountCap: TypeAlias = Annotated[
    int | None,
    _or(NO_LIMIT, _whole),
    Takes('count, `"no limit"`', f'{_COUNT_SAYS}, or "no limit"', str, NO_LIMIT),
]
Months: TypeAlias = Annotated[
    int | None,
    _or(NO_LIMIT, _months),
    Takes(
        'count, `"no limit"`',
        f'a whole number from 1 to {MOST_MONTHS}, without quotes, or "no limit"',
        str,
        NO_LIMIT,
    ),
]
Repeats: TypeAlias = Annotated[
    int,
    BeforeValidator(_count_or_zero),
    Takes('count, `"no limit"`', f'{_COUNT_SAYS}, or "no limit"', _repeats_text),
]
Points: TypeAlias = Annotated[
    int,
    Field(ge=0, le=1000),
    Takes("points", "a whole number from 0 to 1000, without quotes", str),
]
Text: TypeAlias = Annotated[
    str,
    Field(min_length=1, max_length=LONGEST_NAME, pattern=NAME_PATTERN),
    Takes("text", "1 to 128 characters in quotes, on one line", quoted),
]
Identifier: TypeAlias = Annotated[
    str,
    Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$"),
    Takes("id", "1 to 64 of A-Z, a-z, 0-9, _, . and - in quotes", quoted),
]
Currency: TypeAlias = Annotated[
    str,
    BeforeValidator(_unit_or_currency),
    Takes(
        "currency or unit",
        'a currency as in ISO 4217 such as "EUR", or the name of a unit in lower case such as '
        '"points", not of three letters',
        quoted,
    ),
]
Moment: TypeAlias = Annotated[
    AwareDatetime,
    AfterValidator(bounded),
    Takes(
        "time",
        f"a time with its offset, without quotes, such as 2025-06-01T00:00:00Z, {TIMES_SAY}",
        time_text,
    ),
]
Flag: TypeAlias = Annotated[
    bool, Takes("true, false", "true or false, without quotes", written_flag)
]
