"""Parameters of reports, stated once: the command line, HTTP and OpenAPI are made of this table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from reftrail.hosting.routes import Parameter
from reftrail.reports.periods import Granularity
from reftrail.reports.questions import (
    ALL,
    DIMENSIONS,
    FILTERS,
    MOST_WEEKS,
    PREVIOUS,
    USUAL_WEEKS,
    BadQuestion,
    Question,
    check_once,
    number_from,
    question,
)
from reftrail.reports.report_files import Report


@dataclass(frozen=True, slots=True)
class ReportParameter:
    """One parameter: a text, one of some choices, several of these, or a number from 1 to most."""

    name: str
    meaning: str
    choices: tuple[str, ...] = ()
    takes_several: bool = False
    usual: str | None = None
    most: int | None = None

    @property
    def http(self) -> Parameter:
        """The field of a request's query."""
        schema: dict[str, Any] = {"type": "string"}
        if self.most is not None:
            schema = {"type": "integer", "minimum": 1, "maximum": self.most}
        if self.choices:
            schema["enum"] = list(self.choices)
        if self.usual is not None:
            schema["default"] = self.usual if self.most is None else int(self.usual)
        if self.takes_several:
            schema = {"type": "array", "items": schema}
        return Parameter(self.name, meaning=self.meaning, schema=schema)


_WEEKS: Final = "weeks"
_DATE: Final = "a date in the time zone, or a time with its own"
PARAMETERS: Final = (
    ReportParameter(
        "by",
        "What there is a row for: several, also comma separated, or all for one row.",
        (*DIMENSIONS, ALL),
        takes_several=True,
    ),
    ReportParameter("from", f"Included: {_DATE}."),
    ReportParameter("to", f"Excluded: {_DATE}."),
    ReportParameter(
        "time_zone", "IANA time zone of days, weeks and months, like Europe/Berlin.", usual="UTC"
    ),
    ReportParameter(
        "granularity", "A row for each such period, also where nothing was.", tuple(Granularity)
    ),
    *(
        ReportParameter(name, f"Only this {name}; several are added.", takes_several=True)
        for name in FILTERS
    ),
    ReportParameter(
        "compare", "Each figure beside that of the period before, as long.", (PREVIOUS,)
    ),
    ReportParameter(
        _WEEKS,
        f"How many weeks are forecast, at most {MOST_WEEKS}. The report forecast alone takes it.",
        usual=str(USUAL_WEEKS),
        most=MOST_WEEKS,
    ),
)
"""All parameters; each report takes all, but for the dimensions that it doesn't have, and weeks."""


def asked(report: Report, given: Mapping[str, Sequence[str]]) -> Question:
    """The question that parameters ask of a report. Raises `BadQuestion`."""
    known = {parameter.name: parameter for parameter in PARAMETERS}
    for name, values in given.items():
        if name not in known:
            raise BadQuestion(f"reports have no parameter {name[:40]!r}; choose of {_list(known)}")
        if not known[name].takes_several:
            check_once(name, values)
    first = {name: values[0] for name, values in given.items() if values}
    found = question(
        given.get("by", ()),
        first.get("from"),
        first.get("to"),
        time_zone=first.get("time_zone"),
        granularity=first.get("granularity"),
        compare=first.get("compare"),
        filters={name: given[name] for name in FILTERS if name in given},
        usual=report.usual,
    )
    _check(found.by, report.dimensions, f"the report {report.name} can't be by")
    narrowed = [name for name, _ in found.filters]
    _check(narrowed, report.filters, f"the report {report.name} can't be narrowed to a")
    _check_days(report, found)
    return replace(found, weeks=_weeks(report, first.get(_WEEKS)))


def _weeks(report: Report, given: str | None) -> int:
    if given is None:
        return USUAL_WEEKS
    if not report.is_forecast:
        raise BadQuestion(f"the report {report.name} forecasts nothing; leave {_WEEKS} out")
    return number_from(_WEEKS, given, MOST_WEEKS)


def _check_days(report: Report, found: Question) -> None:
    if found.compares and not report.is_comparable:
        raise BadQuestion(
            f"the report {report.name} has no previous period to compare with, since its rows are "
            f"of calendar weeks; ask for both periods, one after the other"
        )
    if report.has_utc_days and found.time_zone != "UTC":
        raise BadQuestion(
            f"the report {report.name} has days of UTC, not of {found.time_zone}: the periods of "
            f"statements are; leave time_zone out"
        )


def _check(names: Sequence[str], known: Sequence[str], what: str) -> None:
    for name in names:
        if name not in known:
            raise BadQuestion(f"{what} {name}; choose of {_list(known)}")


def _list(names: Sequence[str] | Mapping[str, Any]) -> str:
    return ", ".join(names) or ALL
