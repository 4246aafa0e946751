"""Catalogue of the reports, read from their SQL files, and their execution."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from reftrail.contracts.money import amount_text
from reftrail.reports.code_spelling import registered_spelling
from reftrail.reports.comparison import PREVIOUS_PREFIX, Side, compared
from reftrail.reports.filling import Shape, filled, periods_of
from reftrail.reports.forecast.weeks import of_whole_weeks, with_forecast
from reftrail.reports.limits import (
    MOST_ROWS,
    MOST_SECONDS,
    leaves_some_out,
    takes_too_long,
    too_many_rows,
)
from reftrail.reports.periods import Granularity, name_of
from reftrail.reports.placed_facts import PLACED_SETTINGS, PlacedFacts
from reftrail.reports.questions import DIMENSIONS, BadQuestion, Question
from reftrail.reports.report_files import (
    CODE_FILTERS_PLACE,
    FACT_FILTERS_PLACE,
    FILTERS_PLACE,
    WITH_FACTS_PLACE,
    MeasureKind,
    Report,
    read,
)
from reftrail.reports.sql import names
from reftrail.reports.sums import of_placed, of_single_facts

_EVERY_DIMENSION: Final = (
    "by_campaign, by_category, by_channel, by_source, by_code, by_country, by_period"
)
"""Columns by which every query groups, as its file has them."""
_ONLY_OF_FACTS: Final = ("source", "country")
"""Filters by what no code is registered with."""
_LIMITS: Final[dict[str, Any]] = {
    "max_result_rows": MOST_ROWS,
    "result_overflow_mode": "throw",
    "max_execution_time": MOST_SECONDS,
}


@dataclass(frozen=True, slots=True)
class ReportAnswer:
    """Answer of a report: its columns, dimensions first, and a row a combination of these.

    as_of is the time up to which everything public is counted, in RFC 3339; None while the
    warehouse still catches up for the first time. only_first: a list has only the first so many for
    each combination, and there may be more; None if it has all.
    """

    as_of: str | None
    columns: tuple[str, ...]
    rows: list[dict[str, Any]]
    only_first: int | None = None


@cache
def catalogue() -> Mapping[str, Report]:
    """All reports by name."""
    return {name: read(name) for name in names()}


def find(name: str) -> Report:
    """A report by name. Raises `BadQuestion`, naming those there are."""
    found = catalogue().get(name)
    if found is None:
        raise BadQuestion(f"there is no report {name!r}; there are {', '.join(catalogue())}")
    return found


def columns_of(report: Report, asked: Question) -> tuple[str, ...]:
    """The columns of an answer, dimensions first, and each measure before its previous value."""
    measures = tuple(
        name
        for measure in report.measures
        for name in (measure.name, f"{PREVIOUS_PREFIX}{measure.name}")
        if name == measure.name or (asked.compares and measure.kind is not MeasureKind.KEY)
    )
    return (*(DIMENSIONS[name] for name in asked.by), *measures)


def ask(
    client: Client,
    report: Report,
    asked: Question,
    as_of: str | None,
    placed: PlacedFacts | None = None,
) -> ReportAnswer:
    """Run a report; blocks. as_of must have been read before. With placed facts it reads these.

    Raises `BadQuestion` if its answer is too long, or takes too long.
    """
    asked = replace(asked, filters=tuple(_spelled(client, asked)))
    shape = _shape(report, asked)
    if report.is_forecast:
        asked = of_whole_weeks(asked, _until(as_of))
        rows = with_forecast(_rows(client, report, asked, placed), asked, shape.dimensions)
        return ReportAnswer(as_of, columns_of(report, asked), rows)
    found = _rows(client, report, asked, placed)
    found_before: list[dict[str, Any]] = []
    if asked.compares:
        found_before = _rows(client, report, asked.previous(), placed)
    now = _side(report, asked, shape, found, found_before)
    rows = list(now.rows)
    if asked.compares:
        before = _side(report, asked.previous(), shape, found_before, found)
        if report.most is not None and (now.is_cut or before.is_cut):
            raise BadQuestion(leaves_some_out(report.most))
        rows = compared(now, before, shape)
        if len(rows) > MOST_ROWS:
            raise BadQuestion(too_many_rows())
    only_first = report.most if now.is_cut else None
    return ReportAnswer(as_of, columns_of(report, asked), rows, only_first)


def _until(as_of: str | None) -> datetime:
    """The time up to which everything is counted; that of now until all was loaded once."""
    return datetime.now(UTC) if as_of is None else datetime.fromisoformat(as_of)


def _side(
    report: Report,
    asked: Question,
    shape: Shape,
    rows: list[dict[str, Any]],
    beside: list[dict[str, Any]],
) -> Side:
    """The rows with those of zeros. Raises `BadQuestion` if these may be missing ones instead.

    beside are the rows that they are compared with.
    """
    is_cut = _is_cut(rows, report, shape)
    if report.most is not None and is_cut and asked.unit:
        raise BadQuestion(leaves_some_out(report.most))
    periods = periods_of(rows, asked, shape)
    return Side(filled(rows, periods, shape, beside), periods, is_cut)


def _is_cut(rows: Sequence[Mapping[str, Any]], report: Report, shape: Shape) -> bool:
    """Whether there may be more rows than the report lists."""
    if report.most is None:
        return False
    names = (*shape.dimensions, shape.keys[0])
    different = {tuple(row[name] for name in names) for row in rows}
    of_each = Counter(values[:-1] for values in different)
    return max(of_each.values(), default=0) >= report.most


def _spelled(client: Client, asked: Question) -> Iterator[tuple[str, tuple[str, ...]]]:
    for name, given in asked.filters:
        is_code = name == "code"
        yield (
            name,
            tuple(registered_spelling(client, value) if is_code else value for value in given),
        )


def _rows(
    client: Client, report: Report, asked: Question, placed: PlacedFacts | None
) -> list[dict[str, Any]]:
    sql = (
        of_single_facts(report.sql)
        if placed is None
        else f"{of_placed(report, asked, placed)}\n{PLACED_SETTINGS}"
    )
    try:
        found = client.query(
            _narrowed(sql, asked),
            parameters={
                "by": list(asked.by),
                "since": asked.since,
                "until": asked.until,
                "time_zone": asked.time_zone,
                **{name: list(values) for name, values in asked.filters},
            },
            settings=_LIMITS,
        ).named_results()
    except DatabaseError as error:
        if (limit := _limit_reached(error)) is not None:
            raise BadQuestion(limit) from error
        raise
    return [_row(row, report, asked) for row in found]


def _narrowed(sql: str, asked: Question) -> str:
    conditions = {
        name: f"AND a.{DIMENSIONS[name]} IN {{{name}:Array(String)}}" for name, _ in asked.filters
    }
    of_facts = {name: text for name, text in conditions.items() if name in _ONLY_OF_FACTS}
    of_codes = {name: text for name, text in conditions.items() if name not in of_facts}
    texts = {
        _EVERY_DIMENSION: _columns_grouped_by(asked),
        FILTERS_PLACE: " ".join(conditions.values()),
        CODE_FILTERS_PLACE: " ".join(of_codes.values()),
        FACT_FILTERS_PLACE: " ".join([of_codes.get("code", ""), *of_facts.values()]),
        WITH_FACTS_PLACE: "WHERE f.its_code != ''" if of_facts else "",
    }
    for place, text in texts.items():
        sql = sql.replace(place, text)
    return sql


def _columns_grouped_by(asked: Question) -> str:
    """Those of dimensions that are asked for; the period where none is, so that there is one.

    Each column more makes keys of groups longer, null or not, and the query longer to plan.
    """
    named = [f"by_{name}" for name in asked.by if name not in list(Granularity)]
    return ", ".join([*named, "by_period"] if asked.unit or not named else named)


def _limit_reached(error: DatabaseError) -> str | None:
    """The limit that a report reaches, in words; None if it is none."""
    if "TOO_MANY_ROWS_OR_BYTES" in str(error):
        return too_many_rows()
    if "TIMEOUT_EXCEEDED" in str(error):
        return takes_too_long()
    return None


def _shape(report: Report, asked: Question) -> Shape:
    keys = [measure.name for measure in report.measures if measure.kind is MeasureKind.KEY]
    return Shape(
        dimensions=tuple(DIMENSIONS[name] for name in asked.by),
        keys=tuple(keys),
        empty=lambda row: {
            measure.name: _nothing(measure.kind, row.get("currency"))
            for measure in report.measures
            if measure.name not in keys
        },
        period=DIMENSIONS[asked.unit] if asked.unit else None,
        shared=report.shared,
        divided=report.divided,
    )


def _nothing(kind: MeasureKind, currency: str | None) -> Any:
    match kind:
        case MeasureKind.COUNT:
            return 0
        case MeasureKind.MONEY:
            return amount_text(0, currency)
        case _:
            return None


def _row(row: Mapping[str, Any], report: Report, asked: Question) -> dict[str, Any]:
    dimensions = {DIMENSIONS[name]: _dimension(row, name, asked) for name in asked.by}
    currency = row.get("currency")
    measures = {
        measure.name: _value(row[measure.name], measure.kind, currency)
        for measure in report.measures
    }
    return dimensions | measures


def _dimension(row: Mapping[str, Any], name: str, asked: Question) -> str | None:
    if name in list(Granularity):
        return name_of(Granularity(name), row["by_period"], asked.zone)
    found: str | None = row[f"by_{name}"]
    return found


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
        case MeasureKind.COUNT | MeasureKind.TEXT | MeasureKind.KEY:
            return value
