"""Selection that a page shows: its period, time zone and filters."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Final
from urllib.parse import quote, unquote, urlencode
from zoneinfo import ZoneInfo

from starlette.requests import Request

from reftrail.reports import evidence
from reftrail.reports.forecast.model import least_history
from reftrail.reports.parameters import asked
from reftrail.reports.questions import FILTERS, Question, is_zone, question
from reftrail.reports.report_files import Report

ZONE_COOKIE: Final = "reftrail_zone"
"""The cookie in which a page's script puts the browser's time zone."""
USUAL_DAYS: Final = 30
PRESETS: Final = (7, 30, 90)
FIRST_DAY: Final = date(1970, 1, 2)
"""The first day that a period may begin with in every time zone, and has a period before it."""
_MOST_DAYS_BY_DAY: Final = 120
_USUAL_HISTORY: Final = 26
"""The weeks that a forecast is made from at least, though the page's period be shorter."""
_WEEKS_IN_PART: Final = 2
"""The first and the last week of a period, where it doesn't begin and end with a Monday."""


@dataclass(frozen=True, slots=True)
class View:
    """Local days from since to before until, and the values of dimensions that count."""

    since: date
    until: date
    time_zone: str = "UTC"
    filters: tuple[tuple[str, str], ...] = ()

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of days and times."""
        return ZoneInfo(self.time_zone)

    @property
    def unit(self) -> str:
        """The granularity for a trend over the period."""
        return "day" if (self.until - self.since).days <= _MOST_DAYS_BY_DAY else "week"

    @property
    def campaign(self) -> str:
        """The campaign that the page is narrowed to; empty for all."""
        return dict(self.filters).get("campaign", "")

    def narrowed(self, **values: str) -> "View":
        """The same of one campaign, code and so on."""
        return replace(self, filters=tuple((dict(self.filters) | values).items()))

    def fields(self, report: Report | None = None) -> Iterator[tuple[str, str]]:
        """Fields of a query that asks for this: the filters that the report takes, and a time zone.

        A report that has days of UTC alone takes none.
        """
        yield from (("from", str(self.since)), ("to", str(self.until)))
        if report is None or not report.has_utc_days:
            yield "time_zone", self.time_zone
        known = FILTERS if report is None else report.filters
        yield from ((name, value) for name, value in self.filters if name in known)

    def link(self, path: str, **more: str) -> str:
        """The address of another page about the same."""
        fields = {name: value for name, value in {**dict(self.fields()), **more}.items() if value}
        return f"{path}?{urlencode(fields)}"

    def asked(self, report: Report, more: Mapping[str, str]) -> Question:
        """The question to a report. Raises `BadQuestion`."""
        given = {name: [value] for name, value in self.fields(report)}
        return asked(report, given | {name: [value] for name, value in more.items()})

    def with_history(self, report: Report, more: Mapping[str, str]) -> "View":
        """The same from so early that the report can make its forecast, if it makes one.

        Raises `BadQuestion`.
        """
        if not report.is_forecast:
            return self
        least = least_history(self.asked(report, more).weeks) + _WEEKS_IN_PART
        history = timedelta(weeks=max(_USUAL_HISTORY, least))
        return replace(self, since=min(self.since, self.until - history))

    def shifted(self, days: int) -> "View":
        """The last days, today included."""
        until = _today(self.zone) + timedelta(days=1)
        return replace(self, since=until - timedelta(days=days), until=until)

    def bounds(self) -> tuple[datetime, datetime]:
        """The beginning and end of the period in UTC."""
        found = question((), str(self.since), str(self.until), time_zone=self.time_zone)
        return found.since, found.until


def view_of(request: Request) -> View:
    """The view that a request asks for: by default 30 days, today the last one of them.

    Days are those of the browser's time zone, unless the query names another; UTC where the
    browser's isn't known here. Raises `BadQuestion`.
    """
    query = request.query_params
    given = query.get("time_zone")
    of_browser = unquote(request.cookies.get(ZONE_COOKIE, ""))
    zone = given or (of_browser if is_zone(of_browser) else "UTC")
    since, until = query.get("from") or None, query.get("to") or None
    found = question((), since, until, time_zone=zone)
    last = _day(found.until, found.zone) if until else _today(found.zone) + timedelta(days=1)
    first = _day(found.since, found.zone) if since else last - timedelta(days=USUAL_DAYS)
    question((), str(first), str(last), time_zone=zone)
    filters = tuple((name, query[name]) for name in FILTERS if query.get(name))
    return View(first, last, found.time_zone, filters)


def local_time(text: str | datetime | None, zone: ZoneInfo) -> str:
    """A time in the viewer's zone, to the second, with the distance from UTC.

    The last hours of the year 9999, which codes without an end may expire in, are no time in zones
    ahead of UTC: they are shown in UTC.
    """
    if text is None:
        return "-"
    at = datetime.fromisoformat(text) if isinstance(text, str) else text
    at = at.replace(tzinfo=at.tzinfo or UTC)
    with suppress(OverflowError):
        at = at.astimezone(zone)
    return f"{at:%Y-%m-%d %H:%M:%S %z}"


def figure_text(name: str, value: object, zone: ZoneInfo) -> str:
    """A figure of evidence; one that is a time (in ms since 1970, by its name) as local time."""
    text = evidence.figure_text(name, value)
    return local_time(text, zone) if evidence.is_time_figure(name, value) else text


def path_of(kind: str, value: str) -> str:
    """The path of the page about a campaign, code or user."""
    return f"/{kind}/{quote(value, safe='')}"


def _today(zone: ZoneInfo) -> date:
    return datetime.now(zone).date()


def _day(at: datetime, zone: ZoneInfo) -> date:
    return at.astimezone(zone).date()
