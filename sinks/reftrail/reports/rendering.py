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

from reftrail.reports.catalogue import ReportAnswer
from reftrail.reports.comparison import PREVIOUS_PREFIX
from reftrail.reports.formula_safety import formula_safe
from reftrail.reports.limits import only_first_of
from reftrail.reports.report_files import Measure, MeasureKind, Report

NOTHING: Final = "-"
NARROW: Final = 80
_LEAST_FOLDED: Final = 8
_LEAST_FOLDED_TEXT: Final = 36
"""Of texts beside the dimensions, which may be several: ids of users are often as long."""
_CURRENCY: Final = "currency"
_BELOW: Final = "\n "
"""Under a text in a row of figures that have their change below."""


class AnswerFormat(StrEnum):
    """Format of an answer."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


def as_json(answer: ReportAnswer) -> bytes:
    """{"as_of": ..., "only_first": ..., "rows": [...]}."""
    return msgspec.json.encode(
        {"as_of": answer.as_of, "only_first": answer.only_first, "rows": answer.rows}
    )


def as_csv(report: Report, answer: ReportAnswer) -> str:
    """A header, then the rows; nothing where a value is null, text safe from being a formula."""
    numbers = {measure.name for measure in report.measures if not measure.kind.is_text}
    texts = {name for name in answer.columns if name.removeprefix(PREVIOUS_PREFIX) not in numbers}
    out = StringIO()
    writer = csv.DictWriter(out, answer.columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(
        {name: _csvfigure_of(value, name in texts) for name, value in row.items()}
        for row in answer.rows
    )
    return out.getvalue()


def _csvfigure_of(value: Any, is_text: bool) -> Any:
    return formula_safe(value) if is_text and value is not None else value


def as_table(report: Report, answer: ReportAnswer, width: int = NARROW) -> str:
    """Numbers to the right. Texts are folded where the width (in characters) is scarce.

    Columns that don't fit go into a further block below, with the dimensions again. A measure that
    is nothing in all rows, and a currency that is the same in all, stand below. A compared figure
    has its change under it. A column is never cut off.
    """
    measures = [measure for measure in report.measures if not _goes_below(measure, answer)]
    names = {measure.name for measure in report.measures}
    dimensions = [
        _dimension(name, answer)
        for name in answer.columns
        if name.removeprefix(PREVIOUS_PREFIX) not in names
    ]
    keys = [_measure(measure, answer) for measure in measures if measure.kind is MeasureKind.KEY]
    figures = [
        _measure(measure, answer) for measure in measures if measure.kind is not MeasureKind.KEY
    ]
    blocks = _blocks([*dimensions, *keys], figures, width)
    lines = "\n\n".join(_block(columns, width) for columns in blocks)
    footer = (fill(line, width) for line in _footer(report, answer))
    return "\n".join([fill(report.title, width), "", lines, *footer]) + "\n"


def _blocks(
    leading: "list[_Column]", figures: "list[_Column]", width: int
) -> "Iterator[list[_Column]]":
    """The columns in as many tables as it takes, each with the leading ones."""
    room = width - sum(column.least + 1 for column in leading)
    taken: list[_Column] = []
    for column in figures:
        if taken and sum(known.least + 1 for known in (*taken, column)) > room:
            yield [*leading, *taken]
            taken = []
        taken.append(column)
    yield [*leading, *taken]


def _block(columns: "list[_Column]", width: int) -> str:
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
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


@dataclass(frozen=True, slots=True)
class _Column:
    """heading has a line for each word, least is the width (in characters) it can't go below."""

    heading: str
    cells: list[Text]
    is_number: bool
    least: int


def _dimension(name: str, answer: ReportAnswer) -> _Column:
    heading = name.replace("_", "\n")
    below = _BELOW if _is_compared(answer) else ""
    cells = [Text(figure_of(row[name], MeasureKind.TEXT) + below) for row in answer.rows]
    least = min(_LEAST_FOLDED, max([len(name), *(len(cell) - len(below) for cell in cells)]))
    return _Column(heading, cells, is_number=False, least=max(least, *_widths(heading)))


def _measure(measure: Measure, answer: ReportAnswer) -> _Column:
    heading = measure.heading.replace(" ", "\n")
    cells = [Text(_compared(row, measure)) for row in answer.rows]
    widths = [0, *(width for cell in cells for width in _widths(cell.plain)), *_widths(heading)]
    least = max(widths)
    if measure.kind.is_text:
        least = max(min(_LEAST_FOLDED_TEXT, least), *_widths(heading))
    return _Column(heading, cells, is_number=not measure.kind.is_text, least=least)


def _compared(row: dict[str, Any], measure: Measure) -> str:
    """A figure, and under it how it has changed since the period before, if that was asked for."""
    value = row[measure.name]
    text = figure_of(value, measure.kind)
    name = f"{PREVIOUS_PREFIX}{measure.name}"
    if measure.kind.is_text:
        return text + _BELOW * any(field.startswith(PREVIOUS_PREFIX) for field in row)
    if name not in row:
        return text
    return f"{text}\n{_change(value, row[name], measure.kind)}"


def _is_compared(answer: ReportAnswer) -> bool:
    return any(name.startswith(PREVIOUS_PREFIX) for name in answer.columns)


def _change(value: Any, before: Any, kind: MeasureKind) -> str:
    if value is None or before is None:
        return f"was {figure_of(before, kind)}"
    now, then = float(value), float(before)
    if kind is MeasureKind.RATE:
        return f"{100 * (now - then):+.2f}pp"
    return f"{(now - then) / abs(then):+.1%}" if then else f"was {figure_of(before, kind)}"


def _widths(text: str) -> list[int]:
    return [0, *map(len, text.splitlines())]


def figure_of(value: Any, kind: MeasureKind, rate_places: int = 2) -> str:
    """A measure's value for people; rates are percentages with so many places."""
    match kind:
        case _ if value is None:
            return NOTHING
        case MeasureKind.COUNT:
            return f"{value:,}"
        case MeasureKind.RATE:
            return f"{value:.{rate_places}%}"
        case MeasureKind.NUMBER:
            return f"{value:,.2f}"
        case _:
            return str(value)


def _goes_below(measure: Measure, answer: ReportAnswer) -> bool:
    found = {row[measure.name] for row in answer.rows}
    if measure.name == _CURRENCY:
        return len(found - {None}) <= 1
    found |= {row.get(f"{PREVIOUS_PREFIX}{measure.name}") for row in answer.rows}
    return measure.kind is not MeasureKind.KEY and found <= {None, 0}


def _footer(report: Report, answer: ReportAnswer) -> Iterator[str]:
    if answer.rows:
        below = [measure for measure in report.measures if _goes_below(measure, answer)]
        nothing = [measure.name for measure in below if measure.name != _CURRENCY]
        if nothing:
            yield f"Nothing in any row: {', '.join(nothing)}."
        if _CURRENCY in {measure.name for measure in below}:
            found = {row[_CURRENCY] for row in answer.rows} - {None}
            yield from (f"Values in {currency}." for currency in found)
    if answer.only_first is not None:
        yield only_first_of(answer.only_first)
    if answer.as_of is None:
        yield "The warehouse is still catching up: there is more to come."
    else:
        rows = "row" if len(answer.rows) == 1 else "rows"
        yield f"{len(answer.rows)} {rows}, as of {answer.as_of}"
