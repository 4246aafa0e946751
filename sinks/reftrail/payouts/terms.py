"""Terms of pay-outs, as the owner writes them in a TOML file."""

import re
import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from reftrail.campaigns.kind_checks import PAYOUT
from reftrail.campaigns.units import parse_duration
from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.money import MOST_PLACES, is_whole, whole_amount
from reftrail.contracts.payouts import CountedFrom
from reftrail.contracts.record import DAY, MICROS_PER_UNIT, Micros, Millis
from reftrail.contracts.times import millis

_MONTH: Final = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")
_AMOUNT: Final = re.compile(rf"(\d{{1,12}})(?:\.(\d{{1,{MOST_PLACES}}}))?", re.ASCII)


def _duration(given: object) -> object:
    return parse_duration(given) if isinstance(given, str) else given


def _amount(given: object) -> object:
    if not isinstance(given, str) or (match := _AMOUNT.fullmatch(given)) is None:
        raise ValueError('write an amount as text, such as "25.00"')
    whole, decimals = match.groups()
    return int(whole) * MICROS_PER_UNIT + int((decimals or "").ljust(MOST_PLACES, "0"))


class PayoutTerms(BaseModel):
    """The table [payouts] of the file.

    kinds are the kinds of rewards that are gathered. A reward is due refund_window after its order
    (or signup), or after it was granted, as counted_from says. minimum has, by currency, the least
    sum that is paid; a currency without one has none. With two_people, the person who prepared a
    statement may not approve it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    kinds: Annotated[tuple[str, ...], Field(strict=False, min_length=1)] = (PAYOUT,)
    refund_window: Annotated[Millis, BeforeValidator(_duration), Field(ge=0)] = 30 * DAY
    counted_from: Annotated[CountedFrom, Field(strict=False)] = CountedFrom.ORDER
    minimum: dict[str, Annotated[Micros, BeforeValidator(_amount)]] = {}
    two_people: bool = True

    @model_validator(mode="after")
    def _are_whole(self) -> "PayoutTerms":
        for currency, micros in self.minimum.items():
            if not is_whole(micros, currency):
                raise ValueError(f"the minimum of {currency} must be {whole_amount(currency)}")
        return self


@dataclass(frozen=True, slots=True)
class Period:
    """The time that statements are for, from start up to until, which is excluded."""

    start: Millis
    until: Millis


def read_terms(path: Path | None) -> PayoutTerms:
    """The terms in a file, or the usual ones without a file. Raises `ExpectedError`."""
    if path is None:
        return PayoutTerms()
    try:
        text = path.read_text("utf-8")
        return PayoutTerms.model_validate(tomllib.loads(text).get("payouts", {}))
    except OSError as error:
        raise ExpectedError(f"{path} can't be read: {error.strerror}") from error
    except tomllib.TOMLDecodeError as error:
        raise ExpectedError(f"{path} is no TOML: {error}") from error
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in fault["loc"])
        raise ExpectedError(f"{path}: [payouts] {field}: {fault['msg']}") from error


def parse_period(text: str) -> Period:
    """A month such as 2026-10, or two days such as 2026-10-01..2026-10-15, the last excluded.

    Raises `ExpectedError`.
    """
    if match := _MONTH.fullmatch(text):
        year, month = int(match[1]), int(match[2])
        following = (year + 1, 1) if month == 12 else (year, month + 1)
        return Period(_at(year, month), _at(*following))
    first, separator, last = text.partition("..")
    try:
        start, until = datetime.fromisoformat(first), datetime.fromisoformat(last)
    except ValueError:
        separator = ""
    if not separator or start >= until or "T" in text:
        raise ExpectedError(
            f'"{text}" is no period; give a month such as 2026-10, or the first day and the day '
            f"after the last, such as 2026-10-01..2026-10-15 (UTC)"
        )
    return Period(millis(start.replace(tzinfo=UTC)), millis(until.replace(tzinfo=UTC)))


def _at(year: int, month: int) -> Millis:
    return millis(datetime(year, month, 1, tzinfo=UTC))
