"""Catalogue of the reports, read from their SQL files, and their execution."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any, Final

from clickhouse_connect.driver.client import Client

from reftrail.contracts.money import amount_text
from reftrail.reports.questions import DIMENSIONS, BadQuestion, Question
from reftrail.reports.sql import names, sql

_MEASURE: Final = re.compile(
    r"-- (?P<name>[a-z_]+)(?: \((?P<heading>.+?)\))?: (?P<kind>[a-z]+)\. (?P<meaning>.+)"
)


class MeasureKind(StrEnum):
    """Kind of a measure's values. All but a count may be null.

    An integer; a decimal string with 2 to 6 places; a number with 4 places; a number with 2; text.
    """

    COUNT = "count"
    MONEY = "money"
    RATE = "rate"
    NUMBER = "number"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Measure:
    """One column of a report's answer. heading is for narrow tables, one line each word."""

    name: str
    heading: str
    kind: MeasureKind
    meaning: str


@dataclass(frozen=True, slots=True)
class Report:
    """One SQL file."""

    name: str
    title: str
    measures: tuple[Measure, ...]
    sql: str


@dataclass(frozen=True, slots=True)
class ReportAnswer:
    """Answer of a report: its columns, dimensions first, and a row a combination of these.

    as_of is the time up to which everything public is counted, in RFC 3339; None while the
    warehouse still catches up for the first time.
    """

    as_of: str | None
    columns: tuple[str, ...]
    rows: list[dict[str, Any]]


@cache
def catalogue() -> Mapping[str, Report]:
    """All reports by name."""
    return {name: _read(name, sql(name), sql("_dimensions")) for name in names()}


def find(name: str) -> Report:
    """A report by name. Raises `BadQuestion`, naming those there are."""
    found = catalogue().get(name)
    if found is None:
        raise BadQuestion(f"there is no report {name!r}; there are {', '.join(catalogue())}")
    return found


def ask(client: Client, report: Report, asked: Question, as_of: str | None) -> ReportAnswer:
    """Run a report; blocks. as_of must have been read before."""
    rows = client.query(
        report.sql,
        parameters={"by": list(asked.by), "since": asked.since, "until": asked.until},
    ).named_results()
    columns = tuple(DIMENSIONS[name] for name in asked.by)
    return ReportAnswer(
        as_of=as_of,
        columns=(*columns, *(measure.name for measure in report.measures)),
        rows=[_row(row, report, asked) for row in rows],
    )


def _row(row: Mapping[str, Any], report: Report, asked: Question) -> dict[str, Any]:
    dimensions = {DIMENSIONS[name]: row[f"by_{name}"] for name in asked.by}
    currency = row.get("currency")
    measures = {one.name: _value(row[one.name], one.kind, currency) for one in report.measures}
    return dimensions | measures


def _value(value: Any, kind: MeasureKind, currency: str | None) -> Any:
    match kind:
        case _ if value is None:
            return None
        case MeasureKind.MONEY:
            return amount_text(value, currency)
        case MeasureKind.RATE:
            return round(value, 4)
        case MeasureKind.NUMBER:
            return round(value, 2)
        case MeasureKind.COUNT | MeasureKind.TEXT:
            return value


def _read(name: str, text: str, shared: str) -> Report:
    head = [line for line in text.splitlines() if line.startswith("--")]
    found = [match for line in head if (match := _MEASURE.fullmatch(line))]
    return Report(
        name=name,
        title=head[0].removeprefix("-- "),
        measures=tuple(
            Measure(
                name=match["name"],
                heading=match["heading"] or match["name"].replace("_", " "),
                kind=MeasureKind(match["kind"]),
                meaning=match["meaning"],
            )
            for match in found
        ),
        sql=f"{shared}\n{text}",
    )
