"""Rendering of an answer as JSON, CSV or a table for a terminal."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from io import StringIO
from textwrap import fill
from typing import Any, Final

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from reftrail.reports.catalogue import Measure, MeasureKind, Report, ReportAnswer

_NOTHING: Final = "-"
NARROW: Final = 80
_LEAST_FOLDED: Final = 8
_CURRENCY: Final = "currency"


class AnswerFormat(StrEnum):
    """Format of an answer."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


def as_json(answer: ReportAnswer) -> bytes:
    """{"as_of": ..., "rows": [...]}."""
    return msgspec.json.encode({"as_of": answer.as_of, "rows": answer.rows})


def as_csv(answer: ReportAnswer) -> str:
    """A header, then the rows; nothing where a value is null."""
    out = StringIO()
    writer = csv.DictWriter(out, answer.columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(answer.rows)
    return out.getvalue()


def as_table(report: Report, answer: ReportAnswer, width: int = NARROW) -> str:
    """Numbers to the right. Dimensions are folded where the width (in characters) is scarce.

    A measure that is nothing in all rows, and a currency that is the same in all, stand below.
    Wider than asked for rather than cut off.
    """
    measures = [one for one in report.measures if not _goes_below(one, answer)]
    names = {one.name for one in report.measures}
    columns = [
        *(_dimension(name, answer) for name in answer.columns if name not in names),
        *(_measure(one, answer) for one in measures),
    ]
    table = Table(box=None, padding=(0, 1, 0, 0))
    for column in columns:
        table.add_column(
            column.heading,
            justify="right" if column.is_number else "left",
            min_width=column.least,
            overflow="fold",
            vertical="bottom",
        )
    for cells in zip(*(column.cells for column in columns), strict=True):
        table.add_row(*cells)
    out = StringIO()
    least = sum(column.least + 1 for column in columns)
    console = Console(file=out, width=max(width, least), color_system=None, highlight=False)
    console.print(table, markup=False)
    lines = [line.rstrip() for line in out.getvalue().splitlines()]
    footer = (fill(line, width) for line in _footer(report, answer))
    return "\n".join([report.title, "", *lines, *footer]) + "\n"


@dataclass(frozen=True, slots=True)
class _Column:
    """heading has a line for each word, least is the width (in characters) it can't go below."""

    heading: str
    cells: list[Text]
    is_number: bool
    least: int


def _dimension(name: str, answer: ReportAnswer) -> _Column:
    heading = name.replace("_", "\n")
    cells = [Text(_cell(row[name], MeasureKind.TEXT)) for row in answer.rows]
    least = min(_LEAST_FOLDED, max([len(name), *map(len, cells)]))
    return _Column(heading, cells, is_number=False, least=max(least, *_widths(heading)))


def _measure(measure: Measure, answer: ReportAnswer) -> _Column:
    heading = measure.heading.replace(" ", "\n")
    cells = [Text(_cell(row[measure.name], measure.kind)) for row in answer.rows]
    least = max([*_widths(heading), *map(len, cells)])
    return _Column(heading, cells, is_number=measure.kind is not MeasureKind.TEXT, least=least)


def _widths(text: str) -> list[int]:
    return [0, *map(len, text.splitlines())]


def _cell(value: Any, kind: MeasureKind) -> str:
    match kind:
        case _ if value is None:
            return _NOTHING
        case MeasureKind.COUNT:
            return f"{value:,}"
        case MeasureKind.RATE:
            return f"{value:.2%}"
        case MeasureKind.NUMBER:
            return f"{value:,.2f}"
        case _:
            return str(value)


def _goes_below(measure: Measure, answer: ReportAnswer) -> bool:
    found = {row[measure.name] for row in answer.rows}
    if measure.name == _CURRENCY:
        return len(found - {None}) <= 1
    return found <= {None, 0}


def _footer(report: Report, answer: ReportAnswer) -> Iterator[str]:
    if answer.rows:
        below = [one for one in report.measures if _goes_below(one, answer)]
        nothing = [one.name for one in below if one.name != _CURRENCY]
        if nothing:
            yield f"Nothing in any row: {', '.join(nothing)}."
        if _CURRENCY in {one.name for one in below}:
            found = {row[_CURRENCY] for row in answer.rows} - {None}
            yield from (f"Values in {currency}." for currency in found)
    if answer.as_of is None:
        yield "The warehouse is still catching up: there is more to come."
    else:
        rows = "row" if len(answer.rows) == 1 else "rows"
        yield f"{len(answer.rows)} {rows}, as of {answer.as_of}"
