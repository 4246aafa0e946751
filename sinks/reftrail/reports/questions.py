"""Question to a report: its dimensions, its period, and what it is narrowed to."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from reftrail.contracts.errors import ExpectedError
from reftrail.reports.periods import Granularity, before

FILTERS: Final = ("campaign", "category", "channel", "source", "code", "country")
"""Dimensions that a question can be narrowed to values of."""
DIMENSIONS: Final = {
    "campaign": "campaign_id",
    **{name: name for name in FILTERS[1:]},
    "source": "utm_source",
    **{unit.value: unit.value for unit in Granularity},
}
"""The dimensions of questions, and their columns in the answer."""
ALL: Final = "all"
"""In place of dimensions: one row for everything."""
PREVIOUS: Final = "previous"
USUAL_WEEKS: Final = 4
MOST_WEEKS: Final = 26
"""How many weeks a forecast has, unless it is asked for others, and at most."""

BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)
END: Final = datetime(2200, 1, 1, tzinfo=UTC)


class BadQuestion(ExpectedError):  # noqa: N818  (it says what is wrong, as the others do)
    """A report was asked for what it can't answer; str() says what it can."""


def check_once(name: str, values: Sequence[str]) -> None:
    """Raises `BadQuestion` if a parameter that has one value was given several."""
    if len(values) > 1:
        raise BadQuestion(f"{name} is given {len(values)} times; give it once")


@dataclass(frozen=True, slots=True)
class Question:
    """Dimensions in the order of the columns wanted, and a time from since up to before until.

    filters has the values that count by dimension, all where it has none. compares: the period
    before is asked for, too. weeks is how many are forecast, by a report that does.
    """

    by: tuple[str, ...]
    since: datetime = BEGINNING
    until: datetime = END
    time_zone: str = "UTC"
    filters: tuple[tuple[str, tuple[str, ...]], ...] = ()
    compares: bool = False
    weeks: int = USUAL_WEEKS

    @property
    def unit(self) -> Granularity | None:
        """The granularity, if there is a row for each period."""
        return next((Granularity(name) for name in self.by if name in list(Granularity)), None)

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of days."""
        return ZoneInfo(self.time_zone)

    def previous(self) -> "Question":
        """The same of the period before, see `periods.before`."""
        since, until = before(self.since, self.until, self.zone)
        return replace(self, since=since, until=until, compares=False)

    def as_query(self) -> Iterator[tuple[str, str]]:
        """Fields of a query that asks this."""
        yield "by", ",".join(self.by) or ALL
        if self.since != BEGINNING:
            yield "from", self.since.isoformat()
        if self.until != END:
            yield "to", self.until.isoformat()
        yield "time_zone", self.time_zone
        if self.compares:
            yield "compare", PREVIOUS
        if self.weeks != USUAL_WEEKS:
            yield "weeks", str(self.weeks)
        for name, values in self.filters:
            yield from ((name, value) for value in values)


def question(  # noqa: PLR0913  (what may be asked)
    by: Sequence[str],
    since: str | None,
    until: str | None,
    *,
    time_zone: str | None = None,
    granularity: str | None = None,
    compare: str | None = None,
    filters: Mapping[str, Sequence[str]] | None = None,
    usual: Sequence[str] = ("campaign",),
) -> Question:
    """From text: by takes several, also comma separated; times are dates or RFC 3339.

    usual are the dimensions where none are given. Raises `BadQuestion`.
    """
    zone = _zone(time_zone or "UTC")
    narrowed = tuple((name, tuple(values)) for name, values in (filters or {}).items() if values)
    asked = Question(
        _dimensions(by, granularity, usual),
        _time("from", since, zone) if since else BEGINNING,
        _time("to", until, zone) if until else END,
        zone.key,
        narrowed,
        _compares(compare),
    )
    if asked.since >= asked.until:
        raise BadQuestion(f"from ({since}) must be before to ({until}), which is excluded")
    if asked.compares and (asked.since == BEGINNING or asked.until == END):
        raise BadQuestion(
            f"a comparison needs a period: give both from and to, which are after "
            f"{BEGINNING.date()} and before {END.date()}"
        )
    return asked


def number_from(name: str, given: str, most: int, least: int = 1) -> int:
    """A number from least to most, in digits. Raises `BadQuestion`."""
    if not is_digits(given, len(str(most))) or not least <= int(given) <= most:
        raise BadQuestion(f"{name} is {given[:40]!r}; give a number from {least} to {most}")
    return int(given)


def is_digits(text: str, most: int) -> bool:
    """Whether a text has digits alone, and at most so many: Python reads some thousand at most."""
    return len(text) <= most and text.isascii() and text.isdecimal()


def _dimensions(
    by: Sequence[str], granularity: str | None, usual: Sequence[str]
) -> tuple[str, ...]:
    names = [name for part in by for text in part.split(",") if (name := text.strip())]
    if granularity is not None and granularity not in list(Granularity):
        raise BadQuestion(
            f"there is no granularity {granularity[:40]!r}; choose of {', '.join(Granularity)}"
        )
    if names == [ALL]:
        names, usual = [], ()
    if unknown := [name for name in names if name not in DIMENSIONS]:
        known = ", ".join(DIMENSIONS)
        raise BadQuestion(f"cannot report by {unknown[0][:40]!r}; choose of {known}, or {ALL}")
    found = tuple(dict.fromkeys([*names, *([granularity] if granularity else [])])) or tuple(usual)
    if len(units := [name for name in found if name in list(Granularity)]) > 1:
        raise BadQuestion(f"choose one of {' and '.join(units)}")
    return found


def _compares(given: str | None) -> bool:
    if given not in (None, PREVIOUS):
        raise BadQuestion(f"cannot compare with {given[:40]!r}; choose {PREVIOUS}")
    return given == PREVIOUS


@cache
def _known_zones() -> frozenset[str]:
    return frozenset(available_timezones())


def is_zone(name: str) -> bool:
    """Whether a name is that of a time zone here."""
    return name in _known_zones()


def _zone(name: str) -> ZoneInfo:
    if not is_zone(name):
        raise BadQuestion(
            f"there is no time zone {name[:40]!r}; give one of IANA's, like Europe/Berlin"
        )
    return ZoneInfo(name)


def _time(name: str, text: str, zone: ZoneInfo) -> datetime:
    try:
        if len(text) == len("2026-01-31"):
            return _within(name, datetime.combine(date.fromisoformat(text), time(), zone))
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise BadQuestion(
            f"{name} {text!r} is not a time; give a date like 2026-01-31, or a time with its zone "
            f"like 2026-01-31T12:00:00Z"
        )
    return _within(name, at)


def _within(name: str, at: datetime) -> datetime:
    """The time in UTC; compared first, since the first and last years may have no such time."""
    if not BEGINNING <= at <= END:
        raise BadQuestion(f"{name} must lie between {BEGINNING.date()} and {END.date()}")
    return at.astimezone(UTC)
